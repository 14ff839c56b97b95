/*
 * A host or a line that fails: nothing unsigned gets onto the device, what came is
 * not fetched twice, and only what is bad is gone around.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include <stdio.h>
#include <string.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

/* Three releases; repo1 is the repository when there was one only. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 400000, 1);
	lab_write(master, "t/etc/conf", "one\n");
	lab_ok(master, "mkdelta release -q repo t; cp -a repo repo1; cp -a t t1");
	lab_fill(master, "t/lib/two", 3000, 2);
	lab_ok(master, "mkdelta release -q repo t");
	lab_fill(master, "t/lib/three", 3000, 3);
	lab_ok(master, "mkdelta release -q repo t");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s'/t* .", master->dir, master->dir);
	lab_serve(l, "repo", NULL);
	app_configure(l, "");
	return 0;
}

/* Install 1 while it is all there is, so that the rest is news. */
static void
install_1(void)
{
	lab_ok(l, "mv repo repo3; cp -a '%s/repo1' repo; " DELTA_APPLY "update; "
	    "rm -r repo; mv repo3 repo", master->dir);
	app_runs(l, 1);
	lab_log_clear(l);
}

enum damage { FLIPPED, TRUNCATED, OVERSIZED, HALF, EMPTY, DAMAGES };

/* Damage each file that the pattern names; flips at a tenth of its length. */
static void
damage(const char *files, enum damage how, int tenth)
{
	static const char *const does[DAMAGES] = {
		"at=$(($(stat -c %s $f) * $tenth / 10)); v=$(od -An -tu1 -j$at -N1 $f); "
		    "printf \"\\\\$(printf %o $((v ^ 16)))\" | "
		    "dd of=$f bs=1 seek=$at conv=notrunc status=none",
		"truncate -s -1 $f",
		"head -c 1000 /dev/zero >> $f",
		"truncate -s $(($(stat -c %s $f) / 2)) $f",
		"truncate -s 0 $f",
	};

	lab_ok(l, "tenth=%d; for f in %s; do %s; done", tenth, files, does[how]);
}

static void
restore(void)
{
	lab_ok(l, "rm -r repo; cp -a '%s/repo' repo", master->dir);
}

/* Whatever happens to these files, the update ends with this status and the
 * device keeps running release 1, untouched. */
static void
refuses_all_damage(const char *files)
{
	install_1();
	app_remember(l, "before");
	for (int how = 0; how < DAMAGES; how++)
		for (int tenth = 0; tenth < (how == FLIPPED ? 10 : 1); tenth += 3) {
			damage(files, (enum damage)how, tenth);
			lab_expect(l, 4, DELTA_APPLY "update");
			app_remember(l, "now");
			lab_ok(l,
			    "grep -v dev/state before > b; grep -v dev/state now > n; "
			    "diff b n");
			app_runs(l, 1);
			restore();
		}
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
}

static void
a_damaged_timestamp_is_4(void **state)
{
	(void)state;
	refuses_all_damage("repo/metadata/timestamp.json");
}

static void
a_damaged_snapshot_is_4(void **state)
{
	(void)state;
	refuses_all_damage("repo/metadata/4.snapshot.json");
}

static void
a_damaged_channel_role_is_4(void **state)
{
	(void)state;
	refuses_all_damage("repo/metadata/*.stable.any.json");
}

/* A device that knows them already does not ask again: this one is new. */
static void
damaged_targets_are_4(void **state)
{
	(void)state;
	for (int how = 0; how < DAMAGES; how++) {
		damage("repo/metadata/*.targets.json", (enum damage)how, 4);
		lab_log_clear(l);
		lab_expect(l, 4, DELTA_APPLY "update");
		assert_true(lab_requests(l, "targets.json 200") >= 1);
		app_runs(l, 0);
		assert_false(lab_exists(l, "dev/demo/current"));
		restore();
	}
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
}

/* Signed by nobody: a root that the device does not know yet. */
static void
a_damaged_root_is_4(void **state)
{
	(void)state;
	lab_ok(l, "cp repo/metadata/1.root.json repo/metadata/2.root.json; "
	    "rm -rf keep; cp -a repo keep");
	install_1();
	lab_ok(l, "rm -r repo; cp -a keep repo");
	app_remember(l, "before");
	for (int how = 0; how < DAMAGES; how++) {
		damage("repo/metadata/2.root.json", (enum damage)how, 3);
		lab_expect(l, 4, DELTA_APPLY "update");
		assert_true(lab_requests(l, "2.root.json 200") >= 1);
		app_remember(l, "now");
		lab_ok(l, "grep -v dev/state before > b; grep -v dev/state now > n; "
		    "diff b n");
		app_runs(l, 1);
		lab_ok(l, "rm -r repo; cp -a keep repo");
	}
	restore();
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
}

static void
a_damaged_full_is_4(void **state)
{
	(void)state;
	lab_ok(l, "rm repo/targets/*/*.delta");
	install_1();
	for (int how = 0; how < DAMAGES; how++)
		for (int tenth = 0; tenth < (how == FLIPPED ? 10 : 1); tenth += 3) {
			lab_ok(l, "rm -f repo/targets/*/*.delta");
			damage("repo/targets/*/*.tar.zst", (enum damage)how, tenth);
			lab_expect(l, 4, DELTA_APPLY "update");
			assert_true(lab_same_tree(l, "t1", "dev/demo/current"));
			app_runs(l, 1);
			restore();
		}
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
}

static void
a_damaged_listing_is_4(void **state)
{
	(void)state;
	for (int how = 0; how < DAMAGES; how++)
		for (int tenth = 0; tenth < (how == FLIPPED ? 10 : 1); tenth += 3) {
			damage("repo/targets/*/*.tree.zst", (enum damage)how, tenth);
			lab_expect(l, 4, DELTA_APPLY "update");
			app_runs(l, 0);
			assert_false(lab_exists(l, "dev/demo/current"));
			restore();
		}
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
}

static void
a_damaged_delta_is_gone_around(void **state)
{
	(void)state;
	install_1();
	lab_ok(l, "cp -a dev dev1");
	for (int how = 0; how < DAMAGES; how++)
		for (int tenth = 0; tenth < (how == FLIPPED ? 10 : 1); tenth += 3) {
			lab_ok(l, "rm -r dev; cp -a dev1 dev");
			damage("repo/targets/3/*.from-1.delta", (enum damage)how, tenth);
			lab_log_clear(l);
			lab_ok(l, DELTA_APPLY "update");
			lab_must_say(l, "3 (3) runs");
			assert_true(lab_same_tree(l, "t", "dev/demo/current"));
			lab_ok(l, "sleep 0.1");
			assert_int_equal(lab_requests(l, ".tar.zst"), 0);
			assert_true(lab_requests(l, "from-2.delta 200") >= 1);
			restore();
		}
}

static void
a_download_that_was_cut_goes_on_where_it_was(void **state)
{
	uint64_t planned, sent;

	(void)state;
	lab_serve(l, "repo", "  limit_rate 60k;\n");
	lab_ok(l, DELTA_APPLY "plan --json");
	planned = app_number(l, "download-bytes");
	lab_log_clear(l);
	assert_int_equal(lab_run(l, "timeout -s KILL 3 " DELTA_APPLY "update"), 128 + 9);
	app_runs(l, 0);
	lab_serve_stop(l);
	lab_serve(l, "repo", NULL);
	lab_ok(l, DELTA_APPLY "update");
	sent = app_object_bytes(l);
	assert_true(lab_requests(l, ".tar.zst 206") >= 1);
	lab_ok(l, "grep -E 'tar.zst 206 .*bytes=[1-9][0-9]*-' nginx/access.log");
	assert_true(sent < planned - 30000);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 3);
}

static void
an_answer_of_200_to_a_range_is_a_new_start(void **state)
{
	(void)state;
	lab_serve(l, "repo", "  limit_rate 60k;\n");
	assert_int_equal(lab_run(l, "timeout -s KILL 3 " DELTA_APPLY "update"), 128 + 9);
	lab_serve(l, "repo", NULL);
	lab_ok(l, "sed -i 's/max_ranges 16;/max_ranges 0;/' nginx/site.conf; "
	    "kill -HUP $(cat nginx/pid); sleep 0.5");
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_requests(l, ".tar.zst 200") >= 1);
	assert_int_equal(lab_requests(l, ".tar.zst 206"), 0);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 3);
}

static void
a_host_that_goes_away_meanwhile_is_3_and_the_old_runs_on(void **state)
{
	(void)state;
	install_1();
	lab_ok(l, "rm repo/targets/*/*.delta");
	lab_serve(l, "repo", "  limit_rate 60k;\n");
	lab_expect(l, 3, "(sleep 2; kill -9 $(cat nginx/pid) "
	    "$(pgrep -P $(cat nginx/pid))) & " DELTA_APPLY "update");
	l->nginx = 0;
	lab_ok(l, "rm -f nginx/pid");
	app_runs(l, 1);
	lab_serve(l, "repo", NULL);
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_requests(l, ".tar.zst 206") >= 1);
	app_runs(l, 3);
}

static void
no_room_is_said_before_the_first_byte(void **state)
{
	char root[300];

	(void)state;
	lab_ok(l, "mkdir -p dev/demo");
	(void)snprintf(root, sizeof root, "%s/dev/demo", l->dir);
	if (mount("none", root, "tmpfs", 0, "size=500k,mode=0755") == -1)
		skip();
	(void)lab_run(l, DELTA_APPLY "update");
	assert_int_equal(umount(root), 0);
	assert_int_equal(l->status, 7);
	lab_must_say(l, "free");
	assert_int_equal(app_object_bytes(l), 0);
}

static void
no_inodes_is_said_before_the_first_byte(void **state)
{
	char root[300];

	(void)state;
	lab_ok(l, "mkdir -p dev/demo");
	(void)snprintf(root, sizeof root, "%s/dev/demo", l->dir);
	if (mount("none", root, "tmpfs", 0, "size=64m,nr_inodes=8,mode=0755") == -1)
		skip();
	(void)lab_run(l, DELTA_APPLY "update");
	assert_int_equal(umount(root), 0);
	assert_int_equal(l->status, 7);
	lab_must_say(l, "inodes");
	assert_int_equal(app_object_bytes(l), 0);
}

static void
two_runs_at_once_are_6_and_the_first_is_not_disturbed(void **state)
{
	(void)state;
	lab_serve(l, "repo", "  limit_rate 40k;\n");
	lab_ok(l, DELTA_APPLY "update & sleep 1.5; " DELTA_APPLY "update; "
	    "echo second $?; wait; " DELTA_APPLY "version");
	lab_must_say(l, "second 6");
	lab_must_say(l, "busy");
	lab_must_say(l, "download");
	lab_must_say(l, "demo 3 ");
	app_runs(l, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_damaged_timestamp_is_4),
		FLOW(a_damaged_snapshot_is_4),
		FLOW(a_damaged_channel_role_is_4),
		FLOW(damaged_targets_are_4),
		FLOW(a_damaged_root_is_4),
		FLOW(a_damaged_full_is_4),
		FLOW(a_damaged_listing_is_4),
		FLOW(a_damaged_delta_is_gone_around),
		FLOW(a_download_that_was_cut_goes_on_where_it_was),
		FLOW(an_answer_of_200_to_a_range_is_a_new_start),
		FLOW(a_host_that_goes_away_meanwhile_is_3_and_the_old_runs_on),
		FLOW(no_room_is_said_before_the_first_byte),
		FLOW(no_inodes_is_said_before_the_first_byte),
		FLOW(two_runs_at_once_are_6_and_the_first_is_not_disturbed),
	};

	return cmocka_run_group_tests_name("faults", tests, open_master, close_master);
}
