#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "apply/drive.h"
#include "apply/memory.h"

#include "tests/lab/scratch.h"

/*
 * The loop with steps that do what a script says, over a real device folder:
 * releases 1 (live), 2 and 3.  The board is shared with children that crash.
 */
enum act { ACT_DONE, ACT_FAIL, ACT_LATER, ACT_AGAIN, ACT_CRASH, ACT_CANCEL };

struct board {
	struct sha256 listing[4];	/* of releases 1, 2 and 3 */
	struct {
		enum act act;
		unsigned times;		/* this often, then ACT_DONE; 0: never */
		enum err_code code;
		bool before;		/* crash before the step acts, else after */
	} script[STEP_COUNT];
	char trace[8192];
	unsigned broken;		/* promises of the loop that did not hold */
	char why[256];
	struct mark at_rollback;
};
static struct board *board;
static struct scratch *scratch;
static char boot[40] = "boot-a";

static void
broken(const char *why, enum step step)
{
	board->broken++;
	(void)snprintf(board->why, sizeof board->why, "%s: %s", step_name(step), why);
}

/* What has to hold on the disk whenever a step acts. */
static void
check_promises(struct run *r, enum step step)
{
	bool there = scratch_exists(scratch, "state/" DRIVE_SWITCHING);
	struct err e = ERR_INIT;
	struct journal *j = journal_open(r->dev->state, NULL, &e);
	struct mark m;

	memset(&m, 0, sizeof m);
	if (step != STEP_IDLE && (!journal_read(j, &m) || m.step != step))
		broken("acts before its mark is on the disk", step);
	if (drive_in_switch(r, step) && !there)
		broken("acts without STATE/switching", step);
	if (!drive_in_switch(r, step) && step != STEP_STUCK && there)
		broken("acts although STATE/switching is there", step);
	journal_close(j);
}

/* The work of a step, where it matters for the others. */
static enum step_result
work(struct run *r, enum step step, struct err *e)
{
	struct live live;

	memset(&live, 0, sizeof live);
	switch (step) {
	case STEP_IDLE:
		if (live_read(r->dev, &live, e) != LIVE_RELEASE || live.release != 1)
			return STEP_NOTHING;
		memset(&r->mark, 0, sizeof r->mark);
		r->mark.from = 1;
		r->mark.to = 2;
		r->mark.from_listing = board->listing[1];
		r->mark.to_listing = board->listing[2];
		return STEP_DONE;
	case STEP_MIGRATE:
		r->mark.migrated = true;
		return drive_mark(r, e) == 0 ? STEP_DONE : STEP_FAIL;
	case STEP_SWAP:
		return live_switch(r->dev, 1, 2, e) == 0 ? STEP_DONE : STEP_FAIL;
	case STEP_ROLLBACK:
		board->at_rollback = r->mark;
		return live_switch(r->dev, 2, 1, e) == 0 ? STEP_DONE : STEP_FAIL;
	case STEP_STUCK:
		return STEP_FAIL;
	default:
		return STEP_DONE;
	}
}

static enum step_result
act(struct run *r, enum step step, struct err *e)
{
	size_t n = strlen(board->trace);
	enum act what = ACT_DONE;
	enum step_result result;

	(void)snprintf(board->trace + n, sizeof board->trace - n, "%s%s", n > 0 ? " " : "",
	    step_name(step));
	check_promises(r, step);
	if (board->script[step].times > 0) {
		board->script[step].times--;
		what = board->script[step].act;
	}
	if (what == ACT_CRASH && board->script[step].before)
		_exit(99);
	if (what == ACT_CANCEL)
		(void)raise(SIGTERM);
	if (what == ACT_FAIL || what == ACT_LATER || what == ACT_AGAIN) {
		if (board->script[step].code != ERR_NONE)
			(void)err_set(e, board->script[step].code, "scripted");
		return what == ACT_FAIL ? STEP_FAIL : what == ACT_LATER ? STEP_LATER :
		    STEP_AGAIN;
	}
	result = work(r, step, e);
	if (what == ACT_CRASH)
		_exit(99);
	return result;
}

#define FAKE(name, step) static enum step_result \
	name(struct run *r, struct err *e) { return act(r, step, e); }
FAKE(f_idle, STEP_IDLE)
FAKE(f_preflight, STEP_PREFLIGHT)
FAKE(f_download, STEP_DOWNLOAD)
FAKE(f_stage, STEP_STAGE)
FAKE(f_verify, STEP_VERIFY)
FAKE(f_wait, STEP_WAIT)
FAKE(f_stop, STEP_STOP)
FAKE(f_backup, STEP_BACKUP)
FAKE(f_migrate, STEP_MIGRATE)
FAKE(f_swap, STEP_SWAP)
FAKE(f_start, STEP_START)
FAKE(f_health, STEP_HEALTH)
FAKE(f_commit, STEP_COMMIT)
FAKE(f_rollback, STEP_ROLLBACK)
FAKE(f_stuck, STEP_STUCK)

/* The real edges and tries, other acts. */
static void
fake_table(struct step_row rows[STEP_COUNT])
{
	enum step_result (*const acts[STEP_COUNT])(struct run *, struct err *) = {
		f_idle, f_preflight, f_download, f_stage, f_verify, f_wait, f_stop,
		f_backup, f_migrate, f_swap, f_start, f_health, f_commit, f_rollback,
		f_stuck
	};
	int i;

	memcpy(rows, drive_table(), STEP_COUNT * sizeof rows[0]);
	for (i = 0; i < STEP_COUNT; i++) {
		rows[i].act = acts[i];
		rows[i].plan = false;
	}
}

struct flags {
	bool dry_run, download_only, recovering, backup_running;
};

/* One run; the exit status, 99 when it crashed.  Always in a child, so that a
 * signal or a crash ends only that. */
static int
run_with(const struct flags *f)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		struct step_row rows[STEP_COUNT];
		struct err e = ERR_INIT;
		struct conf conf;
		struct device dev;
		char text[2048];
		struct run r;

		(void)snprintf(text, sizeof text, "[app]\nname = demo\nroot = %s/app\n"
		    "url = file:///nowhere\nstate = %s/state\nrun = %s/run\n"
		    "[trust]\nroot = %s/root.json\n[backup]\nwhen = %s\n", scratch->path,
		    scratch->path, scratch->path, scratch->path,
		    f->backup_running ? "running" : "stopped");
		if (getenv("TEST_TALK") == NULL)
			assert_non_null(freopen("/dev/null", "w", stderr));
		log_setup("test", LOG_QUIET);
		cancel_setup();
		if (conf_parse("demo.conf", text, &conf, &e) == -1 ||
		    device_open(&conf, true, &dev, &e) == -1 || run_open(&r, &dev, &e) == -1) {
			broken(e.text, STEP_IDLE);
			_exit(98);
		}
		(void)snprintf(dev.boot_id, sizeof dev.boot_id, "%s", boot);
		r.dry_run = f->dry_run;
		r.download_only = f->download_only;
		r.recovering = f->recovering;
		fake_table(rows);
		status = drive_with(&r, rows, &e);
		if (status == 0 && e.code != ERR_NONE)
			broken("exit status 0 with an error", r.mark.step);
		if (getenv("TEST_TALK") != NULL)
			fprintf(stderr, "%d %s\n", status, e.text);
		run_close(&r);
		device_close(&dev);
		conf_clear(&conf);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (board->broken > 0)
		fail_msg("%s", board->why);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run(void)
{
	static const struct flags none;

	return run_with(&none);
}

static void
set(enum step step, enum act what, unsigned times)
{
	board->script[step].act = what;
	board->script[step].times = times;
	board->script[step].code = ERR_NONE;
	board->script[step].before = false;
}

static enum step
marked(struct mark *out)
{
	struct err e = ERR_INIT;
	char path[300];
	struct journal *j;
	struct mark m;
	int dir;

	memset(&m, 0, sizeof m);
	(void)snprintf(path, sizeof path, "%s/state", scratch->path);
	dir = fs_open_dir(path, &e);
	j = journal_open(dir, NULL, &e);
	assert_non_null(j);
	(void)journal_read(j, &m);
	journal_close(j);
	(void)close(dir);
	if (out != NULL)
		*out = m;
	return m.step;
}

static int
live(void)
{
	char path[300], text[64];
	ssize_t n;

	(void)snprintf(path, sizeof path, "%s/app/current", scratch->path);
	if ((n = readlink(path, text, sizeof text - 1)) == -1)
		return 0;
	text[n] = '\0';
	assert_memory_equal(text, "releases/", 9);
	return (int)strtol(text + 9, NULL, 10);
}

static void
point_current_at(int release)
{
	char path[300], target[32];

	(void)snprintf(path, sizeof path, "%s/app/current", scratch->path);
	(void)snprintf(target, sizeof target, "releases/%d", release);
	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void
assert_at_rest(int release)
{
	assert_int_equal(live(), release);
	assert_int_equal(marked(NULL), STEP_IDLE);
	assert_false(scratch_exists(scratch, "state/" DRIVE_SWITCHING));
}

static void
begin(void)
{
	memset((char *)board + offsetof(struct board, script), 0,
	    sizeof *board - offsetof(struct board, script));
	(void)strcpy(boot, "boot-a");
}

/* A tree of one file, with its record. */
static void
make_release(unsigned n)
{
	struct listing *l;
	struct entry dir = { .path = (char []){ "." }, .type = ENTRY_DIR, .mode = 0755,
	    .nlink = 1 };
	struct entry file = { .path = (char []){ "number" }, .type = ENTRY_FILE,
	    .mode = 0644, .size = 1, .has_sha256 = true, .nlink = 1 };
	struct err e = ERR_INIT;
	char path[300], text[2];
	struct record rec;
	int tree;

	(void)snprintf(path, sizeof path, "app/releases/%u", n);
	scratch_dir(scratch, path);
	tree = fs_open_dir_at(scratch->dir, path, &e);
	assert_int_not_equal(tree, -1);
	(void)snprintf(text, sizeof text, "%u", n);
	(void)snprintf(path, sizeof path, "app/releases/%u/number", n);
	scratch_file(scratch, path, text);
	assert_int_equal(fchmodat(tree, "number", 0644, 0), 0);
	assert_int_equal(fchmod(tree, 0755), 0);
	assert_int_equal(sha256_of(text, 1, &file.sha256, &e), 0);
	l = listing_new(&e);
	assert_int_equal(listing_add(l, &dir, &e), 0);
	assert_int_equal(listing_add(l, &file, &e), 0);
	assert_int_equal(listing_finish(l, &e), 0);
	memset(&rec, 0, sizeof rec);
	rec.release = n;
	(void)strcpy(rec.platform, "any");
	(void)snprintf(rec.version, sizeof rec.version, "%u.0", n);
	assert_int_equal(listing_id(l, &rec.listing, &e), 0);
	board->listing[n] = rec.listing;
	rec.listing_bytes = 100;
	rec.files = rec.content_bytes = 1;
	rec.created = 1700000000 + (int64_t)n;
	rec.usable = true;
	(void)snprintf(rec.object.path, sizeof rec.object.path, "%u/any.tree.zst", n);
	rec.object.bytes = 100;
	rec.object.sha256 = rec.listing;
	if (tree_record_write(tree, &rec, l, &e) == -1)
		fail_msg("%s", e.text);
	listing_free(l);
	(void)close(tree);
}

static int
open_device(void **state)
{
	if (scratch_open(state) != 0)
		return -1;
	scratch = *state;
	scratch_dir(scratch, "app");
	scratch_dir(scratch, "app/releases");
	begin();
	make_release(1);
	make_release(2);
	make_release(3);
	scratch_link(scratch, "releases/1", "app/current");
	return 0;
}

#define DRIVE_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, scratch_close)

/* For loops over steps within one test: back to release 1, idle. */
static void
again(void)
{
	char path[300];

	begin();
	point_current_at(1);
	(void)snprintf(path, sizeof path, "%s/state/journal", scratch->path);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/state/" DRIVE_SWITCHING, scratch->path);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/state/history.ndjson", scratch->path);
	(void)unlink(path);
}

#define BEFORE "idle preflight download stage verify wait "
#define SWITCH "stop backup migrate swap start health commit"

static void
an_update_walks_every_step_in_order(void **state)
{
	(void)state;
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, BEFORE SWITCH " idle");
	assert_at_rest(2);
}

static void
with_nothing_to_do_nothing_is_written(void **state)
{
	(void)state;
	point_current_at(2);
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, "idle");
	assert_int_equal(scratch_count(scratch, "state"), 0);
}

static void
a_backup_of_the_running_application_comes_before_stop(void **state)
{
	const struct flags f = { .backup_running = true };

	(void)state;
	assert_int_equal(run_with(&f), 0);
	assert_string_equal(board->trace,
	    BEFORE "backup stop migrate swap start health commit idle");
	again();
	set(STEP_BACKUP, ACT_FAIL, 1);
	board->script[STEP_BACKUP].code = ERR_POLICY;
	assert_int_equal(run_with(&f), 5);
	assert_string_equal(board->trace, BEFORE "backup");
	assert_at_rest(1);
}

static void
a_failure_before_stop_costs_nothing(void **state)
{
	int s;

	(void)state;
	for (s = STEP_PREFLIGHT; s < STEP_STOP; s++) {
		again();
		set((enum step)s, ACT_FAIL, 1);
		board->script[s].code = ERR_ROOM;
		assert_int_equal(run(), 7);
		assert_at_rest(1);
		assert_int_equal(run(), 0);
		assert_at_rest(2);
	}
}

static void
a_failure_from_stop_on_goes_back(void **state)
{
	int s;

	(void)state;
	for (s = STEP_STOP; s <= STEP_HEALTH; s++) {
		again();
		set((enum step)s, ACT_FAIL, 1);
		board->script[s].code = ERR_IO;
		assert_int_equal(run(), 5);
		assert_at_rest(1);
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
	set(STEP_COMMIT, ACT_FAIL, 2);
	board->script[STEP_COMMIT].code = ERR_IO;
	assert_int_equal(run(), 1);
	assert_int_equal(marked(NULL), STEP_COMMIT);
	assert_int_equal(run(), 1);
	assert_int_equal(run(), 0);
	assert_at_rest(2);
}

static void
a_rollback_that_fails_is_stuck_and_stays_so(void **state)
{
	struct mark m;

	(void)state;
	set(STEP_HEALTH, ACT_FAIL, 1);
	set(STEP_ROLLBACK, ACT_FAIL, 1);
	board->script[STEP_ROLLBACK].code = ERR_TRUST;
	assert_int_equal(run(), 5);
	assert_int_equal(marked(&m), STEP_STUCK);
	assert_string_equal(m.reason, "rollback-failed");
	assert_true(scratch_exists(scratch, "state/" DRIVE_SWITCHING));
	board->trace[0] = '\0';
	assert_int_equal(run(), 5);
	assert_string_equal(board->trace, "stuck");
	assert_int_equal(marked(&m), STEP_STUCK);
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

		again();
		set((enum step)s, ACT_LATER, 5);
		board->script[s].code = ERR_NET;
		assert_int_equal(run(), 3);
		assert_int_equal(marked(&m), s);
		/* More often than a step may crash: this is no crash. */
		board->script[s].times = 4;
		assert_int_equal(run(), 3);
		assert_int_equal(run(), 3);
		assert_int_equal(run(), 3);
		assert_int_equal(run(), 3);
		board->trace[0] = '\0';
		assert_int_equal(run(), 0);
		assert_at_rest(2);
		(void)snprintf(name, sizeof name, "%s ", step_name((enum step)s));
		assert_memory_equal(board->trace, name, strlen(name));
	}
}

static void
a_crash_in_any_step_is_gone_on_from(void **state)
{
	int s, before;

	(void)state;
	for (s = STEP_IDLE; s <= STEP_COMMIT; s++)
		for (before = 0; before < 2; before++) {
			again();
			set((enum step)s, ACT_CRASH, 1);
			board->script[s].before = before == 1;
			assert_int_equal(run(), 99);
			assert_int_equal(live(), s > STEP_SWAP || (s == STEP_SWAP &&
			    before == 0) ? 2 : 1);
			assert_int_equal(run(), 0);
			assert_at_rest(2);
		}
}

static void
a_crash_during_rollback_is_gone_on_from(void **state)
{
	int before;

	(void)state;
	for (before = 0; before < 2; before++) {
		again();
		set(STEP_HEALTH, ACT_FAIL, 1);
		set(STEP_ROLLBACK, ACT_CRASH, 2);
		board->script[STEP_ROLLBACK].before = before == 1;
		assert_int_equal(run(), 99);
		assert_int_equal(run(), 99);
		assert_int_equal(run(), 5);
		assert_at_rest(1);
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
		again();
		set((enum step)s, ACT_CRASH, 100);
		for (i = 0; i < 10 && (status = run()) == 99; i++)
			continue;
		assert_int_equal(status, 5);
		assert_int_equal(100 - board->script[s].times, 3);
		assert_string_equal(board->at_rollback.reason, "crashed");
		assert_at_rest(1);
	}
}

static void
a_device_that_restarts_each_time_rolls_back_in_the_end(void **state)
{
	int s, i, status = 99;

	(void)state;
	for (s = STEP_STOP; s <= STEP_HEALTH; s++) {
		again();
		set((enum step)s, ACT_CRASH, 100);
		board->script[s].before = true;
		for (i = 0; i < 12 && (status = run()) == 99; i++)
			(void)snprintf(boot, sizeof boot, "boot-%d", i);
		assert_int_equal(status, 5);
		assert_true(100 - board->script[s].times <= DRIVE_CRASHES_MAX + 1);
		assert_at_rest(1);
	}
}

static void
a_rollback_that_crashes_each_time_is_stuck(void **state)
{
	int i, status = 99;

	(void)state;
	set(STEP_HEALTH, ACT_FAIL, 1);
	set(STEP_ROLLBACK, ACT_CRASH, 100);
	for (i = 0; i < 30 && (status = run()) == 99; i++)
		continue;
	assert_int_equal(status, 5);
	assert_int_equal(marked(NULL), STEP_STUCK);
}

static void
after_a_restart_the_service_is_stopped_anew_before_the_swap(void **state)
{
	(void)state;
	set(STEP_BACKUP, ACT_CRASH, 1);
	assert_int_equal(run(), 99);
	(void)strcpy(boot, "boot-b");
	board->trace[0] = '\0';
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, SWITCH " idle");
	assert_at_rest(2);
}

static void
a_restart_during_migrate_goes_back_without_blame(void **state)
{
	(void)state;
	set(STEP_MIGRATE, ACT_CRASH, 1);
	assert_int_equal(run(), 99);
	(void)strcpy(boot, "boot-b");
	assert_int_equal(run(), 5);
	assert_string_equal(board->at_rollback.reason, "interrupted");
	assert_false(board->at_rollback.blamed);
	assert_at_rest(1);
}

static void
a_third_release_is_stuck_and_nothing_is_touched(void **state)
{
	int s;

	(void)state;
	for (s = STEP_STOP; s <= STEP_COMMIT; s++) {
		again();
		set((enum step)s, ACT_CRASH, 1);
		assert_int_equal(run(), 99);
		point_current_at(3);
		board->trace[0] = '\0';
		assert_int_equal(run(), 5);
		assert_string_equal(board->trace, "");
		assert_int_equal(marked(NULL), STEP_STUCK);
		assert_int_equal(live(), 3);
	}
}

static void
a_plan_for_another_release_is_dropped(void **state)
{
	struct mark m;

	(void)state;
	set(STEP_STAGE, ACT_CRASH, 1);
	assert_int_equal(run(), 99);
	assert_int_equal(marked(&m), STEP_STAGE);
	point_current_at(3);
	board->trace[0] = '\0';
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, "idle");
	assert_at_rest(3);
}

static void
the_old_release_live_again_after_the_swap_goes_back(void **state)
{
	int s;

	(void)state;
	for (s = STEP_START; s <= STEP_COMMIT; s++) {
		again();
		set((enum step)s, ACT_CRASH, 1);
		assert_int_equal(run(), 99);
		point_current_at(1);
		assert_int_equal(run(), 5);
		assert_string_equal(board->at_rollback.reason, "live-changed");
		assert_false(board->at_rollback.blamed);
		assert_at_rest(1);
	}
}

static void
a_dangling_link_stops_everything(void **state)
{
	(void)state;
	point_current_at(9);
	assert_int_equal(run(), 5);
	assert_string_equal(board->trace, "");
	assert_int_equal(scratch_count(scratch, "state"), 0);
}

static void
a_lost_journal_goes_by_what_lives(void **state)
{
	char path[300];
	int s;

	(void)state;
	for (s = STEP_STAGE; s <= STEP_COMMIT; s++) {
		again();
		set((enum step)s, ACT_CRASH, 1);
		assert_int_equal(run(), 99);
		(void)snprintf(path, sizeof path, "%s/state/journal", scratch->path);
		assert_int_equal(truncate(path, 100), 0);
		assert_int_equal(run(), 0);
		assert_at_rest(2);
	}
}

static void
a_new_plan_begins_at_idle(void **state)
{
	(void)state;
	set(STEP_DOWNLOAD, ACT_AGAIN, 2);
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, "idle preflight download idle preflight download "
	    "idle preflight download stage verify wait " SWITCH " idle");
	again();
	set(STEP_STOP, ACT_AGAIN, 1);
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, BEFORE "stop " BEFORE SWITCH " idle");
	assert_at_rest(2);
}

static void
planning_anew_comes_to_an_end(void **state)
{
	(void)state;
	set(STEP_DOWNLOAD, ACT_AGAIN, 100000);
	board->script[STEP_DOWNLOAD].code = ERR_TRUST;
	assert_int_equal(run(), 4);
	assert_int_equal(live(), 1);
}

static void
a_signal_before_stop_leaves_the_mark(void **state)
{
	struct mark m;
	int s;

	(void)state;
	for (s = STEP_PREFLIGHT; s < STEP_STOP; s++) {
		again();
		set((enum step)s, ACT_CANCEL, 1);
		assert_int_equal(run(), 1);
		assert_true(marked(&m) >= (enum step)s && m.step < STEP_STOP);
		assert_false(scratch_exists(scratch, "state/" DRIVE_SWITCHING));
		assert_int_equal(run(), 0);
		assert_at_rest(2);
	}
}

static void
a_signal_from_stop_on_waits_for_the_commit(void **state)
{
	int s;

	(void)state;
	for (s = STEP_STOP; s <= STEP_COMMIT; s++) {
		again();
		set((enum step)s, ACT_CANCEL, 1);
		assert_int_equal(run(), 0);
		assert_at_rest(2);
		assert_null(strstr(board->trace, "rollback"));
	}
}

static void
download_only_stops_before_stage(void **state)
{
	const struct flags f = { .download_only = true };

	(void)state;
	assert_int_equal(run_with(&f), 0);
	assert_string_equal(board->trace, "idle preflight download");
	assert_int_equal(marked(NULL), STEP_STAGE);
	board->trace[0] = '\0';
	assert_int_equal(run(), 0);
	assert_string_equal(board->trace, "stage verify wait " SWITCH " idle");
}

static void
a_dry_run_during_a_switch_only_says_so(void **state)
{
	const struct flags f = { .dry_run = true };

	(void)state;
	set(STEP_HEALTH, ACT_CRASH, 1);
	assert_int_equal(run(), 99);
	board->trace[0] = '\0';
	assert_int_equal(run_with(&f), 0);
	assert_string_equal(board->trace, "");
	assert_int_equal(marked(NULL), STEP_HEALTH);
}

static void
at_boot_only_a_switch_is_looked_at(void **state)
{
	const struct flags f = { .recovering = true };

	(void)state;
	assert_int_equal(run_with(&f), 0);
	assert_string_equal(board->trace, "");
	set(STEP_STAGE, ACT_CRASH, 1);
	assert_int_equal(run(), 99);
	board->trace[0] = '\0';
	assert_int_equal(run_with(&f), 0);
	assert_string_equal(board->trace, "");
	assert_int_equal(marked(NULL), STEP_STAGE);
	again();
	set(STEP_SWAP, ACT_CRASH, 1);
	board->script[STEP_SWAP].before = false;
	assert_int_equal(run(), 99);
	board->trace[0] = '\0';
	set(STEP_START, ACT_LATER, 1);
	assert_int_equal(run_with(&f), 0);
	assert_string_equal(board->trace, "swap start");
	assert_int_equal(run(), 0);
	assert_at_rest(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVE_TEST(an_update_walks_every_step_in_order),
		DRIVE_TEST(with_nothing_to_do_nothing_is_written),
		DRIVE_TEST(a_backup_of_the_running_application_comes_before_stop),
		DRIVE_TEST(a_failure_before_stop_costs_nothing),
		DRIVE_TEST(a_failure_from_stop_on_goes_back),
		DRIVE_TEST(a_commit_that_fails_is_tried_until_it_works),
		DRIVE_TEST(a_rollback_that_fails_is_stuck_and_stays_so),
		DRIVE_TEST(a_step_that_waits_is_entered_again),
		DRIVE_TEST(a_crash_in_any_step_is_gone_on_from),
		DRIVE_TEST(a_crash_during_rollback_is_gone_on_from),
		DRIVE_TEST(a_step_that_crashes_each_time_leads_to_rollback),
		DRIVE_TEST(a_device_that_restarts_each_time_rolls_back_in_the_end),
		DRIVE_TEST(a_rollback_that_crashes_each_time_is_stuck),
		DRIVE_TEST(after_a_restart_the_service_is_stopped_anew_before_the_swap),
		DRIVE_TEST(a_restart_during_migrate_goes_back_without_blame),
		DRIVE_TEST(a_third_release_is_stuck_and_nothing_is_touched),
		DRIVE_TEST(a_plan_for_another_release_is_dropped),
		DRIVE_TEST(the_old_release_live_again_after_the_swap_goes_back),
		DRIVE_TEST(a_dangling_link_stops_everything),
		DRIVE_TEST(a_lost_journal_goes_by_what_lives),
		DRIVE_TEST(a_new_plan_begins_at_idle),
		DRIVE_TEST(planning_anew_comes_to_an_end),
		DRIVE_TEST(a_signal_before_stop_leaves_the_mark),
		DRIVE_TEST(a_signal_from_stop_on_waits_for_the_commit),
		DRIVE_TEST(download_only_stops_before_stage),
		DRIVE_TEST(a_dry_run_during_a_switch_only_says_so),
		DRIVE_TEST(at_boot_only_a_switch_is_looked_at),
	};

	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	if (board == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests_name("drive", tests, NULL, NULL);
}
