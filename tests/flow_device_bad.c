/*
 * What can be wrong on a device, one test for each: which message, which exit status,
 * and that nothing was touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/app.h"

#define SNAPSHOT "find dev/demo -printf '%%p %%y %%m %%s %%l %%T@\\n' | sort > "

static struct lab *master, *l;

static void
configure(const char *file, const char *name, const char *more)
{
	lab_write(l, file, "[app]\nname = %s\nroot = %s/dev/demo\nurl = file://%s/repo\n"
	    "state = %s/dev/state\nrun = %s/dev/run\n[trust]\n"
	    "root = %s/repo/metadata/1.root.json\n%s", name, l->dir, l->dir, l->dir,
	    l->dir, l->dir, more);
}

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	app_releases(master, 60000);
	return 0;
}

static int
close_master(void **state)
{
	(void)state;
	lab_close(master);
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s/t' .", master->dir, master->dir);
	configure("app.conf", "demo", "");
	return 0;
}

static int
close_lab(void **state)
{
	(void)state;
	(void)lab_run(l, "umount dev/demo; umount vfat");
	lab_close(l);
	return 0;
}

/* A root-owned thing only root can make. */
static void
need_root(const char *what)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: %s needs root\n", what);
	skip();
}

static void
an_unknown_key_is_named_with_its_line_and_the_nearest_known(void **state)
{
	(void)state;
	configure("app.conf", "demo", "[health]\nretrys = 3\n");
	lab_expect(l, 2, DELTA_APPLY "update");
	lab_must_say(l, "retrys");
	lab_must_say(l, "did you mean retries?");
	lab_must_say(l, "line 10");
	configure("app.conf", "demo", "[helth]\nretries = 3\n");
	lab_expect(l, 2, DELTA_APPLY "update");
	lab_must_say(l, "did you mean");
	lab_must_say(l, "health");
	assert_false(lab_exists(l, "dev"));
}

static void
the_root_of_the_file_system_is_refused(void **state)
{
	(void)state;
	lab_expect(l, 2, DELTA_APPLY "--root / update");
	lab_must_say(l, "app.root");
	lab_must_say(l, "root of the file system");
	lab_expect(l, 2, DELTA_APPLY "--root // update");
	assert_false(lab_exists(l, "dev"));
}

static void
a_root_that_is_a_symlink_is_refused(void **state)
{
	(void)state;
	lab_ok(l, "mkdir -p real dev && ln -s ../real dev/demo");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "dev/demo is a symbolic link");
	lab_ok(l, "test -z \"$(ls -A real)\"");
	lab_expect(l, 5, DELTA_APPLY "--set app.swap=exchange update");
	lab_must_say(l, "link");
	lab_ok(l, "test -z \"$(ls -A real)\" && test -L dev/demo");
}

static void
a_mount_point_cannot_be_exchanged(void **state)
{
	(void)state;
	need_root("a mount");
	lab_ok(l, "mkdir -p dev/demo");
	if (lab_run(l, "mount -t tmpfs -o mode=0755 none dev/demo") != 0) {
		print_message("skipped: no mount here\n");
		skip();
	}
	(void)lab_run(l, DELTA_APPLY "--set app.swap=exchange update");
	assert_int_equal(l->status, 5);
	lab_must_say(l, "mount point");
	lab_ok(l, "test -z \"$(ls -A dev/demo)\"");
	lab_ok(l, DELTA_APPLY "--set app.swap=symlink --state $PWD/dev/s2 update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
}

static void
vfat_is_refused(void **state)
{
	(void)state;
	need_root("a loop mount");
	lab_ok(l, "mkdir vfat && truncate -s 8M img");
	if (lab_run(l, "mkfs.vfat img && mount -o loop img vfat") != 0) {
		print_message("skipped: no vfat here: %s", l->err);
		skip();
	}
	(void)lab_run(l, DELTA_APPLY "--root $PWD/vfat/demo update");
	assert_int_equal(l->status, 5);
	lab_must_say(l, "vfat");
	lab_ok(l, "test -z \"$(find vfat -type f)\"");
}

/* With `current` as the shell text leaves it: stuck, said, nothing touched; and after
 * the repair it goes on by itself or by `resume`. */
static void
stuck_until_repaired(const char *damage, const char *fact)
{
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "%s", damage);
	lab_ok(l, SNAPSHOT "before");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, fact);
	lab_must_say(l, "nothing was touched");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_ok(l, SNAPSHOT "after; diff before after");
	(void)lab_run(l, DELTA_APPLY "status");
	lab_must_say(l, fact);
	lab_ok(l, "rm -rf dev/demo/current && ln -s releases/1 dev/demo/current");
	lab_ok(l, DELTA_APPLY "resume");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 3 v1.2");
	assert_true(lab_same_tree(l, "t", "dev/demo/current/."));
}

static void
a_dangling_current_is_stuck(void **state)
{
	(void)state;
	stuck_until_repaired("ln -sfn releases/7 dev/demo/current", "which is not there");
}

static void
a_current_outside_is_stuck(void **state)
{
	(void)state;
	stuck_until_repaired("ln -sfn /usr/share dev/demo/current", "not into releases/");
}

static void
a_current_that_goes_up_is_stuck(void **state)
{
	(void)state;
	stuck_until_repaired("ln -sfn releases/../../.. dev/demo/current",
	    "not into releases/");
}

static void
a_current_that_is_a_folder_is_stuck(void **state)
{
	(void)state;
	stuck_until_repaired("rm dev/demo/current && mkdir dev/demo/current && "
	    "echo mine > dev/demo/current/file", "is a folder, not a link to a release");
}

static void
a_half_release_left_behind_is_replaced(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "mkdir -p dev/demo/releases/3/bin dev/demo/releases/3/alien && "
	    "head -c 1000 t/bin/app > dev/demo/releases/3/bin/app");
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
	lab_ok(l, DELTA_APPLY "verify");
}

static void
a_plan_of_a_newer_applier_is_refused(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, DELTA_APPLY "update --download-only");
	lab_ok(l, "test -f dev/state/plan.json");
	lab_ok(l,
	    "sed -i -E 's/\"format\": ?[0-9]+/\"format\": 99/' dev/state/plan.json; "
	    "grep -q '99' dev/state/plan.json");
	lab_ok(l, SNAPSHOT "before");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "newer delta-apply");
	lab_ok(l, SNAPSHOT "after; diff before after");
}

static void
a_release_of_another_platform_is_not_taken(void **state)
{
	(void)state;
	lab_ok(l,
	    "mkdelta init -q arm && mkdelta release -q --version v1 arm linux-arm64=t");
	lab_ok(l, DELTA_APPLY "--url file://$PWD/arm --set trust.root="
	    "$PWD/arm/metadata/1.root.json --set app.platform=linux-riscv64 update");
	lab_must_say(l, "channel stable has no release for linux-riscv64");
	assert_false(lab_exists(l, "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "--url file://$PWD/arm --set trust.root="
	    "$PWD/arm/metadata/1.root.json --set app.platform=linux-arm64 update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/1"));
}

static void
a_tree_we_did_not_make_takes_the_next_path(void **state)
{
	(void)state;
	lab_ok(l, "mkdir -p dev/demo/releases/1 && cp -a t/. dev/demo/releases/1/ && "
	    "rm -r dev/demo/releases/1/lib && ln -s releases/1 dev/demo/current");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "starts from nothing");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "starts from nothing");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
}

static void
a_locally_modified_release_takes_the_next_path(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "printf mine >> dev/demo/current/bin/app");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "bin/app");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
	lab_ok(l, DELTA_APPLY "verify");
}

static void
two_configurations_never_share_a_root_or_a_name(void **state)
{
	(void)state;
	need_root("/etc of its own");
	configure("etc/delta-apply/one.conf", "one", "");
	configure("etc/delta-apply/two.conf", "two", "");
#define WITH_ETC \
	"unshare -m sh -c 'mount -t overlay overlay -o lowerdir=$PWD/etc:/etc /etc" \
	" && exec delta-apply \"$@\"' x "
	if (lab_run(l, WITH_ETC "--version") != 0) {
		print_message("skipped: no overlay here: %s\n", l->err);
		skip();
	}
	lab_expect(l, 2, WITH_ETC "update");
	lab_must_say(l, "the same app.root");
	configure("etc/delta-apply/two.conf", "one", "");
	lab_expect(l, 2, WITH_ETC "update");
	lab_must_say(l, "the same app.name");
	assert_false(lab_exists(l, "dev/demo/current"));
}

static void
what_others_can_write_is_refused_as_root(void **state)
{
	(void)state;
	need_root("the check of owners");
	lab_ok(l, "chmod 666 app.conf");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "app.conf");
	lab_must_say(l, "writ");
	lab_ok(l, "chmod 644 app.conf; chown nobody app.conf");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "app.conf");
	lab_ok(l, "chown 0 app.conf; chmod 666 repo/metadata/1.root.json");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "1.root.json");
	lab_ok(l, "chmod 644 repo/metadata/1.root.json; chmod 777 repo");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "repo");
	assert_false(lab_exists(l, "dev"));
	lab_ok(l, "chmod 755 repo");
	lab_ok(l, DELTA_APPLY "update");
}

static void
another_product_at_our_url_is_not_trusted(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "mkdelta init -q other && "
	    "mkdelta release -q --version v9 --number 9 other t");
	lab_ok(l, SNAPSHOT "before");
	lab_expect(l, 4, DELTA_APPLY "--url file://$PWD/other update");
	lab_ok(l, SNAPSHOT "after; diff before after");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.0");
	lab_ok(l, DELTA_APPLY "update");
}

static void
expired_metadata_are_9_and_change_nothing(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	/* Sanitizers do not bear its preloaded library. */
	if (lab_run(l, "faketime '2100-01-01' delta-apply --version") != 0) {
		print_message("skipped: no faketime here\n");
		skip();
	}
	lab_ok(l, SNAPSHOT "before");
	lab_expect(l, 9, "faketime '2100-01-01' " DELTA_APPLY "update");
	lab_must_say(l, "expired");
	lab_ok(l, SNAPSHOT "after; diff before after");
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(an_unknown_key_is_named_with_its_line_and_the_nearest_known),
		FLOW(the_root_of_the_file_system_is_refused),
		FLOW(a_root_that_is_a_symlink_is_refused),
		FLOW(a_mount_point_cannot_be_exchanged),
		FLOW(vfat_is_refused),
		FLOW(a_dangling_current_is_stuck),
		FLOW(a_current_outside_is_stuck),
		FLOW(a_current_that_goes_up_is_stuck),
		FLOW(a_current_that_is_a_folder_is_stuck),
		FLOW(a_half_release_left_behind_is_replaced),
		FLOW(a_plan_of_a_newer_applier_is_refused),
		FLOW(a_release_of_another_platform_is_not_taken),
		FLOW(a_tree_we_did_not_make_takes_the_next_path),
		FLOW(a_locally_modified_release_takes_the_next_path),
		FLOW(two_configurations_never_share_a_root_or_a_name),
		FLOW(what_others_can_write_is_refused_as_root),
		FLOW(another_product_at_our_url_is_not_trusted),
		FLOW(expired_metadata_are_9_and_change_nothing),
	};

	return cmocka_run_group_tests_name("device_bad", tests, open_master,
	    close_master);
}
