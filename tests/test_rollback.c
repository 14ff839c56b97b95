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

/* Sign release n's tree once more with a schema. */
static void
sign_with_schema(uint64_t n, uint64_t schema)
{
	char path[64];
	struct err e = ERR_INIT;
	struct listing *l;
	struct record rec;
	int fd = live_open_tree(&switch_lab->dev, n, &e);

	(void)snprintf(path, sizeof path, "%s", switch_lab->conf.swap == SWAP_EXCHANGE &&
	    switch_live() == n ? "app" : "");
	if (path[0] == '\0')
		(void)snprintf(path, sizeof path, "%s/%d", switch_releases(), (int)n);
	lab_device_sh(switch_lab, "rm -rf %s/.delta", path);
	l = lab_device_record(switch_lab, path, n, &rec);
	rec.data_schema = schema;
	rec.data_reads = schema;
	rec.data = DATA_FORWARD_ONLY;
	if (fd == -1 || tree_record_write(fd, &rec, l, &e) == -1)
		fail_msg("%s", e.text);
	(void)close(fd);
	listing_free(l);
	record_clear(&rec);
}

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
a_release_that_does_not_start_is_rolled_back(void **state)
{
	(void)state;
	switch_all_hooks();
	switch_hook(HOOK_START, "test $DELTA_STEP = rollback");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_live(), 1);
	switch_must_log(
	    "stop/stop backup/backup migrate/migrate start/start stop/rollback "
	    "restore/rollback start/rollback health/rollback rollback/rollback notify/idle ");
	assert_true(switch_quarantined());
	assert_string_equal(switch_last_result(), "rolled-back");
	lab_device_sh(switch_lab, "test ! -e %s/2", switch_releases());
}

static void
an_unhealthy_release_is_rolled_back(void **state)
{
	(void)state;
	switch_hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_live(), 1);
	assert_true(switch_quarantined());
	switch_must_log("health/health health/rollback ");
}

static void
a_service_that_cannot_be_stopped_is_no_fault_of_the_release(void **state)
{
	(void)state;
	switch_hook(HOOK_STOP, "exit 3");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_live(), 1);
	assert_false(switch_quarantined());
	lab_device_sh(switch_lab, "test -e %s/2", switch_releases());
}

static void
data_are_restored_when_migrate_fails(void **state)
{
	(void)state;
	switch_to.data_schema = 2;
	switch_to.data = DATA_FORWARD_ONLY;
	lab_device_sh(switch_lab, "echo old > DATA");
	switch_hook(HOOK_BACKUP,
	    "cp $DELTA_OLD_TREE/../../../DATA $DELTA_BACKUP_DIR/ 2>/dev/null"
	    " || cp $DELTA_NEW_TREE/../../../DATA $DELTA_BACKUP_DIR/");
	(void)snprintf(switch_lines[HOOK_MIGRATE], sizeof switch_lines[HOOK_MIGRATE],
	    "echo new > %s/DATA; exit 1", switch_lab->dir);
	switch_lab->conf.hooks[HOOK_MIGRATE] = switch_lines[HOOK_MIGRATE];
	switch_lab->conf.hook_timeout_s[HOOK_MIGRATE] = 20;
	(void)snprintf(switch_lines[HOOK_RESTORE], sizeof switch_lines[HOOK_RESTORE],
	    "cp $DELTA_BACKUP_DIR/DATA %s/DATA", switch_lab->dir);
	switch_lab->conf.hooks[HOOK_RESTORE] = switch_lines[HOOK_RESTORE];
	switch_lab->conf.hook_timeout_s[HOOK_RESTORE] = 20;
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_live(), 1);
	lab_device_sh(switch_lab, "grep -qx old DATA");
	assert_true(switch_quarantined());
}

static void
data_that_the_old_release_cannot_read_make_it_stuck(void **state)
{
	struct mark m;

	(void)state;
	sign_with_schema(1, 1);
	sign_with_schema(2, 2);
	switch_to.data_schema = 2;
	switch_to.data = DATA_FORWARD_ONLY;
	switch_hook(HOOK_MIGRATE, "true");
	switch_hook(HOOK_START, "exit 1");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_marked(&m), STEP_STUCK);
	assert_non_null(strstr(m.text, "cannot read the data"));
	assert_int_equal(switch_live(), 1);
	switch_must_log("migrate/migrate start/start ");
}

static void
a_file_written_in_place_is_put_right_before_the_switch(void **state)
{
	(void)state;
	lab_device_sh(switch_lab, "echo damaged > app/%slib/same",
	    switch_lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
	switch_hook(HOOK_STOP, "grep -qx same $DELTA_OLD_TREE/lib/same");
	switch_hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(switch_run(), 5);
	switch_must_log("stop/stop health/health stop/rollback health/rollback ");
	lab_device_sh(switch_lab, "grep -qx same app/%slib/same",
	    switch_lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
}

static void
a_tree_that_differed_before_is_gone_back_to_as_it_was(void **state)
{
	const char *below = switch_lab->conf.swap == SWAP_SYMLINK ? "current/" : "";

	(void)state;
	lab_device_sh(switch_lab, "echo mine > app/%snumber", below);
	switch_hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_live(), 1);
	assert_int_equal(switch_marked(NULL), STEP_IDLE);
	lab_device_sh(switch_lab, "grep -qx mine app/%snumber", below);
}

static void
an_old_tree_damaged_by_the_new_release_is_put_right_or_stuck(void **state)
{
	struct mark m;

	(void)state;
	switch_hook(HOOK_START,
	    "test $DELTA_STEP = rollback || { echo x > $DELTA_OLD_TREE/lib/same;"
	    " exit 1; }");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_marked(NULL), STEP_IDLE);
	lab_device_sh(switch_lab, "grep -qx same app/%slib/same",
	    switch_lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
	switch_release(3);
	switch_target(3);
	switch_hook(HOOK_START,
	    "test $DELTA_STEP = rollback || { echo x > $DELTA_OLD_TREE/number;"
	    " exit 1; }");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_marked(&m), STEP_STUCK);
	assert_non_null(strstr(m.text, "number"));
}

static void
at_boot_a_damaged_old_tree_waits_for_the_network(void **state)
{
	const struct switch_flags boot = { true, NULL };
	char text[2048];

	(void)state;
	switch_all_hooks();
	leave_mark(STEP_ROLLBACK, false, false);
	lab_device_sh(switch_lab, "echo x > app/%snumber",
	    switch_lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
	assert_int_equal(switch_run_with(&boot, text), 3);
	assert_int_equal(switch_marked(NULL), STEP_ROLLBACK);
	assert_int_equal(switch_live(), 1);
}

static void
a_first_install_that_fails_leaves_nothing_live(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(live_remove(&switch_lab->dev, 1, &e), 0);
	switch_hook(HOOK_STOP, "true");
	switch_hook(HOOK_HEALTH, "exit 1");
	assert_int_equal(switch_run(), 5);
	assert_int_equal(switch_live(), 0);
	assert_int_equal(switch_marked(NULL), STEP_IDLE);
	assert_true(switch_quarantined());
}

static void
a_person_goes_back_and_the_release_is_held(void **state)
{
	struct switch_flags f = { false, NULL };
	struct mark m;
	char text[2048];

	(void)state;
	assert_int_equal(switch_run(), 0);
	switch_all_hooks();
	memset(&m, 0, sizeof m);
	m.from = 1;
	m.to = 2;
	m.to_listing = switch_to.listing;
	f.rollback = &m;
	assert_int_equal(switch_run_with(&f, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(switch_live(), 1);
	assert_int_equal(hold_get(&switch_lab->dev), 2);
	assert_false(switch_quarantined());
	assert_string_equal(switch_last_result(), "manual-rollback");
	switch_must_log("stop/rollback start/rollback health/rollback rollback/rollback "
	    "notify/idle ");
	lab_device_sh(switch_lab, "test -e %s/2", switch_releases());
}

static void
data_are_never_restored_twice(void **state)
{
	(void)state;
	switch_all_hooks();
	leave_mark(STEP_ROLLBACK, true, true);
	assert_int_equal(switch_run(), 5);
	switch_must_log("start/rollback health/rollback rollback/rollback notify/idle ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(a_release_that_does_not_start_is_rolled_back),
		IN_BOTH(an_unhealthy_release_is_rolled_back),
		IN_BOTH(a_service_that_cannot_be_stopped_is_no_fault_of_the_release),
		IN_BOTH(data_are_restored_when_migrate_fails),
		IN_BOTH(data_that_the_old_release_cannot_read_make_it_stuck),
		IN_BOTH(a_file_written_in_place_is_put_right_before_the_switch),
		IN_BOTH(a_tree_that_differed_before_is_gone_back_to_as_it_was),
		IN_BOTH(an_old_tree_damaged_by_the_new_release_is_put_right_or_stuck),
		IN_BOTH(at_boot_a_damaged_old_tree_waits_for_the_network),
		IN_BOTH(a_first_install_that_fails_leaves_nothing_live),
		IN_BOTH(a_person_goes_back_and_the_release_is_held),
		IN_BOTH(data_are_never_restored_twice),
	};

	return cmocka_run_group_tests_name("rollback", tests, NULL, NULL);
}
