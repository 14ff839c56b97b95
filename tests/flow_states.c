/*
 * Every step of an update and everything that may happen in it: how the run ends, what
 * is live then, and where the next run gets to when it happens no more.  docs/steps.md
 * says why.  What happens is made to happen by the hook of the step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

enum { STEPS = 8, RUNS_MAX = 12 };

static const char *const steps[STEPS] = { "preflight", "deps", "stop", "backup",
	"migrate", "start", "health", "commit" };

/*
 * A cell: exit status of the run, release that is live then; exit status of the next
 * run, release that is live in the end; q: release 2 is quarantined.
 * K: the applier was killed (137).
 */
struct row {
	const char *event;
	const char *cells[STEPS];
};

static const struct row rows[] = {
	/*             preflight   deps       stop       backup
	 *             migrate     start      health     commit */
	{ "fail",    { "5 1 0 2", "5 1 0 2", "5 1 0 2", "5 1 0 2",
		       "5 1 0 1q", "5 1 0 1q", "5 1 0 1q", "0 2 0 2" } },
	{ "signal",  { "5 1 0 2", "5 1 0 2", "5 1 0 2", "5 1 0 2",
		       "5 1 0 1q", "5 1 0 1q", "5 1 0 1q", "0 2 0 2" } },
	{ "hang",    { "5 1 0 2", "5 1 0 2", "5 1 0 2", "5 1 0 2",
		       "5 1 0 1q", "5 1 0 1q", "5 1 0 1q", "0 2 0 2" } },
	{ "killed",  { "K 1 0 2", "K 1 0 2", "K 1 0 2", "K 1 0 2",
		       "K 1 0 2", "K 2 0 2", "K 2 0 2", "K 2 0 2" } },
	{ "always",  { "K 1 0 2", "K 1 0 2", "5 1 0 2", "5 1 0 2",
		       "5 1 0 1q", "5 1 0 1q", "5 1 0 1q", "K 2 0 2" } },
	{ "restart", { "K 1 0 2", "K 1 0 2", "K 1 0 2", "K 1 0 2",
		       "K 1 5 1", "K 2 0 2", "K 2 0 2", "K 2 0 2" } },
	{ "term",    { "1 1 0 2", "1 1 0 2", "0 2 0 2", "0 2 0 2",
		       "0 2 0 2", "0 2 0 2", "0 2 0 2", "0 2 0 2" } },
	{ "halt",    { "K 1 0 1", "K 1 0 1", "K 1 0 2", "K 1 0 2",
		       "K 1 0 2", "K 2 0 2", "K 2 0 2", "K 2 0 2" } },
	{ "busy",    { "0 2 0 2", "0 2 0 2", "0 2 0 2", "0 2 0 2",
		       "0 2 0 2", "0 2 0 2", "0 2 0 2", "0 2 0 2" } },
};

static const char hook[] =
    "#!/bin/sh\ncd %s || exit 9\nbin=%s\n"
    "read -r event step < event 2> /dev/null || exit 0\n"
    "test \"$1\" = \"$step\" || exit 0\n"
    "case $1 in start|health|commit)\n"
    "	test \"$(readlink dev/app/current)\" = releases/2 || exit 0;; esac\n"
    "die() { kill -9 \"$(cat pid)\"; sleep 5; }\n"
    "case $event in\n"
    "fail) exit 3;;\n"
    "signal) kill -SEGV $$;;\n"
    "hang) sleep 100;;\n"
    "killed|restart) rm event; die;;\n"
    "always) die;;\n"
    "term) rm event; kill -TERM \"$(cat pid)\"; sleep 0.2;;\n"
    "halt) rm event; $bin/mkdelta halt -q repo 2 || exit 8; die;;\n"
    "busy) $bin/delta-apply --config app.conf update; echo $? > busy;;\n"
    "esac\n";

static const char conf[] =
    "[app]\nname = st\nroot = %s/dev/app\nurl = file://%s/repo\n"
    "state = %s/dev/state\nrun = %s/dev/run\n[trust]\nroot = %s/root.json\n"
    "[health]\nhold = 0\nretries = 0\ninterval = 0\n[hooks]\ntimeout = %d\n";

static struct lab *l;

/* A hook that is to be ended for its time gets little of it; the others may meet a
 * busy machine. */
static void
configure(bool hangs)
{
	char text[4000];
	size_t n = (size_t)snprintf(text, sizeof text, conf, l->dir, l->dir, l->dir,
	    l->dir, l->dir, hangs ? 1 : 60);

	for (int i = 0; i < STEPS; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s = %s/hook %s\n",
		    steps[i], l->dir, steps[i]);
	(void)snprintf(text + n, sizeof text - n, "restore = true\n");
	lab_write(l, "app.conf", "%s", text);
}

static int
setup(void **state)
{
	(void)state;
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	l = lab_open();
	lab_write(l, "hook", hook, l->dir, getenv("BIN"));
	configure(false);
	lab_ok(l, "chmod 755 hook && printf boot > boot && mkdelta init -q repo && "
	    "mkdir 1 && seq 100 > 1/app && mkdelta release -q repo 1 && "
	    "cp -a 1 2 && seq 200 > 2/app && mkdelta release -q repo 2 && "
	    "mkdelta key new repo halt > log 2>&1 && cp repo/metadata/1.root.json root.json"
	    " && mkdir dev && delta-apply --config app.conf -q update --to 1 && "
	    "cp -a dev dev-1 && cp -a repo repo-1");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lab_close(l);
	return 0;
}

/* While a hook of an applier that was killed is being ended, the lock is held. */
static int
run_with(const char *before, const char *words)
{
	for (int i = 0; i < 100; i++) {
		if (lab_run(l, "echo $$ > pid; export CUT_BOOT=$PWD/boot; exec %s "
		    "$BIN/../tests/cut/delta-apply --config app.conf %s", before,
		    words) != 6)
			break;
		(void)usleep(100000);
	}
	return l->status;
}

static int
run(const char *words)
{
	return run_with("", words);
}

static int
live(void)
{
	lab_ok(l, "readlink dev/app/current | tr -dc 0-9");
	return atoi(l->out);
}

/* The device starts again: what belongs to the applier's boot unit happens. */
static void
restart(void)
{
	lab_ok(l, "rm -rf dev/run && printf x >> boot");
	(void)run("recover");
}

static void
try_cell(const char *event, const char *step, char got[static 32])
{
	bool again = strcmp(event, "always") == 0, quarantined;
	int first, then, now, end, runs = 0;

	lab_ok(l, "rm -rf dev repo busy && cp -a dev-1 dev && cp -a repo-1 repo");
	lab_write(l, "event", "%s %s\n", event, step);
	do
		first = run("update");
	while (again && first == 137 && ++runs < RUNS_MAX);
	now = live();
	if (strcmp(event, "busy") == 0)
		lab_ok(l, "grep -qx 6 busy");
	lab_ok(l, "rm -f event");
	if (strcmp(event, "restart") == 0)
		restart();
	then = run("update");
	(void)run("status");
	quarantined = lab_said(l, "quarantined");
	end = live();
	(void)snprintf(got, 32, "%d %d %d %d%s", first, now, then, end,
	    quarantined ? "q" : "");
	if (strncmp(got, "137", 3) == 0) {
		memmove(got + 1, got + 3, strlen(got + 3) + 1);
		got[0] = 'K';
	}
	/* Whatever it was: the release is whole, and nothing is under way. */
	lab_ok(l, "delta-apply --config app.conf verify && test ! -e dev/state/switching");
}

static void
each_step(void **state)
{
	const struct row *row = *state;
	unsigned wrong = 0;

	configure(strcmp(row->event, "hang") == 0);
	for (int i = 0; i < STEPS; i++) {
		char got[32];

		try_cell(row->event, steps[i], got);
		if (strcmp(got, row->cells[i]) == 0)
			continue;
		print_error("%s in %s: %s instead of %s\n%s%s", row->event, steps[i], got,
		    row->cells[i], l->out, l->err);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* The clock is wrong from the middle of an update on: before stop that is a reason
 * not to begin, from stop on nothing depends on it. */
static void
the_clock_jumps(void **state)
{
	static const char *const when[] = { "faketime 2100-01-01",
		"faketime 1970-01-02" };

	(void)state;
	configure(false);
	if (lab_run(l, "faketime 2100-01-01 delta-apply --version") != 0) {
		print_message("skipped: no faketime here\n");
		skip();
	}
	for (int i = 0; i < STEPS * 2; i++) {
		bool late = i % 2 == 0, before = i / 2 < 2;

		lab_ok(l, "rm -rf dev repo && cp -a dev-1 dev && cp -a repo-1 repo");
		lab_write(l, "event", "killed %s\n", steps[i / 2]);
		assert_int_equal(run("update"), 137);
		(void)run_with(when[i % 2], "update");
		if (late && before) {
			assert_int_equal(l->status, 9);
			assert_int_equal(live(), 1);
		} else {
			/* After the commit it looks for news, and these have expired. */
			if (l->status != 0 && !(late && l->status == 9))
				fail_msg("%s in %s: %d %s", when[i % 2], steps[i / 2],
				    l->status, l->err);
			assert_int_equal(live(), 2);
		}
		assert_int_equal(run("update"), 0);
		assert_int_equal(live(), 2);
	}
}

int
main(void)
{
	enum { ROWS = sizeof rows / sizeof rows[0] };
	struct CMUnitTest tests[ROWS + 1] = { cmocka_unit_test(the_clock_jumps) };

	for (size_t i = 0; i < ROWS; i++)
		tests[1 + i] = (struct CMUnitTest){ rows[i].event, each_step, NULL, NULL,
			(void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("states", tests, setup, teardown);
}
