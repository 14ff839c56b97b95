#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/data.h"
#include "apply/memory.h"

#include "tests/lab/switch.h"

/* The journal as a crash in this step would have left it. */
static void
leave_mark(enum step step, bool migrated, bool reverted)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(switch_lab->dev.state, NULL, &e);
	struct mark m;
	struct live l;

	memset(&l, 0, sizeof l);
	(void)live_read(&switch_lab->dev, &l, &e);
	memset(&m, 0, sizeof m);
	m.step = step;
	m.tries = 1;
	m.from = 1;
	m.to = 2;
	m.to_listing = switch_to.listing;
	m.migrated = m.backed_up = migrated;
	m.reverted = reverted;
	m.blamed = step == STEP_ROLLBACK;
	(void)strcpy(m.boot_id, "boot-a");
	(void)strcpy(m.reason, "health-failed");
	assert_int_equal(journal_write(j, &m, &e), 0);
	journal_close(j);
	lab_device_sh(switch_lab, ": > state/switching");
}

static void
hooks_run_in_their_order(void **state)
{
	(void)state;
	switch_all_hooks();
	assert_int_equal(switch_run(), 0);
	assert_int_equal(switch_live(), 2);
	switch_must_log(
	    "stop/stop backup/backup migrate/migrate start/start health/health "
	    "commit/commit notify/idle ");
	assert_string_equal(switch_last_result(), "updated");
	assert_int_equal(switch_marked(NULL), STEP_IDLE);
}

static void
the_schema_of_the_data_is_noted_after_migrate(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	switch_to.data_schema = 7;
	switch_to.data_reads = 5;
	switch_hook(HOOK_MIGRATE, "true");
	assert_int_equal(switch_run(), 0);
	assert_int_equal(data_schema(&switch_lab->dev, &e), 7);
}

static void
notify_is_told_what_came_to_an_end(void **state)
{
	(void)state;
	switch_hook(HOOK_NOTIFY, "test \"$DELTA_REASON $DELTA_FROM $DELTA_TO\""
	    " = 'updated 1 2' && echo told >> $(dirname $(dirname $(dirname "
	    "$DELTA_BACKUP_DIR)))/LOG");
	assert_int_equal(switch_run(), 0);
	switch_must_log("notify/idle told ");
}

static void
a_first_install_runs(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(live_remove(&switch_lab->dev, 1, &e), 0);
	switch_all_hooks();
	assert_int_equal(switch_run(), 0);
	assert_int_equal(switch_live(), 2);
	assert_string_equal(switch_last_result(), "installed");
}

static void
commit_keeps_two_releases(void **state)
{
	int n;

	(void)state;
	assert_int_equal(switch_run(), 0);
	for (n = 3; n <= 5; n++) {
		switch_release(n);
		switch_target((uint64_t)n);
		assert_int_equal(switch_run(), 0);
		assert_int_equal(switch_live(), n);
	}
	if (switch_lab->conf.swap == SWAP_SYMLINK)
		lab_device_sh(switch_lab, "test \"$(ls -A app/releases)\" = '4\n5'");
	else
		lab_device_sh(switch_lab, "test \"$(ls -A .app.delta/releases)\" = 4");
}

static void
a_commit_forgets_lower_quarantine(void **state)
{
	(void)state;
	switch_hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(switch_run(), 5);
	assert_true(switch_quarantined());
	switch_hook(HOOK_HEALTH, "true");
	switch_release(3);
	switch_target(3);
	assert_int_equal(switch_run(), 0);
	switch_release(2);
	switch_target(2);
	assert_false(switch_quarantined());
}

static void
at_boot_trees_are_put_right_and_nothing_is_started(void **state)
{
	const struct switch_flags boot = { true, NULL };
	struct err e = ERR_INIT;
	char text[2048];

	(void)state;
	switch_all_hooks();
	assert_int_equal(live_switch(&switch_lab->dev, 1, 2, &e), 0);
	leave_mark(STEP_SWAP, false, false);
	(void)strcpy(switch_lab->dev.boot_id, "boot-b");
	assert_int_equal(switch_run_with(&boot, text), 0);
	switch_must_log("");
	assert_int_equal(switch_live(), 2);
	assert_int_equal(switch_marked(NULL), STEP_START);
	assert_int_equal(switch_run(), 0);
	switch_must_log("start/start health/health commit/commit notify/idle ");
}

static void
at_boot_an_interrupted_migration_is_undone(void **state)
{
	const struct switch_flags boot = { true, NULL };
	char text[2048];

	(void)state;
	switch_all_hooks();
	leave_mark(STEP_MIGRATE, true, false);
	(void)strcpy(switch_lab->dev.boot_id, "boot-b");
	assert_int_equal(switch_run_with(&boot, text), 0);
	switch_must_log("restore/rollback ");
	assert_int_equal(switch_marked(NULL), STEP_ROLLBACK);
	assert_int_equal(switch_live(), 1);
	assert_int_equal(switch_run(), 5);
	assert_false(switch_quarantined());
	switch_must_log(
	    "restore/rollback start/rollback health/rollback rollback/rollback "
	    "notify/idle ");
}

static void
after_a_crash_in_health_the_service_is_started_again(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	switch_all_hooks();
	assert_int_equal(live_switch(&switch_lab->dev, 1, 2, &e), 0);
	leave_mark(STEP_HEALTH, false, false);
	(void)strcpy(switch_lab->dev.boot_id, "boot-b");
	assert_int_equal(switch_run(), 0);
	switch_must_log("start/health health/health commit/commit notify/idle ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(hooks_run_in_their_order),
		IN_BOTH(the_schema_of_the_data_is_noted_after_migrate),
		IN_BOTH(notify_is_told_what_came_to_an_end),
		IN_BOTH(a_first_install_runs),
		IN_BOTH(commit_keeps_two_releases),
		IN_BOTH(a_commit_forgets_lower_quarantine),
		IN_BOTH(at_boot_trees_are_put_right_and_nothing_is_started),
		IN_BOTH(at_boot_an_interrupted_migration_is_undone),
		IN_BOTH(after_a_crash_in_health_the_service_is_started_again),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
