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
#include "apply/switching.h"

#include "tests/lab/board.h"

struct board *board;
struct scratch *board_scratch;
char board_boot[40];

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
	bool there = scratch_exists(board_scratch, "state/" SWITCHING_FILE);
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

	(void)snprintf(board->trace + n, sizeof board->trace - n, "%s%s",
	    n > 0 ? " " : "", step_name(step));
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

/* One run; the exit status, 99 when it crashed.  Always in a child, so that a
 * signal or a crash ends only that. */
int
board_run_with(const struct board_flags *f)
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

		(void)snprintf(text, sizeof text,
		    "[app]\nname = demo\nroot = %s/app\n"
		    "url = file:///nowhere\nstate = %s/state\nrun = %s/run\n"
		    "[trust]\nroot = %s/root.json\n[backup]\nwhen = %s\n",
		    board_scratch->path, board_scratch->path, board_scratch->path,
		    board_scratch->path, f->backup_running ? "running" : "stopped");
		if (getenv("TEST_TALK") == NULL)
			assert_non_null(freopen("/dev/null", "w", stderr));
		log_setup("test", LOG_QUIET);
		cancel_setup();
		if (conf_parse("demo.conf", text, &conf, &e) == -1 ||
		    device_open(&conf, true, &dev, &e) == -1 ||
		    run_open(&r, &dev, &e) == -1) {
			broken(e.text, STEP_IDLE);
			_exit(98);
		}
		(void)snprintf(dev.boot_id, sizeof dev.boot_id, "%s", board_boot);
		r.dry_run = f->dry_run;
		r.download_only = f->download_only;
		r.recovering = f->recovering;
		fake_table(rows);
		if (f->cancelled)
			(void)raise(SIGTERM);
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

int
board_run(void)
{
	static const struct board_flags none;

	return board_run_with(&none);
}

void
board_set(enum step step, enum act what, unsigned times)
{
	board->script[step].act = what;
	board->script[step].times = times;
	board->script[step].code = ERR_NONE;
	board->script[step].before = false;
}

enum step
board_marked(struct mark *out)
{
	struct err e = ERR_INIT;
	char path[300];
	struct journal *j;
	struct mark m;
	int dir;

	memset(&m, 0, sizeof m);
	(void)snprintf(path, sizeof path, "%s/state", board_scratch->path);
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

int
board_live(void)
{
	char path[300], text[64];
	ssize_t n;

	(void)snprintf(path, sizeof path, "%s/app/current", board_scratch->path);
	if ((n = readlink(path, text, sizeof text - 1)) == -1)
		return 0;
	text[n] = '\0';
	assert_memory_equal(text, "releases/", 9);
	return (int)strtol(text + 9, NULL, 10);
}

void
board_point_at(int release)
{
	char path[300], target[32];

	(void)snprintf(path, sizeof path, "%s/app/current", board_scratch->path);
	(void)snprintf(target, sizeof target, "releases/%d", release);
	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

void
board_must_rest(int release)
{
	assert_int_equal(board_live(), release);
	assert_int_equal(board_marked(NULL), STEP_IDLE);
	assert_false(scratch_exists(board_scratch, "state/" SWITCHING_FILE));
}

static void
begin(void)
{
	memset((char *)board + offsetof(struct board, script), 0,
	    sizeof *board - offsetof(struct board, script));
	(void)strcpy(board_boot, "boot-a");
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
	scratch_dir(board_scratch, path);
	tree = fs_open_dir_at(board_scratch->dir, path, &e);
	assert_int_not_equal(tree, -1);
	(void)snprintf(text, sizeof text, "%u", n);
	(void)snprintf(path, sizeof path, "app/releases/%u/number", n);
	scratch_file(board_scratch, path, text);
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

int
board_open(void **state)
{
	if (scratch_open(state) != 0)
		return -1;
	board_scratch = *state;
	scratch_dir(board_scratch, "app");
	scratch_dir(board_scratch, "app/releases");
	begin();
	make_release(1);
	make_release(2);
	make_release(3);
	scratch_link(board_scratch, "releases/1", "app/current");
	return 0;
}

void
board_reset(void)
{
	char path[300];

	begin();
	board_point_at(1);
	(void)snprintf(path, sizeof path, "%s/state/journal", board_scratch->path);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/state/" SWITCHING_FILE,
	    board_scratch->path);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/state/history.ndjson", board_scratch->path);
	(void)unlink(path);
}

void
board_make(void)
{
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		abort();
}
