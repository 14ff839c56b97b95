#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/data.h"
#include "apply/drive.h"
#include "apply/hooks.h"
#include "apply/memory.h"

#include "tests/lab/device.h"

/*
 * The switch with its real steps, hooks and swap; only what comes before stop is
 * replaced.  Release 1 is live, 2 stands beside it.
 */
static struct lab_device *lab;
static struct record target;		/* of release 2, as the plan has it */
static char hook_lines[HOOK_COUNT][512];
static char words[8][300];

static char *
keep(int i, const char *fmt, const char *arg)
{
	(void)snprintf(words[i], sizeof words[i], "%s%s", arg, fmt);
	return words[i];
}

static void
configure(void)
{
	struct conf *c = &lab->conf;

	c->name = keep(0, "", "demo");
	c->state = keep(1, "/state", lab->dir);
	c->run = keep(2, "/run", lab->dir);
	c->url = keep(3, "", "file:///nowhere");
	c->channel = keep(4, "", "stable");
	c->platform = keep(5, "", "any");
	c->keep = 2;
	c->health_timeout_s = 5;
	c->health_interval_s = 0;
	c->health_retries = 0;
	c->health_hold_s = 0;
	c->service_timeout_s = 20;
}

/* A hook that notes its name and step in LOG, then runs `line`. */
static void
hook(enum hook h, const char *line)
{
	(void)snprintf(hook_lines[h], sizeof hook_lines[h],
	    "echo %s/$DELTA_STEP >> %s/LOG; %s", hook_name(h), lab->dir, line);
	lab->conf.hooks[h] = hook_lines[h];
	lab->conf.hook_timeout_s[h] = 20;
}

static void
make_target(uint64_t release)
{
	struct err e = ERR_INIT;
	int fd = live_open_tree(&lab->dev, release, &e);

	record_clear(&target);
	if (fd == -1 || tree_record_read(fd, &target, NULL, &e) == -1)
		fail_msg("%s", e.text);
	(void)close(fd);
}

static const char *
releases(void)
{
	return lab->conf.swap == SWAP_SYMLINK ? "app/releases" : ".app.delta/releases";
}

static void
make_release(int n)
{
	char path[64];

	lab_device_sh(lab, "mkdir -p %s/%d/lib && cd %s/%d && echo %d > number &&"
	    " echo same > lib/same && chmod 755 lib", releases(), n, releases(), n, n);
	(void)snprintf(path, sizeof path, "%s/%d", releases(), n);
	lab_device_sign(lab, path, (uint64_t)n);
}

static int
open_with(enum swap_mode mode)
{
	struct err e = ERR_INIT;

	log_setup("test", LOG_QUIET);
	lab = lab_device_open(mode, NULL);
	configure();
	(void)snprintf(lab->dev.boot_id, sizeof lab->dev.boot_id, "boot-a");
	make_release(1);
	make_release(2);
	make_target(2);
	lab_device_sh(lab, "mkdir -p app && : > LOG");
	if (mode == SWAP_EXCHANGE)
		lab_device_sh(lab, "rmdir app");
	if (live_switch(&lab->dev, 0, 1, &e) == -1)
		fail_msg("%s", e.text);
	return 0;
}

static int
open_symlink(void **state)
{
	(void)state;
	return open_with(SWAP_SYMLINK);
}

static int
open_exchange(void **state)
{
	(void)state;
	return open_with(SWAP_EXCHANGE);
}

static int
close_lab(void **state)
{
	(void)state;
	record_clear(&target);
	lab_device_close(lab);
	return 0;
}

static uint64_t
live(void)
{
	struct err e = ERR_INIT;
	struct live l;

	memset(&l, 0, sizeof l);
	if (live_read(&lab->dev, &l, &e) == LIVE_STUCK)
		fail_msg("%s", e.text);
	return l.release;
}

static enum step_result
idle(struct run *r, struct err *e)
{
	struct live l;

	memset(&l, 0, sizeof l);
	(void)live_read(r->dev, &l, e);
	if (l.release >= target.release)
		return STEP_NOTHING;
	memset(&r->mark, 0, sizeof r->mark);
	r->mark.from = l.release;
	r->mark.from_listing = l.listing;
	r->mark.to = target.release;
	r->mark.to_listing = target.listing;
	return STEP_DONE;
}

static enum step_result
preflight(struct run *r, struct err *e)
{
	r->mark.schema_before = data_schema(r->dev, e);
	memset(&r->plan, 0, sizeof r->plan);
	if (record_copy(&r->plan.to, &target, e) == -1)
		return STEP_FAIL;
	r->has_plan = true;
	return STEP_DONE;
}

static enum step_result
done(struct run *r, struct err *e)
{
	return hooks_prepare(r, e) == -1 ? STEP_FAIL : STEP_DONE;
}

struct flags {
	bool recovering;
	const struct mark *rollback;
};

static int
run_with(const struct flags *f, char text[static 2048])
{
	struct step_row rows[STEP_COUNT];
	struct err e = ERR_INIT;
	struct run r;
	int status;

	memcpy(rows, drive_table(), sizeof rows);
	rows[STEP_IDLE].act = idle;
	rows[STEP_PREFLIGHT].act = preflight;
	rows[STEP_DOWNLOAD].act = rows[STEP_STAGE].act = rows[STEP_VERIFY].act = done;
	rows[STEP_WAIT].act = done;
	if (run_open(&r, &lab->dev, &e) == -1)
		fail_msg("%s", e.text);
	r.recovering = f->recovering;
	status = f->rollback != NULL ? drive_rollback(&r, f->rollback, &e) :
	    drive_with(&r, rows, &e);
	(void)snprintf(text, 2048, "%s", e.text);
	run_close(&r);
	return status;
}

static int
run(void)
{
	static const struct flags none;
	char text[2048];
	int status = run_with(&none, text);

	if (getenv("TEST_TALK") != NULL)
		fprintf(stderr, "%d %s\n", status, text);
	return status;
}

static void
assert_log(const char *want)
{
	struct buf got = BUF_INIT(65536);
	struct err e = ERR_INIT;
	char *p;

	assert_int_equal(fs_read_file(lab->fd, "LOG", &got, &e), 0);
	for (p = (char *)got.data; p != NULL && *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	assert_string_equal(buf_text(&got), want);
	buf_free(&got);
}

static enum step
marked(struct mark *out)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(lab->dev.state, NULL, &e);
	struct mark m;

	memset(&m, 0, sizeof m);
	(void)journal_read(j, &m);
	journal_close(j);
	if (out != NULL)
		*out = m;
	return m.step;
}

static bool
quarantined(void)
{
	char reason[64];

	return quarantine_has(&lab->dev, &target, reason);
}

static const char *
last_result(void)
{
	static char result[32];
	struct err e = ERR_INIT;
	struct jv *list = history_list(&lab->dev, &e);
	const char *text = jv_text(jv_get(jv_at(list, jv_count(list) - 1), "result"));

	(void)snprintf(result, sizeof result, "%s", text == NULL ? "" : text);
	jv_free(list);
	return result;
}

static void
all_hooks(void)
{
	int h;

	for (h = HOOK_STOP; h < HOOK_COUNT; h++)
		hook((enum hook)h, "true");
}

static void
hooks_run_in_their_order(void **state)
{
	(void)state;
	all_hooks();
	assert_int_equal(run(), 0);
	assert_int_equal(live(), 2);
	assert_log("stop/stop backup/backup migrate/migrate start/start health/health "
	    "commit/commit notify/idle ");
	assert_string_equal(last_result(), "updated");
	assert_int_equal(marked(NULL), STEP_IDLE);
}

static void
a_release_that_does_not_start_is_rolled_back(void **state)
{
	(void)state;
	all_hooks();
	hook(HOOK_START, "test $DELTA_STEP = rollback");
	assert_int_equal(run(), 5);
	assert_int_equal(live(), 1);
	assert_log("stop/stop backup/backup migrate/migrate start/start stop/rollback "
	    "restore/rollback start/rollback health/rollback rollback/rollback notify/idle ");
	assert_true(quarantined());
	assert_string_equal(last_result(), "rolled-back");
	lab_device_sh(lab, "test ! -e %s/2", releases());
}

static void
an_unhealthy_release_is_rolled_back(void **state)
{
	(void)state;
	hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(run(), 5);
	assert_int_equal(live(), 1);
	assert_true(quarantined());
	assert_log("health/health health/rollback ");
}

static void
a_service_that_cannot_be_stopped_is_no_fault_of_the_release(void **state)
{
	(void)state;
	hook(HOOK_STOP, "exit 3");
	assert_int_equal(run(), 5);
	assert_int_equal(live(), 1);
	assert_false(quarantined());
	lab_device_sh(lab, "test -e %s/2", releases());
}

static void
data_are_restored_when_migrate_fails(void **state)
{
	(void)state;
	target.data_schema = 2;
	target.data = DATA_FORWARD_ONLY;
	lab_device_sh(lab, "echo old > DATA");
	hook(HOOK_BACKUP, "cp $DELTA_OLD_TREE/../../../DATA $DELTA_BACKUP_DIR/ 2>/dev/null"
	    " || cp $DELTA_NEW_TREE/../../../DATA $DELTA_BACKUP_DIR/");
	(void)snprintf(hook_lines[HOOK_MIGRATE], sizeof hook_lines[HOOK_MIGRATE],
	    "echo new > %s/DATA; exit 1", lab->dir);
	lab->conf.hooks[HOOK_MIGRATE] = hook_lines[HOOK_MIGRATE];
	lab->conf.hook_timeout_s[HOOK_MIGRATE] = 20;
	(void)snprintf(hook_lines[HOOK_RESTORE], sizeof hook_lines[HOOK_RESTORE],
	    "cp $DELTA_BACKUP_DIR/DATA %s/DATA", lab->dir);
	lab->conf.hooks[HOOK_RESTORE] = hook_lines[HOOK_RESTORE];
	lab->conf.hook_timeout_s[HOOK_RESTORE] = 20;
	assert_int_equal(run(), 5);
	assert_int_equal(live(), 1);
	lab_device_sh(lab, "grep -qx old DATA");
	assert_true(quarantined());
}

static void
the_schema_of_the_data_is_noted_after_migrate(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	target.data_schema = 7;
	target.data_reads = 5;
	hook(HOOK_MIGRATE, "true");
	assert_int_equal(run(), 0);
	assert_int_equal(data_schema(&lab->dev, &e), 7);
}

/* Sign release n's tree once more with a schema. */
static void
sign_with_schema(uint64_t n, uint64_t schema)
{
	char path[64];
	struct err e = ERR_INIT;
	struct listing *l;
	struct record rec;
	int fd = live_open_tree(&lab->dev, n, &e);

	(void)snprintf(path, sizeof path, "%s", lab->conf.swap == SWAP_EXCHANGE &&
	    live() == n ? "app" : "");
	if (path[0] == '\0')
		(void)snprintf(path, sizeof path, "%s/%d", releases(), (int)n);
	lab_device_sh(lab, "rm -rf %s/.delta", path);
	l = lab_device_record(lab, path, n, &rec);
	rec.data_schema = schema;
	rec.data_reads = schema;
	rec.data = DATA_FORWARD_ONLY;
	if (fd == -1 || tree_record_write(fd, &rec, l, &e) == -1)
		fail_msg("%s", e.text);
	(void)close(fd);
	listing_free(l);
	record_clear(&rec);
}

static void
data_that_the_old_release_cannot_read_make_it_stuck(void **state)
{
	struct mark m;

	(void)state;
	sign_with_schema(1, 1);
	sign_with_schema(2, 2);
	target.data_schema = 2;
	target.data = DATA_FORWARD_ONLY;
	hook(HOOK_MIGRATE, "true");
	hook(HOOK_START, "exit 1");
	assert_int_equal(run(), 5);
	assert_int_equal(marked(&m), STEP_STUCK);
	assert_non_null(strstr(m.text, "cannot read the data"));
	assert_int_equal(live(), 1);
	assert_log("migrate/migrate start/start ");
}

static void
a_file_written_in_place_is_put_right_before_the_switch(void **state)
{
	(void)state;
	lab_device_sh(lab, "echo damaged > app/%slib/same",
	    lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
	hook(HOOK_STOP, "grep -qx same $DELTA_OLD_TREE/lib/same");
	hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(run(), 5);
	assert_log("stop/stop health/health stop/rollback health/rollback ");
	lab_device_sh(lab, "grep -qx same app/%slib/same",
	    lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
}

static void
a_tree_that_differed_before_is_gone_back_to_as_it_was(void **state)
{
	const char *below = lab->conf.swap == SWAP_SYMLINK ? "current/" : "";

	(void)state;
	lab_device_sh(lab, "echo mine > app/%snumber", below);
	hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(run(), 5);
	assert_int_equal(live(), 1);
	assert_int_equal(marked(NULL), STEP_IDLE);
	lab_device_sh(lab, "grep -qx mine app/%snumber", below);
}

static void
an_old_tree_damaged_by_the_new_release_is_put_right_or_stuck(void **state)
{
	struct mark m;

	(void)state;
	hook(HOOK_START, "test $DELTA_STEP = rollback || { echo x > $DELTA_OLD_TREE/lib/same;"
	    " exit 1; }");
	assert_int_equal(run(), 5);
	assert_int_equal(marked(NULL), STEP_IDLE);
	lab_device_sh(lab, "grep -qx same app/%slib/same",
	    lab->conf.swap == SWAP_SYMLINK ? "current/" : "");
	make_release(3);
	make_target(3);
	hook(HOOK_START, "test $DELTA_STEP = rollback || { echo x > $DELTA_OLD_TREE/number;"
	    " exit 1; }");
	assert_int_equal(run(), 5);
	assert_int_equal(marked(&m), STEP_STUCK);
	assert_non_null(strstr(m.text, "number"));
}

static void
a_first_install_that_fails_leaves_nothing_live(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(live_remove(&lab->dev, 1, &e), 0);
	hook(HOOK_STOP, "true");
	hook(HOOK_HEALTH, "exit 1");
	assert_int_equal(run(), 5);
	assert_int_equal(live(), 0);
	assert_int_equal(marked(NULL), STEP_IDLE);
	assert_true(quarantined());
}

static void
a_first_install_runs(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(live_remove(&lab->dev, 1, &e), 0);
	all_hooks();
	assert_int_equal(run(), 0);
	assert_int_equal(live(), 2);
	assert_string_equal(last_result(), "installed");
}

static void
commit_keeps_two_releases(void **state)
{
	int n;

	(void)state;
	assert_int_equal(run(), 0);
	for (n = 3; n <= 5; n++) {
		make_release(n);
		make_target((uint64_t)n);
		assert_int_equal(run(), 0);
		assert_int_equal(live(), n);
	}
	if (lab->conf.swap == SWAP_SYMLINK)
		lab_device_sh(lab, "test \"$(ls -A app/releases)\" = '4\n5'");
	else
		lab_device_sh(lab, "test \"$(ls -A .app.delta/releases)\" = 4");
}

static void
a_commit_forgets_lower_quarantine(void **state)
{
	(void)state;
	hook(HOOK_HEALTH, "test $DELTA_STEP = rollback");
	assert_int_equal(run(), 5);
	assert_true(quarantined());
	hook(HOOK_HEALTH, "true");
	make_release(3);
	make_target(3);
	assert_int_equal(run(), 0);
	make_release(2);
	make_target(2);
	assert_false(quarantined());
}

static void
a_person_goes_back_and_the_release_is_held(void **state)
{
	struct flags f = { false, NULL };
	struct mark m;
	char text[2048];

	(void)state;
	assert_int_equal(run(), 0);
	all_hooks();
	memset(&m, 0, sizeof m);
	m.from = 1;
	m.to = 2;
	m.to_listing = target.listing;
	f.rollback = &m;
	assert_int_equal(run_with(&f, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(live(), 1);
	assert_int_equal(hold_get(&lab->dev), 2);
	assert_false(quarantined());
	assert_string_equal(last_result(), "manual-rollback");
	assert_log("stop/rollback start/rollback health/rollback rollback/rollback "
	    "notify/idle ");
	lab_device_sh(lab, "test -e %s/2", releases());
}

/* The journal as a crash in this step would have left it. */
static void
leave_mark(enum step step, bool migrated, bool reverted)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(lab->dev.state, NULL, &e);
	struct mark m;
	struct live l;

	memset(&l, 0, sizeof l);
	(void)live_read(&lab->dev, &l, &e);
	memset(&m, 0, sizeof m);
	m.step = step;
	m.tries = 1;
	m.from = 1;
	m.to = 2;
	m.to_listing = target.listing;
	m.migrated = m.backed_up = migrated;
	m.reverted = reverted;
	m.blamed = step == STEP_ROLLBACK;
	(void)strcpy(m.boot_id, "boot-a");
	(void)strcpy(m.reason, "health-failed");
	assert_int_equal(journal_write(j, &m, &e), 0);
	journal_close(j);
	lab_device_sh(lab, ": > state/switching");
}

static void
data_are_never_restored_twice(void **state)
{
	(void)state;
	all_hooks();
	leave_mark(STEP_ROLLBACK, true, true);
	assert_int_equal(run(), 5);
	assert_log("start/rollback health/rollback rollback/rollback notify/idle ");
}

static void
at_boot_trees_are_put_right_and_nothing_is_started(void **state)
{
	const struct flags boot = { true, NULL };
	struct err e = ERR_INIT;
	char text[2048];

	(void)state;
	all_hooks();
	assert_int_equal(live_switch(&lab->dev, 1, 2, &e), 0);
	leave_mark(STEP_SWAP, false, false);
	(void)strcpy(lab->dev.boot_id, "boot-b");
	assert_int_equal(run_with(&boot, text), 0);
	assert_log("");
	assert_int_equal(live(), 2);
	assert_int_equal(marked(NULL), STEP_START);
	assert_int_equal(run(), 0);
	assert_log("start/start health/health commit/commit notify/idle ");
}

static void
at_boot_an_interrupted_migration_is_undone(void **state)
{
	const struct flags boot = { true, NULL };
	char text[2048];

	(void)state;
	all_hooks();
	leave_mark(STEP_MIGRATE, true, false);
	(void)strcpy(lab->dev.boot_id, "boot-b");
	assert_int_equal(run_with(&boot, text), 0);
	assert_log("restore/rollback ");
	assert_int_equal(marked(NULL), STEP_ROLLBACK);
	assert_int_equal(live(), 1);
	assert_int_equal(run(), 5);
	assert_false(quarantined());
	assert_log("restore/rollback start/rollback health/rollback rollback/rollback "
	    "notify/idle ");
}

static void
after_a_crash_in_health_the_service_is_started_again(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	all_hooks();
	assert_int_equal(live_switch(&lab->dev, 1, 2, &e), 0);
	leave_mark(STEP_HEALTH, false, false);
	(void)strcpy(lab->dev.boot_id, "boot-b");
	assert_int_equal(run(), 0);
	assert_log("start/health health/health commit/commit notify/idle ");
}

#define IN_BOTH(f) \
	{ #f " (symlink)", f, open_symlink, close_lab, NULL }, \
	{ #f " (exchange)", f, open_exchange, close_lab, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(hooks_run_in_their_order),
		IN_BOTH(a_release_that_does_not_start_is_rolled_back),
		IN_BOTH(an_unhealthy_release_is_rolled_back),
		IN_BOTH(a_service_that_cannot_be_stopped_is_no_fault_of_the_release),
		IN_BOTH(data_are_restored_when_migrate_fails),
		IN_BOTH(the_schema_of_the_data_is_noted_after_migrate),
		IN_BOTH(data_that_the_old_release_cannot_read_make_it_stuck),
		IN_BOTH(a_file_written_in_place_is_put_right_before_the_switch),
		IN_BOTH(a_tree_that_differed_before_is_gone_back_to_as_it_was),
		IN_BOTH(an_old_tree_damaged_by_the_new_release_is_put_right_or_stuck),
		IN_BOTH(a_first_install_that_fails_leaves_nothing_live),
		IN_BOTH(a_first_install_runs),
		IN_BOTH(commit_keeps_two_releases),
		IN_BOTH(a_commit_forgets_lower_quarantine),
		IN_BOTH(a_person_goes_back_and_the_release_is_held),
		IN_BOTH(data_are_never_restored_twice),
		IN_BOTH(at_boot_trees_are_put_right_and_nothing_is_started),
		IN_BOTH(at_boot_an_interrupted_migration_is_undone),
		IN_BOTH(after_a_crash_in_health_the_service_is_started_again),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
