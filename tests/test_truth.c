#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/board.h"

#define BEFORE "idle preflight download stage verify wait "
#define SWITCH "stop backup migrate swap start health commit"

static void
a_crash_in_any_step_is_gone_on_from(void **state)
{
	int s, before;

	(void)state;
	for (s = STEP_IDLE; s <= STEP_COMMIT; s++)
		for (before = 0; before < 2; before++) {
			board_reset();
			board_set((enum step)s, ACT_CRASH, 1);
			board->script[s].before = before == 1;
			assert_int_equal(board_run(), 99);
			assert_int_equal(board_live(), s > STEP_SWAP || (s == STEP_SWAP &&
			    before == 0) ? 2 : 1);
			assert_int_equal(board_run(), 0);
			board_must_rest(2);
		}
}

static void
a_crash_during_rollback_is_gone_on_from(void **state)
{
	int before;

	(void)state;
	for (before = 0; before < 2; before++) {
		board_reset();
		board_set(STEP_HEALTH, ACT_FAIL, 1);
		board_set(STEP_ROLLBACK, ACT_CRASH, 2);
		board->script[STEP_ROLLBACK].before = before == 1;
		assert_int_equal(board_run(), 99);
		assert_int_equal(board_run(), 99);
		assert_int_equal(board_run(), 5);
		board_must_rest(1);
		assert_true(board->at_rollback.blamed);
		assert_string_equal(board->at_rollback.reason, "health-failed");
	}
}

static void
a_step_that_crashes_each_time_leads_to_rollback(void **state)
{
	int s, i, status = 99;

	(void)state;
	for (s = STEP_STOP; s <= STEP_HEALTH; s++) {
		board_reset();
		board_set((enum step)s, ACT_CRASH, 100);
		for (i = 0; i < 10 && (status = board_run()) == 99; i++)
			continue;
		assert_int_equal(status, 5);
		assert_int_equal(100 - board->script[s].times, 3);
		assert_string_equal(board->at_rollback.reason, "crashed");
		board_must_rest(1);
	}
}

static void
a_device_that_restarts_each_time_rolls_back_in_the_end(void **state)
{
	int s, i, status = 99;

	(void)state;
	for (s = STEP_STOP; s <= STEP_HEALTH; s++) {
		board_reset();
		board_set((enum step)s, ACT_CRASH, 100);
		board->script[s].before = true;
		for (i = 0; i < 12 && (status = board_run()) == 99; i++)
			(void)snprintf(board_boot, sizeof board_boot, "boot-%d", i);
		assert_int_equal(status, 5);
		assert_true(100 - board->script[s].times <= DRIVE_CRASHES_MAX + 1);
		board_must_rest(1);
	}
}

static void
a_rollback_that_crashes_each_time_is_stuck(void **state)
{
	int i, status = 99;

	(void)state;
	board_set(STEP_HEALTH, ACT_FAIL, 1);
	board_set(STEP_ROLLBACK, ACT_CRASH, 100);
	for (i = 0; i < 30 && (status = board_run()) == 99; i++)
		continue;
	assert_int_equal(status, 5);
	assert_int_equal(board_marked(NULL), STEP_STUCK);
}

static void
after_a_restart_the_service_is_stopped_anew_before_the_swap(void **state)
{
	(void)state;
	board_set(STEP_BACKUP, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	(void)strcpy(board_boot, "boot-b");
	board->trace[0] = '\0';
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace, SWITCH " idle");
	board_must_rest(2);
}

static void
a_restart_during_migrate_goes_back_without_blame(void **state)
{
	(void)state;
	board_set(STEP_MIGRATE, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	(void)strcpy(board_boot, "boot-b");
	assert_int_equal(board_run(), 5);
	assert_string_equal(board->at_rollback.reason, "interrupted");
	assert_false(board->at_rollback.blamed);
	board_must_rest(1);
}

static void
a_third_release_is_stuck_and_nothing_is_touched(void **state)
{
	int s;

	(void)state;
	for (s = STEP_STOP; s <= STEP_COMMIT; s++) {
		board_reset();
		board_set((enum step)s, ACT_CRASH, 1);
		assert_int_equal(board_run(), 99);
		board_point_at(3);
		board->trace[0] = '\0';
		assert_int_equal(board_run(), 5);
		assert_string_equal(board->trace, "");
		assert_int_equal(board_marked(NULL), STEP_STUCK);
		assert_int_equal(board_live(), 3);
	}
}

static void
a_plan_for_another_release_is_dropped(void **state)
{
	struct mark m;

	(void)state;
	board_set(STEP_STAGE, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	assert_int_equal(board_marked(&m), STEP_STAGE);
	board_point_at(3);
	board->trace[0] = '\0';
	assert_int_equal(board_run(), 0);
	assert_string_equal(board->trace, "idle");
	board_must_rest(3);
}

static void
the_old_release_live_again_after_the_swap_goes_back(void **state)
{
	int s;

	(void)state;
	for (s = STEP_START; s <= STEP_COMMIT; s++) {
		board_reset();
		board_set((enum step)s, ACT_CRASH, 1);
		assert_int_equal(board_run(), 99);
		board_point_at(1);
		assert_int_equal(board_run(), 5);
		assert_string_equal(board->at_rollback.reason, "live-changed");
		assert_false(board->at_rollback.blamed);
		board_must_rest(1);
	}
}

static void
a_dangling_link_stops_everything(void **state)
{
	(void)state;
	board_point_at(9);
	assert_int_equal(board_run(), 5);
	assert_string_equal(board->trace, "");
	assert_int_equal(scratch_count(board_scratch, "state"), 0);
}

static void
a_lost_journal_goes_by_what_lives(void **state)
{
	char path[300];
	int s;

	(void)state;
	for (s = STEP_STAGE; s <= STEP_COMMIT; s++) {
		board_reset();
		board_set((enum step)s, ACT_CRASH, 1);
		assert_int_equal(board_run(), 99);
		(void)snprintf(path, sizeof path, "%s/state/journal",
		    board_scratch->path);
		assert_int_equal(truncate(path, 100), 0);
		assert_int_equal(board_run(), 0);
		board_must_rest(2);
	}
}

static void
at_boot_only_a_switch_is_looked_at(void **state)
{
	const struct board_flags f = { .recovering = true };

	(void)state;
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace, "");
	board_set(STEP_STAGE, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	board->trace[0] = '\0';
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace, "");
	assert_int_equal(board_marked(NULL), STEP_STAGE);
	board_reset();
	board_set(STEP_SWAP, ACT_CRASH, 1);
	board->script[STEP_SWAP].before = false;
	assert_int_equal(board_run(), 99);
	board->trace[0] = '\0';
	board_set(STEP_START, ACT_LATER, 1);
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace, "swap start");
	assert_int_equal(board_run(), 0);
	board_must_rest(2);
	/* What is finished at boot does not begin anything new. */
	board_reset();
	board_set(STEP_COMMIT, ACT_CRASH, 1);
	assert_int_equal(board_run(), 99);
	board->trace[0] = '\0';
	assert_int_equal(board_run_with(&f), 0);
	assert_string_equal(board->trace, "commit");
	board_must_rest(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOARD_TEST(a_crash_in_any_step_is_gone_on_from),
		BOARD_TEST(a_crash_during_rollback_is_gone_on_from),
		BOARD_TEST(a_step_that_crashes_each_time_leads_to_rollback),
		BOARD_TEST(a_device_that_restarts_each_time_rolls_back_in_the_end),
		BOARD_TEST(a_rollback_that_crashes_each_time_is_stuck),
		BOARD_TEST(after_a_restart_the_service_is_stopped_anew_before_the_swap),
		BOARD_TEST(a_restart_during_migrate_goes_back_without_blame),
		BOARD_TEST(a_third_release_is_stuck_and_nothing_is_touched),
		BOARD_TEST(a_plan_for_another_release_is_dropped),
		BOARD_TEST(the_old_release_live_again_after_the_swap_goes_back),
		BOARD_TEST(a_dangling_link_stops_everything),
		BOARD_TEST(a_lost_journal_goes_by_what_lives),
		BOARD_TEST(at_boot_only_a_switch_is_looked_at),
	};

	board_make();
	return cmocka_run_group_tests_name("truth", tests, NULL, NULL);
}
