/*
 * A real ext4 of 4 MiB: no block or no inode is left from a step on, it becomes
 * read-only or loses its power under an update, the state is somebody else's.  Needs
 * root and loop devices.
 */
#include <sys/mount.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/fixture.h"

#define DISK "disk/"

/* What `hook` of the update to 2 does once, until the file event is gone. */
static const char hook[] =
    "#!/bin/sh\ncd %s || exit 9\n"
    "test \"$1\" != migrate || echo \"$DELTA_TO\" > disk/data-$DELTA_TO\n"
    "read -r event step < event 2> /dev/null || exit 0\n"
    "test \"$1\" = \"$step\" || exit 0\n"
    "rm event\ncase $event in\n"
    "blocks) cat /dev/zero > disk/fill;;\n"
    "inodes) i=0; mkdir disk/many; while true > disk/many/$i; do i=$((i + 1)); done;;\n"
    "both) i=0; mkdir disk/many; while true > disk/many/$i; do i=$((i + 1)); done\n"
    "cat /dev/zero > disk/fill;;\n"
    "readonly) echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE disk))"
    "/trigger_fs_error;;\n"
    "cut) python3 -c 'import fcntl, os, struct\n"
    "fcntl.ioctl(os.open(\"disk\", 0), 0x8004587d, struct.pack(\"I\", 1))';;\n"
    "esac 2> /dev/null\nexit 0\n";

static const char conf[] =
    "[app]\nname = demo\nroot = %s/disk/demo\nurl = file://%s/repo\n"
    "state = %s/disk/state\nrun = %s/run\n[trust]\nroot = %s/repo/metadata/1.root.json\n"
    "[service]\nstart = true\nstop = true\n"
    "[health]\ncommand = [ ! -e %s/disk/demo/current/bad ] || [ ! -e %s/unhealthy ]\n"
    "timeout = 5\nretries = 0\ninterval = 1\nhold = 0\n"
    "[hooks]\npreflight = %s/hook preflight\ndeps = %s/hook deps\n"
    "migrate = %s/hook migrate\ncommit = %s/hook commit\n";

static int
open_master(void **state)
{
	(void)state;
	/* Mounts of our own: nobody else's copy of them keeps the disk busy. */
	if (geteuid() == 0 && (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1))
		print_message("no mounts of our own\n");
	master = lab_open();
	lab_fill(master, "t1/bin/app", 300000, 1);
	lab_fill(master, "t2/bin/app", 300000, 2);
	lab_ok(master, "echo > t2/bad && mkdelta init -q repo && "
	    "mkdelta release -q repo t1 && mkdelta release -q repo t2");
	return 0;
}

static int
open_lab(void **state)
{
	const char *d;

	(void)state;
	l = lab_open();
	d = l->dir;
	lab_ok(l, "cp -a %s/repo %s/t1 %s/t2 . && mkdir disk && truncate -s 4M image && "
	    "mkfs.ext4 -q -F -m 0 -N 128 -e remount-ro image", master->dir,
	    master->dir, master->dir);
	lab_write(l, "app.conf", conf, d, d, d, d, d, d, d, d, d, d, d);
	lab_write(l, "hook", hook, d);
	lab_ok(l, "chmod 755 hook");
	return 0;
}

static int
close_disk(void **state)
{
	(void)lab_run(l, "umount disk");
	return close_lab(state);
}

static void
need_disk(void)
{
	if (geteuid() != 0 || lab_run(l, "mount -o loop image disk") != 0) {
		print_message("skipped: no loop mounts here\n");
		skip();
	}
	lab_ok(l, DELTA_APPLY "update --to 1");
}

static void
happens(const char *event, const char *step)
{
	lab_write(l, "event", "%s %s\n", event, step);
}

static void
runs(unsigned release)
{
	char text[32], tree[8];

	(void)snprintf(text, sizeof text, "demo %u ", release);
	(void)snprintf(tree, sizeof tree, "t%u", release);
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, text);
	assert_true(lab_same_tree(l, tree, DISK "demo/current"));
	lab_ok(l, DELTA_APPLY "verify");
}

/* There is room again: the next run, or the one after it, is at release 2. */
static void
recovers(void)
{
	lab_ok(l, "rm -rf disk/fill disk/many event unhealthy");
	lab_ok(l, DELTA_APPLY "update --retry");
	runs(2);
	assert_false(lab_exists(l, DISK "state/switching"));
	lab_ok(l, "! find disk -name '.tmp*' -o -name '.staging*' | grep .");
	lab_ok(l, DELTA_APPLY "update");
}

static void
a_disk_that_fills_up_meanwhile_stops_before_the_switch(void **state)
{
	static const char *const events[] = { "blocks", "inodes" };

	(void)state;
	need_disk();
	for (size_t i = 0; i < 2; i++) {
		happens(events[i], "preflight");
		lab_expect(l, 7, DELTA_APPLY "update");
		assert_false(lab_exists(l, "event"));
		lab_must_say(l, "No space left on device");
		runs(1);
		lab_ok(l, "rm -rf disk/fill disk/many");
	}
	recovers();
}

static void
full_from_swap_on(const char *event)
{
	need_disk();
	happens(event, "migrate");
	lab_ok(l, DELTA_APPLY "update");
	assert_false(lab_exists(l, "event"));
	runs(2);
	lab_ok(l, DELTA_APPLY "update");
	recovers();
}

static void
full_and_unhealthy(const char *event)
{
	need_disk();
	happens(event, "migrate");
	lab_write(l, "unhealthy", "\n");
	lab_expect(l, 5, DELTA_APPLY "update");
	assert_false(lab_exists(l, "event"));
	runs(1);
	lab_ok(l, DELTA_APPLY "status");
	assert_false(lab_said(l, "stuck"));
	lab_ok(l, DELTA_APPLY "update");
	runs(1);
	recovers();
}

static void
without_a_free_block_from_swap_on_it_commits(void **state)
{
	(void)state;
	full_from_swap_on("blocks");
}

static void
without_a_free_inode_from_swap_on_it_commits(void **state)
{
	(void)state;
	full_from_swap_on("inodes");
}

static void
without_either_from_swap_on_it_commits(void **state)
{
	(void)state;
	full_from_swap_on("both");
}

static void
without_a_free_block_it_rolls_back(void **state)
{
	(void)state;
	full_and_unhealthy("blocks");
}

static void
without_a_free_inode_it_rolls_back(void **state)
{
	(void)state;
	full_and_unhealthy("inodes");
}

static void
without_either_it_rolls_back(void **state)
{
	(void)state;
	full_and_unhealthy("both");
}

/* ext4 has met an error: nothing can be written down any more, so the run ends where it
 * is. */
static void
a_disk_that_becomes_read_only_is_said_and_gone_on_from(void **state)
{
	static const char *const steps[] = { "preflight", "deps", "migrate" };

	(void)state;
	need_disk();
	for (size_t i = 0; i < 3; i++) {
		happens("readonly", steps[i]);
		lab_expect(l, 1, DELTA_APPLY "update");
		assert_false(lab_exists(l, "event"));
		lab_must_say(l, "Read-only file system");
		assert_true(lab_same_tree(l, "t1", DISK "demo/current"));
		/* No later run does harm either. */
		lab_expect(l, 1, DELTA_APPLY "update");
		lab_must_say(l, "Read-only file system");
		lab_ok(l, "umount disk && mount -o loop image disk");
	}
	recovers();
}

/* FS_IOC_SHUTDOWN: what is in the journal lasts, data that nobody synced do not. */
static void
what_migrate_wrote_lasts_as_long_as_the_switch(void **state)
{
	(void)state;
	need_disk();
	happens("cut", "commit");
	(void)lab_run(l, DELTA_APPLY "update");
	assert_false(lab_exists(l, "event"));
	lab_ok(l, "umount disk && mount -o loop image disk");
	assert_true(lab_same_tree(l, "t2", DISK "demo/current"));
	lab_ok(l, "cat disk/data-2");
	lab_must_say(l, "2\n");
	recovers();
}

static void
a_state_of_another_user_is_refused(void **state)
{
	(void)state;
	need_disk();
	lab_ok(l, "chown -R 65534 disk/state");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "disk/state belongs to user 65534");
	lab_must_say(l, "run delta-apply as its owner");
	assert_true(lab_same_tree(l, "t1", DISK "demo/current"));
	lab_ok(l, "chown -R root disk/state");
	recovers();
}

#define DISK_TEST(f) cmocka_unit_test_setup_teardown(f, open_lab, close_disk)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(a_disk_that_fills_up_meanwhile_stops_before_the_switch),
		DISK_TEST(without_a_free_block_from_swap_on_it_commits),
		DISK_TEST(without_a_free_inode_from_swap_on_it_commits),
		DISK_TEST(without_either_from_swap_on_it_commits),
		DISK_TEST(without_a_free_block_it_rolls_back),
		DISK_TEST(without_a_free_inode_it_rolls_back),
		DISK_TEST(without_either_it_rolls_back),
		DISK_TEST(a_disk_that_becomes_read_only_is_said_and_gone_on_from),
		DISK_TEST(what_migrate_wrote_lasts_as_long_as_the_switch),
		DISK_TEST(a_state_of_another_user_is_refused),
	};

	return cmocka_run_group_tests_name("full", tests, open_master, close_master);
}
