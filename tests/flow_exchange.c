/*
 * swap = exchange: the application's own folder is exchanged as a whole.
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

/* A release with `bad` in it is not healthy. */
static void
configure(const char *root, const char *more)
{
	lab_write(l, "app.conf",
	    "[app]\nname = demo\nroot = %s/%s\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/state\nrun = %s/run\n"
	    "swap = exchange\n%s[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n"
	    "command = [ -f %s/%s/bin/app ] && [ ! -e %s/%s/bad ]\n",
	    l->dir, root, l->dir, l->dir, l->dir, more, l->dir, l->dir, root, l->dir,
	    root);
}

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t1/bin/app", 200000, 1);
	lab_ok(master, "mkdelta release -q repo t1");
	lab_ok(master,
	    "cp -a t1 t2 && printf x >> t2/bin/app && ln -s bin/app t2/link && "
	    "mkdelta release -q repo t2");
	lab_ok(master, "cp -a t2 t3 && rm t3/link && echo > t3/bad && "
	    "mkdelta release -q repo t3");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s'/t[123] .", master->dir, master->dir);
	configure("opt/demo", "");
	return 0;
}

/* The root is a real folder with exactly that release in it. */
static void
runs(unsigned release)
{
	char text[32];

	(void)snprintf(text, sizeof text, "t%u", release);
	assert_true(lab_same_tree(l, text, "opt/demo"));
	lab_ok(l, "[ -d opt/demo ] && [ ! -L opt/demo ]");
	(void)snprintf(text, sizeof text, "demo %u %u\n", release, release);
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, text);
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, "! find opt -name '.staging-*' -o -name '*.try*' | grep .");
}

static void
updates_go_by_delta_and_replace_the_folder(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	runs(1);
	/* The full is not there to be taken. */
	lab_ok(l, "rm repo/targets/2/*.tar.zst && stat -c %%i opt/demo > before");
	lab_ok(l, DELTA_APPLY "update --to 2");
	runs(2);
	lab_ok(l, "! stat -c %%i opt/demo | diff - before");
	assert_true(lab_same_tree(l, "t1", "opt/.demo.delta/releases/1"));
	lab_ok(l, "ls -A opt; [ $(ls -A opt | wc -l) = 2 ]");
}

static void
failed_health_exchanges_back(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, DELTA_APPLY "update --to 2");
	lab_ok(l, "stat -c '%%i %%Y %%a' opt/demo opt/demo/bin/app > before");
	lab_expect(l, 5, DELTA_APPLY "update");
	runs(2);
	lab_ok(l, "stat -c '%%i %%Y %%a' opt/demo opt/demo/bin/app | diff before -");
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "quarantined  3");
	lab_ok(l, DELTA_APPLY "update");
	runs(2);
}

static void
failed_first_install_leaves_no_application(void **state)
{
	(void)state;
	lab_expect(l, 5, DELTA_APPLY "update --to 3");
	lab_ok(l, "[ ! -e opt/demo ] || [ -z \"$(ls -A opt/demo)\" ]");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo - -");
	lab_ok(l, DELTA_APPLY "update");
	runs(2);
}

static void
a_manual_rollback_holds_until_resume(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, DELTA_APPLY "update --to 2");
	lab_ok(l, DELTA_APPLY "rollback");
	runs(1);
	lab_ok(l, DELTA_APPLY "resume");
	lab_ok(l, DELTA_APPLY "update --to 2");
	runs(2);
	lab_ok(l, DELTA_APPLY "rollback");
	runs(1);
}

static void
a_root_that_is_a_mount_point_is_refused(void **state)
{
	char root[300];

	(void)state;
	lab_ok(l, "mkdir -p -m 755 opt/demo");
	(void)snprintf(root, sizeof root, "%s/opt/demo", l->dir);
	if (mount("none", root, "tmpfs", 0, "size=4m,mode=0755") == -1)
		skip();
	(void)lab_run(l,
	    DELTA_APPLY "update --to 1; echo $? > rc; ls -A opt/demo > left");
	assert_int_equal(umount(root), 0);
	lab_must_say(l, "is a mount point");
	lab_ok(l, "grep -x 5 rc && [ ! -s left ]");
	/* Not mounted any more it is a folder like others. */
	lab_ok(l, DELTA_APPLY "update --to 1");
	runs(1);
}

/* Mounted later, over a release that runs: nothing is exchanged either. */
static void
a_bind_mount_over_the_root_is_refused(void **state)
{
	char root[300];

	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	(void)snprintf(root, sizeof root, "%s/opt/demo", l->dir);
	if (mount(root, root, NULL, MS_BIND, NULL) == -1)
		skip();
	(void)lab_run(l, DELTA_APPLY "update --to 2; echo $? > rc");
	assert_int_equal(umount(root), 0);
	lab_must_say(l, "mount point");
	lab_ok(l, "grep -x 5 rc");
	runs(1);
}

static void
persist_lives_beside_the_root(void **state)
{
	(void)state;
	configure("opt/demo", "[persist]\npaths = var/db\n");
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "echo data > opt/demo/var/db/x");
	lab_ok(l, DELTA_APPLY "update --to 2");
	lab_ok(l, "grep -x data opt/demo/var/db/x && "
	    "readlink opt/demo/var/db | grep -x $PWD/opt/.demo.delta/shared/var/db");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_ok(l, "grep -x data opt/demo/var/db/x");
	lab_ok(l, DELTA_APPLY "verify");
}

/* What somebody else put there is not exchanged away. */
static void
a_folder_that_is_no_release_is_not_lost(void **state)
{
	(void)state;
	lab_ok(l, "mkdir -p -m 755 opt/demo && echo mine > opt/demo/file");
	lab_expect(l, 5, DELTA_APPLY "update --to 1");
	lab_must_say(l, "nothing was touched");
	lab_ok(l, "[ \"$(ls -A opt/demo)\" = file ] && grep -x mine opt/demo/file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(updates_go_by_delta_and_replace_the_folder),
		FLOW(failed_health_exchanges_back),
		FLOW(failed_first_install_leaves_no_application),
		FLOW(a_manual_rollback_holds_until_resume),
		FLOW(a_root_that_is_a_mount_point_is_refused),
		FLOW(a_bind_mount_over_the_root_is_refused),
		FLOW(persist_lives_beside_the_root),
		FLOW(a_folder_that_is_no_release_is_not_lost),
	};

	return cmocka_run_group_tests_name("exchange", tests, open_master, close_master);
}
