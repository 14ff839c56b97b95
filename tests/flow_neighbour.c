/*
 * An application that means harm, and folders that were restored from a backup: what
 * another user holds, writes or waits for, and state that is older or newer than the
 * tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cut/cut.h"
#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

#define AS_NOBODY "setpriv --reuid 65534 --regid 65534 --clear-groups "
#define CUT_APPLY "exec $BIN/../tests/cut/delta-apply --config app.conf "

enum { CUTS_MAX = 2000 };

static unsigned
step(unsigned sampled)
{
	return getenv("CUT_ALL") == NULL ? sampled : 1;
}

static void
configure(void)
{
	app_configure(l, "update-probe = no\ncommand = true\n[persist]\npaths = var\n"
	    "[hooks]\nfrom-release = yes\nuser = nobody\nbackup = true\nrestore = true\n");
}

/* Releases that ship hooks. */
static int
open_master(void **state)
{
	(void)state;
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	master = l = lab_open();
	lab_write(l, "t/.delta/hooks/migrate", "#!/bin/sh\nexit 0\n");
	lab_write(l, "t/.delta/hooks/stop", "#!/bin/sh\nexit 0\n");
	lab_ok(l, "chmod 755 t/.delta/hooks/*");
	app_releases(l, 20000);
	return 0;
}

/* dev1 has release 1, dev3 release 3. */
static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' . && chmod 755 .", master->dir);
	configure();
	lab_ok(l, DELTA_APPLY "-q update --to 1 && cp -a dev dev1");
	lab_ok(l, DELTA_APPLY "-q update && mv dev dev3 && cp -a dev1 dev");
	return 0;
}

static void
locks_of_another_user_stop_nobody(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	/* Whatever may be opened is held. */
	lab_ok(l, "for f in dev/demo dev/demo/releases dev/demo/releases/1 dev/run dev/state "
	    "dev/run/lock dev/state/lock dev/demo/.lock; do " AS_NOBODY
	    "flock $f sleep 30 2> denied & echo $! >> pids; done; sleep 1");
	lab_run(l, DELTA_APPLY "update; s=$?; kill $(cat pids) 2> killed; exit $s");
	assert_int_equal(l->status, 0);
	app_runs(l, 3);
}

/* What somebody may write to who may not write the tree; what is his own aside. */
static void
nothing_is_writable(unsigned n)
{
	lab_run(l, AS_NOBODY "find dev \\( -path dev/demo/shared -o -path "
	    "dev/demo/backup \\) -prune -o -writable ! -type l -print 2> denied");
	if (l->out_len != 0)
		fail_msg("cut at %u: another user may write to %s", n, l->out);
}

/* Nothing between two changes of the disk is his to rename, replace or write to. */
static void
no_moment_of_an_update_leaves_anything_to_another_user(void **state)
{
	unsigned tried = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (unsigned n = 1;; n += step(9)) {
		assert_true(n < CUTS_MAX);
		lab_ok(l, "rm -rf dev stash; cp -a dev1 dev; mkdir stash");
		lab_run(l, "umask 0; CUT_AT=%u CUT_MODE=kill CUT_STASH=$PWD/stash "
		    CUT_APPLY "-q update", n);
		tried++;
		nothing_is_writable(n);
		if (l->status != 0 && lab_run(l, "test -d dev") != 0)
			fail();
		lab_ok(l, DELTA_APPLY "version");
		if (lab_said(l, "demo 3") && !lab_exists(l, "dev/state/switching"))
			break;
	}
	print_message("another user: %u moments tried, 0 violations\n", tried);
	assert_true(tried > 5);
}

/* The tree is one or the other; where the program cannot know, it says stuck. */
static void
settles(const char *what, unsigned n)
{
	int status = lab_run(l, DELTA_APPLY "recover");

	if (status == 0)
		status = lab_run(l, DELTA_APPLY "update");
	/* The way back, for what cannot go on; the next run tries again. */
	if (status == 5 && lab_said(l, "was rolled back"))
		status = lab_run(l, DELTA_APPLY "update");
	if (status == 5) {
		lab_expect(l, 5, DELTA_APPLY "status");
		lab_must_say(l, "stuck");
		lab_must_say(l, "release");
	} else if (status != 0) {
		fail_msg("%s, cut at %u: status %d: %s", what, n, status, l->err);
	}
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, DELTA_APPLY "version");
	if (!lab_said(l, "demo 3 ") && (status != 5 || !lab_said(l, "demo 1 ")))
		fail_msg("%s, cut at %u: status %d, runs %s", what, n, status, l->out);
}

static void
restored_folders_that_do_not_fit_each_other_settle(void **state)
{
	static const struct {
		const char *what, *line;
	} ways[] = {
		{ "older state", "cp -a dev3 dev; rm -rf dev/state; cp -a dev1/state dev" },
		{ "older tree", "cp -a dev3 dev; rm -rf dev/demo; cp -a dev1/demo dev" },
		{ "no state", "cp -a dev3 dev; rm -rf dev/state" },
		{ "no state, older tree", "cp -a dev1 dev; rm -rf dev/state" },
		{ "no tree", "cp -a dev3 dev; rm -rf dev/demo" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		lab_ok(l, "rm -rf dev; %s", ways[i].line);
		settles(ways[i].what, 0);
		app_runs(l, 3);
	}
}

/* The backup was made in the middle of an update, of one of the folders. */
static void
a_state_restored_from_the_middle_of_an_update_settles(void **state)
{
	unsigned tried = 0;

	(void)state;
	for (unsigned n = 1;; n += step(13)) {
		bool last;

		assert_true(n < CUTS_MAX);
		lab_ok(l, "rm -rf dev stash middle; cp -a dev1 dev; mkdir stash");
		lab_run(l, "CUT_AT=%u CUT_MODE=kill CUT_STASH=$PWD/stash " CUT_APPLY
		    "-q update", n);
		last = l->status == 0;
		lab_ok(l, "mv dev middle; cp -a dev1 dev; rm -rf dev/state; "
		    "cp -a middle/state dev");
		settles("newer state", n);
		lab_ok(l, "rm -rf dev; cp -a dev3 dev; rm -rf dev/state; "
		    "cp -a middle/state dev");
		settles("newer tree", n);
		tried += 2;
		if (last)
			break;
	}
	print_message("restored in the middle: %u states tried, 0 violations\n", tried);
	assert_true(tried > 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(locks_of_another_user_stop_nobody),
		FLOW(no_moment_of_an_update_leaves_anything_to_another_user),
		FLOW(restored_folders_that_do_not_fit_each_other_settle),
		FLOW(a_state_restored_from_the_middle_of_an_update_settles),
	};

	return cmocka_run_group_tests_name("neighbour", tests, open_master, close_master);
}
