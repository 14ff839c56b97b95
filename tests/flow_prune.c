/*
 * Old releases go off offer, later off the host; devices get by at every moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

/* Seven releases; nobody below 3 gets to 4 or above without it. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 60000, 1);
	lab_ok(master, "for i in 1 2 3 4 5 6 7; do echo $i > t/version; [ $i -gt 3 ] && "
	    "more='--requires-release 3' || more=; mkdelta release -q repo t $more || exit; "
	    "done");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s/repo.keys' '%s/t' . && delta-host publish -q repo www",
	    master->dir, master->dir, master->dir);
	app_configure(l, "");
	lab_ok(l, "sed -i \"s|^url = .*|url = file://$PWD/www|\" app.conf");
	return 0;
}

static void
the_newest_and_the_barrier_stay_on_offer(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta prune --keep 2 --dry-run --json repo");
	assert_int_equal(app_number(l, "releases"), 4);
	assert_int_equal(app_number(l, "kept"), 3);
	assert_true(app_number(l, "bytes") > 0);
	lab_ok(l, "mkdelta list --json repo | grep -c '\"release\": 1,'");
	lab_ok(l, "mkdelta prune --keep 2 repo");
	lab_must_say(l, "4 releases went off offer, 3 stay");
	lab_ok(l, "mkdelta verify repo; mkdelta list repo");
	lab_expect(l, 2, "mkdelta show repo 1");
	lab_ok(l, "mkdelta show repo 3 && mkdelta show repo 6");
	/* Again: nothing to do, no new signature. */
	lab_ok(l, "cp repo/metadata/timestamp.json before; mkdelta prune --keep 2 repo; "
	    "cmp before repo/metadata/timestamp.json");
	/* A new release goes on, with a number of its own; with ways from what stayed. */
	lab_ok(l, "echo 8 > t/version; mkdelta release repo t; mkdelta verify repo");
	lab_must_say(l, "release 8");
	lab_must_say(l, "from 7");
	lab_expect(l, 2, "mkdelta prune repo");
	lab_must_say(l, "--keep");
	lab_expect(l, 2, "mkdelta prune --keep 0 repo");
}

/* A device on a release that went is not left behind. */
static void
devices_below_still_get_to_the_newest(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update -q --to 2");
	app_runs(l, 2);
	lab_ok(l, "cp -a dev dev-2; mkdelta prune -q --keep 2 repo && delta-host publish -q "
	    "repo www && delta-host prune --grace 0 repo www && delta-host verify www");
	for (int i = 0; i < 4; i++)
		lab_ok(l, DELTA_APPLY "update -q");
	app_runs(l, 7);
	lab_ok(l, "rm -rf dev; " DELTA_APPLY "update -q");
}

static void
objects_stay_until_the_grace_period_is_over(void **state)
{
	(void)state;
	lab_ok(l, "find www/targets -type f | sort > before; mkdelta prune -q --keep 2 repo");
	/* The host is not at this state yet. */
	lab_expect(l, 5, "delta-host prune --grace 0 repo www");
	lab_must_say(l, "publish");
	lab_ok(l, "delta-host publish -q repo www; delta-host prune --json repo www");
	assert_int_equal(app_number(l, "objects"), 0);
	assert_true(app_number(l, "waiting") > 8);
	assert_true(app_number(l, "waiting-bytes") > 1000);
	lab_ok(l, "find www/targets -type f | sort | cmp - before");
	/* Shown first. */
	lab_ok(l, "delta-host prune --grace 0 --dry-run --json repo www");
	assert_true(app_number(l, "objects") > 8);
	lab_ok(l, "find www/targets -type f | sort | cmp - before");
	lab_ok(l, "delta-host prune --grace 0 --json repo www; delta-host verify www");
	lab_ok(l, "ls www/targets/1 www/targets/2 www/targets/5; ls www/targets/3");
	assert_false(lab_said(l, "from-1.delta"));
	assert_true(lab_said(l, ".tar.zst"));
	lab_ok(l, "delta-host prune --grace 0 --json repo www");
	assert_int_equal(app_number(l, "objects"), 0);
	/* No metadata went: a device that has an old timestamp reads on. */
	lab_ok(l, "cd repo/metadata; for f in *; do cmp $f ../../www/metadata/$f || exit; done");
}

/* Time is that of the states: what an old one lists waits, what a still older one
 * lists does not. */
static void
the_grace_period_counts_from_the_end_of_a_state(void **state)
{
	(void)state;
	if (lab_run(l, "faketime -f '+40d' delta-host --version") != 0)
		skip();	/* no faketime here, or not with sanitizers */
	lab_ok(l, "mkdelta prune -q --keep 2 repo; delta-host publish -q repo www");
	lab_ok(l, "faketime -f '+6d' delta-host prune --json repo www");
	assert_int_equal(app_number(l, "objects"), 0);
	lab_ok(l, "faketime -f '+8d' delta-host prune --json --dry-run repo www");
	assert_true(app_number(l, "objects") > 8);
	/* What was withdrawn a day ago waits, whatever went long before. */
	lab_ok(l, "faketime -f '+7d' mkdelta withdraw -q repo 6; "
	    "faketime -f '+7d' delta-host publish -q repo www; "
	    "faketime -f '+8d' delta-host prune --json repo www");
	assert_true(app_number(l, "waiting") > 1);
	assert_true(app_number(l, "objects") > 8);
	lab_ok(l, "ls www/targets/6");
	lab_must_say(l, ".tar.zst");
}

static void
what_nothing_ever_listed_is_left_to_a_publish_on_its_way(void **state)
{
	(void)state;
	lab_ok(l, "cp $(ls www/targets/7/*.tar.zst) www/targets/7/$(printf x | sha256sum | "
	    "cut -c 1-64).any.tar.zst; delta-host prune --json repo www");
	assert_int_equal(app_number(l, "objects"), 0);
	assert_int_equal(app_number(l, "waiting"), 1);
	lab_ok(l, "touch -d '8 days ago' www/targets/7/2d711642*; delta-host prune --json repo "
	    "www");
	assert_int_equal(app_number(l, "objects"), 1);
	lab_ok(l, "delta-host verify www");
}

static void
over_rsync_and_rclone_too(void **state)
{
	static const char *const dests[] = { "rsync:$PWD/www", "rclone::local:$PWD/www" };

	(void)state;
	lab_ok(l, "mkdelta prune -q --keep 2 repo && delta-host publish -q repo www; cp -a www "
	    "full; delta-host prune -q --grace 0 repo www; (cd www; find . -type f) | sort > "
	    "should");
	for (int i = 0; i < 2; i++) {
		lab_ok(l, "rm -rf www; cp -a full www; delta-host prune --json repo %s",
		    dests[i]);
		assert_int_equal(app_number(l, "objects"), 0);
		lab_ok(l, "delta-host prune -q --grace 0 repo %s; (cd www; find . -type f) | "
		    "sort | diff - should", dests[i]);
	}
	lab_expect(l, 2, "delta-host prune --grace x repo www");
	lab_expect(l, 2, "delta-host prune nowhere www");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(the_newest_and_the_barrier_stay_on_offer),
		FLOW(devices_below_still_get_to_the_newest),
		FLOW(objects_stay_until_the_grace_period_is_over),
		FLOW(the_grace_period_counts_from_the_end_of_a_state),
		FLOW(what_nothing_ever_listed_is_left_to_a_publish_on_its_way),
		FLOW(over_rsync_and_rclone_too),
	};

	return cmocka_run_group_tests_name("prune", tests, open_master, close_master);
}
