/*
 * Ways back: by health, by hand, on a full disk, with the hooks of the old release.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include <stdio.h>
#include <unistd.h>

#include "tests/lab/fixture.h"

/* The application and its state below `base`; release 2 is never healthy. */
static void
configure(const char *base, const char *more)
{
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/%s/demo\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/%s/state\nrun = %s/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n%s",
	    l->dir, base, l->dir, l->dir, base, l->dir, l->dir, more);
}

static void
configure_health(const char *base, const char *more)
{
	char text[2048];

	(void)snprintf(text, sizeof text, "command = [ ! -e %s/%s/demo/current/bad ]\n%s",
	    l->dir, base, more);
	configure(base, text);
}

/* repo2 ends with the release that is not healthy, repo3 with a good one. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t1/bin/app", 200000, 1);
	lab_write(master, "t1/etc/conf", "one\n");
	lab_ok(master, "mkdelta release -q repo t1");
	lab_ok(master, "cp -a t1 t2 && echo > t2/bad && echo two > t2/etc/conf && "
	    "printf x >> t2/bin/app && mkdelta release -q repo t2 && cp -a repo repo2");
	lab_ok(master, "cp -a t1 t3 && echo three > t3/etc/conf && "
	    "mkdelta release -q repo t3 && mv repo repo3");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo2' repo; cp -a '%s/repo3' '%s'/t[123] .", master->dir,
	    master->dir, master->dir);
	configure_health("dev", "");
	return 0;
}

/* Everything about the live tree, times and inodes too. */
static void
snapshot(const char *tree, const char *into)
{
	lab_ok(l, "cd %s/ && find . -printf '%%P %%i %%m %%s %%T@ %%l\\n' | sort > "
	    "%s/%s && find . -type f -exec sha256sum {} + | "
	    "sort >> %s/%s", tree, l->dir, into,
	    l->dir, into);
}

static void
runs(unsigned release)
{
	lab_ok(l, DELTA_APPLY "version");
	if (release == 0) {
		lab_must_say(l, "demo - -");
	} else {
		char text[32];

		(void)snprintf(text, sizeof text, "demo %u %u\n", release, release);
		lab_must_say(l, text);
	}
}

static void
failed_health_brings_the_old_release_back_untouched(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	snapshot("dev/demo/current", "before");
	lab_expect(l, 5, DELTA_APPLY "update");
	runs(1);
	snapshot("dev/demo/current", "after");
	/* Links that the new release had are gone with it; what is in the tree is not
	 * touched: content, modes, times and inodes. */
	lab_ok(l, "diff before after");
	assert_true(lab_same_tree(l, "t1", "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "quarantined  2 since");
	lab_ok(l, DELTA_APPLY "history --json");
	lab_must_say(l, "rolled-back");
	assert_false(lab_exists(l, "dev/state/switching"));
	lab_ok(l, "! find dev -name '.staging-*' | grep .");
}

static void
a_quarantined_release_is_left_alone(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_ok(l, "find dev -printf '%%p %%T@ %%C@ %%s\\n' | sort > before");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "find dev -printf '%%p %%T@ %%C@ %%s\\n' | sort > after; "
	    "diff before after");
	runs(1);
	lab_ok(l, DELTA_APPLY "check --json");
	lab_must_say(l, "quarantined");
}

static void
retry_tries_it_again(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_expect(l, 5, DELTA_APPLY "update --retry");
	runs(1);
	lab_ok(l, DELTA_APPLY "history --json | grep -c rolled-back | grep -qx 2");
	/* The fault was the surroundings': with it gone the same release stays. */
	configure("dev", "command = true\n");
	lab_ok(l, DELTA_APPLY "update");
	runs(1);
	lab_ok(l, DELTA_APPLY "update --retry");
	runs(2);
	assert_true(lab_same_tree(l, "t2", "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "status");
	assert_false(lab_said(l, "quarantined"));
}

static void
a_higher_release_ends_the_quarantine(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_ok(l, "rm -r repo && cp -a repo3 repo");
	lab_ok(l, DELTA_APPLY "update");
	runs(3);
	assert_true(lab_same_tree(l, "t3", "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "status");
	assert_false(lab_said(l, "quarantined"));
	/* And the way back from there leads to the last good one, not to 2. */
	lab_ok(l, DELTA_APPLY "rollback");
	runs(1);
}

static void
a_first_install_that_is_not_healthy_leaves_nothing_live(void **state)
{
	(void)state;
	lab_expect(l, 5, DELTA_APPLY "update");
	runs(0);
	lab_ok(l, "[ ! -e dev/demo/current ] && [ ! -L dev/demo/current ]");
	assert_false(lab_exists(l, "dev/demo/releases/2"));
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "nothing is installed");
	lab_must_say(l, "quarantined  2");
	/* The next run takes what is left. */
	lab_ok(l, DELTA_APPLY "update");
	runs(1);
	assert_true(lab_same_tree(l, "t1", "dev/demo/current"));
}

/* The new release's start takes every block of the disk that holds the trees and
 * the state, and keeps them. */
static void
rolling_back_works_on_a_full_disk(void **state)
{
	char disk[300], more[1024];

	(void)state;
	lab_ok(l, "mkdir -m 755 disk");
	(void)snprintf(disk, sizeof disk, "%s/disk", l->dir);
	if (mount("none", disk, "tmpfs", 0, "size=4m,mode=0755") == -1)
		skip();
	(void)snprintf(more, sizeof more, "[service]\nstop = true\nstart = [ ! -e "
	    "%s/demo/current/bad ] || { cat /dev/zero > %s/fill; "
	    "echo full > %s/full; } ; "
	    "true\n", disk, disk, l->dir);
	configure_health("disk", more);
	(void)lab_run(l, DELTA_APPLY "update --to 1 && { " DELTA_APPLY "update; "
	    "echo $? > rc; " DELTA_APPLY "status > said; "
	    DELTA_APPLY "verify > verified; " DELTA_APPLY "version > which; "
	    DELTA_APPLY "update; echo $? > again; }");
	assert_int_equal(umount(disk), 0);
	lab_ok(l, "grep -x full full && grep -x 5 rc && cat said verified which again");
	lab_ok(l, "grep 'quarantined  2' said && grep 'exactly as signed' verified && "
	    "grep 'demo 1 1' which && grep -x 0 again && ! grep stuck said");
}

static void
a_manual_rollback_holds_until_resume(void **state)
{
	(void)state;
	lab_ok(l, "rm -r repo && cp -a repo3 repo");
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, DELTA_APPLY "update");
	runs(3);
	lab_ok(l, DELTA_APPLY "rollback");
	runs(1);
	assert_true(lab_same_tree(l, "t1", "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "held         nothing up to 3");
	assert_false(lab_said(l, "quarantined"));
	lab_ok(l, DELTA_APPLY "update");
	runs(1);
	lab_ok(l, DELTA_APPLY "resume");
	lab_ok(l, DELTA_APPLY "update");
	runs(3);
	assert_true(lab_same_tree(l, "t3", "dev/demo/current"));
}

static void
something_newer_ends_the_hold(void **state)
{
	(void)state;
	lab_ok(l, "rm -r repo && cp -a repo3 repo && cp -a '%s/repo.keys' .",
	    master->dir);
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "rollback");
	lab_ok(l, "cp -a t3 t4 && echo four > t4/etc/conf && mkdelta release -q repo t4");
	lab_ok(l, DELTA_APPLY "update");
	runs(4);
	assert_true(lab_same_tree(l, "t4", "dev/demo/current"));
}

static void
nothing_to_go_back_to_is_said(void **state)
{
	(void)state;
	assert_int_not_equal(lab_run(l, DELTA_APPLY "rollback"), 0);
	lab_ok(l, DELTA_APPLY "update --to 1");
	assert_int_not_equal(lab_run(l, DELTA_APPLY "rollback"), 0);
	runs(1);
	lab_ok(l, DELTA_APPLY "verify");
}

/* Each hook writes its name and the release that shipped it. */
static void
ship_hooks(const char *tree, const char *release, const char *health)
{
	static const char *const names[] = { "stop", "start", "health", "rollback" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[128];

		(void)snprintf(path, sizeof path, "%s/.delta/hooks/%s", tree, names[i]);
		lab_write(l, path, "#!/bin/sh\necho %s %s >> %s/calls\n%s\n", names[i],
		    release, l->dir, i == 2 ? health : "true");
		lab_ok(l, "chmod 755 %s", path);
	}
}

static void
stop_comes_from_the_old_release(void **state)
{
	char more[128];

	(void)state;
	lab_ok(l, "rm -r repo && mkdelta init -q repo");
	ship_hooks("t1", "1", "true");
	ship_hooks("t2", "2", "true");
	ship_hooks("t3", "3", "false");
	lab_ok(l, "for i in 1 2 3; do mkdelta release -q repo t$i; done; id -un");
	l->out[l->out_len - 1] = '\0';
	(void)snprintf(more, sizeof more, "[hooks]\nfrom-release = yes\nuser = %s\n",
	    l->out);
	configure("dev", more);
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "rm -f calls");
	lab_ok(l, DELTA_APPLY "update --to 2");
	lab_ok(l, "printf 'stop 1\\nstart 2\\nhealth 2\\n' | diff - calls; rm calls");
	lab_expect(l, 5, DELTA_APPLY "update --to 3");
	runs(2);
	lab_ok(l, "printf 'stop 2\\nstart 3\\nhealth 3\\nstop 2\\nstart 2\\nhealth 2\\n"
	    "rollback 3\\n' | diff - calls");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(failed_health_brings_the_old_release_back_untouched),
		FLOW(a_quarantined_release_is_left_alone),
		FLOW(retry_tries_it_again),
		FLOW(a_higher_release_ends_the_quarantine),
		FLOW(a_first_install_that_is_not_healthy_leaves_nothing_live),
		FLOW(rolling_back_works_on_a_full_disk),
		FLOW(a_manual_rollback_holds_until_resume),
		FLOW(something_newer_ends_the_hold),
		FLOW(nothing_to_go_back_to_is_said),
		FLOW(stop_comes_from_the_old_release),
	};

	return cmocka_run_group_tests_name("rollback", tests, open_master, close_master);
}
