/*
 * What belongs to the device: paths shared by all releases, and copied ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include <stdio.h>

#include "tests/lab/fixture.h"

/* A release with `bad` in it is not healthy. */
static void
configure(const char *persist)
{
	lab_write(l, "app.conf",
	    "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/dev/state\nrun = %s/run\n"
	    "[persist]\n%s[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n"
	    "command = [ ! -e %s/dev/demo/current/bad ]\n",
	    l->dir, l->dir, l->dir, l->dir, persist, l->dir, l->dir);
}

/* Four releases: db/, venv/ and etc/conf say which one shipped them; 3 is bad. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master,
	    "umask 022; mkdelta init -q repo; mkdir -p t/db t/venv t/etc t/bin; "
	    "seq 3000 > t/bin/app");
	for (int i = 1; i <= 4; i++)
		lab_ok(master,
		    "for f in db/seed venv/lib etc/conf; do echo shipped by %d > "
		    "t/$f; done; rm -f t/bad; [ %d != 3 ] || echo > t/bad; echo %d > "
		    "t/version; mkdelta release -q repo t",
		    i, i, i);
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' .", master->dir);
	return 0;
}

static void
to(unsigned release)
{
	lab_ok(l, DELTA_APPLY "update --to %u", release);
	lab_ok(l, "grep -x %u dev/demo/current/version", release);
	lab_ok(l, DELTA_APPLY "verify");
}

static void
back_to(unsigned release)
{
	lab_ok(l, DELTA_APPLY "rollback");
	lab_ok(l, "grep -x %u dev/demo/current/version", release);
	lab_ok(l, DELTA_APPLY "verify");
}

/* The file of the live tree has that line alone. */
static void
holds(const char *path, const char *line)
{
	lab_ok(l, "echo '%s' | diff - dev/demo/current/%s", line, path);
}

static void
a_folder_is_seeded_once_and_kept(void **state)
{
	(void)state;
	configure("paths = db\n");
	to(1);
	lab_ok(l, "readlink dev/demo/current/db | grep -x $PWD/dev/demo/shared/db");
	holds("db/seed", "shipped by 1");
	lab_ok(l, "echo mine > dev/demo/current/db/row");
	to(2);
	holds("db/seed", "shipped by 1");
	holds("db/row", "mine");
	/* What is not named goes with its release. */
	holds("venv/lib", "shipped by 2");
	lab_ok(l, "echo changed > dev/demo/current/db/row; rm dev/demo/current/db/seed");
	lab_expect(l, 5, DELTA_APPLY "update --to 3");
	lab_ok(l, DELTA_APPLY "verify");
	holds("db/row", "changed");
	to(4);
	holds("db/row", "changed");
	lab_ok(l, "[ ! -e dev/demo/current/db/seed ]");
	back_to(2);
	holds("db/row", "changed");
}

static void
a_path_that_no_release_ships_is_an_empty_folder(void **state)
{
	(void)state;
	configure("paths = var/lib/demo\n");
	to(1);
	lab_ok(l, "[ -d dev/demo/current/var/lib/demo/ ] && "
	    "echo x > dev/demo/current/var/lib/demo/x");
	to(2);
	holds("var/lib/demo/x", "x");
	back_to(1);
	holds("var/lib/demo/x", "x");
}

static void
a_file_can_be_kept_too(void **state)
{
	(void)state;
	configure("paths = etc/conf\n");
	to(1);
	holds("etc/conf", "shipped by 1");
	lab_ok(l, "echo mine > dev/demo/current/etc/conf");
	lab_ok(l, "[ -L dev/demo/current/etc/conf ] && "
	    "grep -x mine dev/demo/shared/etc/conf");
	to(2);
	holds("etc/conf", "mine");
	to(4);
	holds("etc/conf", "mine");
	back_to(2);
	holds("etc/conf", "mine");
}

static void
going_back_finds_the_copy_as_it_was(void **state)
{
	(void)state;
	configure("copy = venv\n");
	to(1);
	lab_ok(l,
	    "[ ! -L dev/demo/current/venv ] && echo one > dev/demo/current/venv/own");
	to(2);
	/* Copied, not linked: each release has its own from here on. */
	holds("venv/own", "one");
	holds("venv/lib", "shipped by 1");
	lab_ok(l,
	    "echo two > dev/demo/current/venv/own; echo > dev/demo/current/venv/new; "
	    "rm dev/demo/current/venv/lib");
	lab_ok(l, "grep -x one dev/demo/releases/1/venv/own");
	lab_expect(l, 5, DELTA_APPLY "update --to 3");
	holds("venv/own", "two");
	lab_ok(l, DELTA_APPLY "verify");
	back_to(1);
	holds("venv/own", "one");
	holds("venv/lib", "shipped by 1");
	lab_ok(l, "[ ! -e dev/demo/current/venv/new ]");
}

static void
a_file_can_be_copied_too(void **state)
{
	(void)state;
	configure("copy = etc/conf\n");
	to(1);
	lab_ok(l, "echo one > dev/demo/current/etc/conf");
	to(2);
	holds("etc/conf", "one");
	lab_ok(l, "echo two > dev/demo/current/etc/conf");
	back_to(1);
	holds("etc/conf", "one");
}

static void
all_of_them_together(void **state)
{
	(void)state;
	configure("paths = db etc/conf\ncopy = venv\n");
	to(1);
	lab_ok(l, "cd dev/demo/current && echo a > db/seed && echo b > etc/conf && "
	    "echo c > venv/lib");
	to(4);
	holds("db/seed", "a");
	holds("etc/conf", "b");
	holds("venv/lib", "c");
	lab_ok(l, "printf 4 > dev/demo/current/venv/lib");
	back_to(1);
	holds("venv/lib", "c");
	holds("db/seed", "a");
}

/* Named only after a while: what the device has by then is what is kept. */
static void
a_path_named_later_is_taken_from_the_running_tree(void **state)
{
	(void)state;
	configure("");
	to(1);
	lab_ok(l, "echo mine > dev/demo/current/db/seed; echo > dev/demo/current/db/row");
	configure("paths = db\n");
	to(2);
	holds("db/seed", "mine");
	lab_ok(l, "[ -e dev/demo/current/db/row ] && [ -L dev/demo/current/db ]");
	to(4);
	holds("db/seed", "mine");
}

/* Deltas find what the release shipped although the device's own stands there. */
static void
what_is_kept_costs_no_download(void **state)
{
	(void)state;
	configure("paths = db\ncopy = venv\n");
	to(1);
	lab_ok(l, "echo other > dev/demo/current/db/seed; echo other > "
	    "dev/demo/current/venv/lib; rm repo/targets/*/*.tar.zst");
	to(2);
	holds("db/seed", "other");
}

static void
paths_that_make_no_sense_are_named(void **state)
{
	static const char *const bad[] = { "paths = ../x\n", "paths = /x\n",
		"paths = .delta/x\n", "paths = db db/x\n", "paths = db\ncopy = db\n" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		configure(bad[i]);
		lab_expect(l, 2, DELTA_APPLY "update --to 1");
		lab_must_say(l, "persist");
		assert_false(lab_exists(l, "dev/demo/current"));
	}
}

/* State and application on one small filesystem: 3 MB of the tree that runs will
 * be copied, and there is room for everything but these. */
static void
room_for_copies_is_asked_for_before_the_first_byte(void **state)
{
	char dev[300];
	int small;

	(void)state;
	lab_ok(l, "rm -rf dev; mkdir dev");
	(void)snprintf(dev, sizeof dev, "%s/dev", l->dir);
	if (mount("none", dev, "tmpfs", 0, "size=6m,mode=0755") == -1)
		skip();
	lab_serve(l, "repo", NULL);
	configure("copy = venv\n");
	(void)lab_run(l, DELTA_APPLY "update --to 1; head -c 3000000 /dev/zero > "
	    "dev/demo/current/venv/big");
	lab_log_clear(l);
	small = lab_run(l, DELTA_APPLY "--url http://127.0.0.1:%d update --to 2", l->port);
	if (lab_requests(l, "/targets/") != 0)
		small = -1;
	(void)mount("none", dev, "tmpfs", MS_REMOUNT, "size=12m,mode=0755");
	(void)lab_run(l, DELTA_APPLY "update --to 2; " DELTA_APPLY "version; "
	    "stat -c 'copied %%s' dev/demo/current/venv/big");
	(void)umount(dev);
	assert_int_equal(small, 7);
	lab_must_say(l, "demo 2");
	lab_must_say(l, "copied 3000000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_folder_is_seeded_once_and_kept),
		FLOW(a_path_that_no_release_ships_is_an_empty_folder),
		FLOW(a_file_can_be_kept_too),
		FLOW(going_back_finds_the_copy_as_it_was),
		FLOW(a_file_can_be_copied_too),
		FLOW(all_of_them_together),
		FLOW(a_path_named_later_is_taken_from_the_running_tree),
		FLOW(what_is_kept_costs_no_download),
		FLOW(room_for_copies_is_asked_for_before_the_first_byte),
		FLOW(paths_that_make_no_sense_are_named),
	};

	return cmocka_run_group_tests_name("persist", tests, open_master, close_master);
}
