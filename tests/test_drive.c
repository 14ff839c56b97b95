#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/switching.h"

#include "tests/lab/board.h"

#define BEFORE "idle preflight download stage verify wait "
#define SWITCH "stop backup migrate swap start health commit"

static void
an_update_walks_every_step_in_order(void **state)
{
	(void)state;
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace, BEFORE SWITCH " idle");
	board_must_rest(2);
}

static void
with_nothing_to_do_nothing_is_written(void **state)
{
	(void)state;
	board_point_at(2);
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace, "idle");
	assert_int_equal(scratch_count(board_scratch, "state"), 0);
}

static void
a_backup_of_the_running_application_comes_before_stop(void **state)
{
	const struct board_flags f = { .backup_running = true };

	(void)state;
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace,
	    BEFORE "backup stop migrate swap start health commit idle");
	board_reset();
	board_set(STEP_BACKUP, ACT_FAIL, 1);
	board->script[STEP_BACKUP].code = ERR_POLICY;
	assert_int_equal(board_run_with(&f), 5);
	assert_string_equal(board->trace, BEFORE "backup");
	board_must_rest(1);
}

static void
a_failure_before_stop_costs_nothing(void **state)
{
	int s;

	(void)state;
	for (s = STEP_PREFLIGHT; s < STEP_STOP; s++) {
		board_reset();
		board_set((enum step)s, ACT_FAIL, 1);
		board->script[s].code = ERR_ROOM;
		assert_int_equal(board_run(), 7);
		board_must_rest(1);
		assert_int_equal(board_run(), 0);
		board_must_rest(2);
	}
}

static void
a_failure_from_stop_on_goes_back(void **state)
{
	int s;

	(void)state;
	for (s = STEP_STOP; s <= STEP_HEALTH; s++) {
		board_reset();
		board_set((enum step)s, ACT_FAIL, 1);
		board->script[s].code = ERR_IO;
		assert_int_equal(board_run(), 5);
		board_must_rest(1);
		assert_non_null(strstr(board->trace, " rollback"));
		assert_int_equal(board->at_rollback.blamed, s >= STEP_MIGRATE);
		assert_string_equal(board->at_rollback.text, "scripted");
		assert_non_null(strstr(board->at_rollback.reason, "-failed"));
	}
}

static void
a_commit_that_fails_is_tried_until_it_works(void **state)
{
	(void)state;
	board_set(STEP_COMMIT, ACT_FAIL, 2);
	board->script[STEP_COMMIT].code = ERR_IO;
	assert_int_equal(board_run(), 1);
	assert_int_equal(board_marked(NULL), STEP_COMMIT);
	assert_int_equal(board_run(), 1);
	assert_int_equal(board_run(), 0);
	board_must_rest(2);
}

static void
a_rollback_that_fails_is_stuck_and_stays_so(void **state)
{
	struct mark m;

	(void)state;
	board_set(STEP_HEALTH, ACT_FAIL, 1);
	board_set(STEP_ROLLBACK, ACT_FAIL, 1);
	board->script[STEP_ROLLBACK].code = ERR_TRUST;
	assert_int_equal(board_run(), 5);
	assert_int_equal(board_marked(&m), STEP_STUCK);
	assert_string_equal(m.reason, "rollback-failed");
	assert_true(scratch_exists(board_scratch, "state/" SWITCHING_FILE));
	board->trace[0] = '\0';
	assert_int_equal(board_run(), 5);
	assert_string_equal(board->trace, "stuck");
	assert_int_equal(board_marked(&m), STEP_STUCK);
	assert_string_equal(m.reason, "rollback-failed");
	assert_string_equal(m.text, "scripted");
}

static void
a_step_that_waits_is_entered_again(void **state)
{
	int s;

	(void)state;
	for (s = STEP_DOWNLOAD; s <= STEP_HEALTH; s++) {
		char name[32];
		struct mark m;

		board_reset();
		board_set((enum step)s, ACT_LATER, 5);
		board->script[s].code = ERR_NET;
		assert_int_equal(board_run(), 3);
		assert_int_equal(board_marked(&m), s);
		/* More often than a step may crash: this is no crash. */
		board->script[s].times = 4;
		assert_int_equal(board_run(), 3);
		assert_int_equal(board_run(), 3);
		assert_int_equal(board_run(), 3);
		assert_int_equal(board_run(), 3);
		board->trace[0] = '\0';
		assert_int_equal(board_run(), 0);
		board_must_rest(2);
		(void)snprintf(name, sizeof name, "%s ", step_name((enum step)s));
		assert_memory_equal(board->trace, name, strlen(name));
	}
}

static void
a_new_plan_begins_at_idle(void **state)
{
	(void)state;
	board_set(STEP_DOWNLOAD, ACT_AGAIN, 2);
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace,
	    "idle preflight download idle preflight download "
	    "idle preflight download stage verify wait " SWITCH " idle");
	board_reset();
	board_set(STEP_STOP, ACT_AGAIN, 1);
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace, BEFORE "stop " BEFORE SWITCH " idle");
	board_must_rest(2);
}

static void
planning_anew_comes_to_an_end(void **state)
{
	(void)state;
	board_set(STEP_DOWNLOAD, ACT_AGAIN, 100000);
	board->script[STEP_DOWNLOAD].code = ERR_TRUST;
	assert_int_equal(board_run(), 4);
	assert_int_equal(board_live(), 1);
}

static void
a_signal_before_stop_leaves_the_mark(void **state)
{
	struct mark m;
	int s;

	(void)state;
	for (s = STEP_PREFLIGHT; s < STEP_STOP; s++) {
		board_reset();
		board_set((enum step)s, ACT_CANCEL, 1);
		assert_int_equal(board_run(), 1);
		assert_true(board_marked(&m) >= (enum step)s && m.step < STEP_STOP);
		assert_false(scratch_exists(board_scratch, "state/" SWITCHING_FILE));
		assert_int_equal(board_run(), 0);
		board_must_rest(2);
	}
}

static void
a_signal_from_stop_on_waits_for_the_commit(void **state)
{
	int s;

	(void)state;
	for (s = STEP_STOP; s <= STEP_COMMIT; s++) {
		board_reset();
		board_set((enum step)s, ACT_CANCEL, 1);
		assert_int_equal(board_run(), 0);
		board_must_rest(2);
		assert_null(strstr(board->trace, "rollback"));
	}
}

static void
a_signal_before_a_switch_is_gone_on_with_ends_the_run(void **state)
{
	const struct board_flags f = { .cancelled = true };
	struct mark m;

	(void)state;
	board_set(STEP_SWAP, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	board->trace[0] = '\0';
	assert_int_equal(board_run_with(&f), 1);
	assert_string_equal(board->trace, "");
	assert_int_equal(board_marked(&m), STEP_SWAP);
	assert_int_equal(m.tries, 1);
	assert_int_equal(board_run(), 0);
	board_must_rest(2);
}

static void
download_only_stops_before_stage(void **state)
{
	const struct board_flags f = { .download_only = true };

	(void)state;
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace, "idle preflight download");
	assert_int_equal(board_marked(NULL), STEP_STAGE);
	board->trace[0] = '\0';
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace, "stage verify wait " SWITCH " idle");
}

static void
a_dry_run_during_a_switch_only_says_so(void **state)
{
	const struct board_flags f = { .dry_run = true };

	(void)state;
	board_set(STEP_HEALTH, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	board->trace[0] = '\0';
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace, "");
	assert_int_equal(board_marked(NULL), STEP_HEALTH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOARD_TEST(an_update_walks_every_step_in_order),
		BOARD_TEST(with_nothing_to_do_nothing_is_written),
		BOARD_TEST(a_backup_of_the_running_application_comes_before_stop),
		BOARD_TEST(a_failure_before_stop_costs_nothing),
		BOARD_TEST(a_failure_from_stop_on_goes_back),
		BOARD_TEST(a_commit_that_fails_is_tried_until_it_works),
		BOARD_TEST(a_rollback_that_fails_is_stuck_and_stays_so),
		BOARD_TEST(a_step_that_waits_is_entered_again),
		BOARD_TEST(a_new_plan_begins_at_idle),
		BOARD_TEST(planning_anew_comes_to_an_end),
		BOARD_TEST(a_signal_before_stop_leaves_the_mark),
		BOARD_TEST(a_signal_from_stop_on_waits_for_the_commit),
		BOARD_TEST(a_signal_before_a_switch_is_gone_on_with_ends_the_run),
		BOARD_TEST(download_only_stops_before_stage),
		BOARD_TEST(a_dry_run_during_a_switch_only_says_so),
	};

	board_make();
	return cmocka_run_group_tests_name("drive", tests, NULL, NULL);
}
