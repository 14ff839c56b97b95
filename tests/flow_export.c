/*
 * A medium that is carried to a device without a network.
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

/* Six releases; 5 and 6 want 4 first.  dev-N: a device on N. */
static int
open_master(void **state)
{
	(void)state;
	l = master = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 200000, 1);
	app_configure(l, "");
	lab_ok(l, "sed -i \"s|^url = .*|url = file:///nowhere|\" app.conf; mkdir empty");
	for (int i = 1; i <= 6; i++) {
		lab_ok(l, "echo %d > t/version; mkdelta release -q repo t %s", i,
		    i > 4 ? "--requires-release 4" : "");
		if (i == 2 || i == 5)
			lab_ok(l, "rm -rf dev; " DELTA_APPLY "update -q --url file://$PWD/repo "
			    "&& " DELTA_APPLY "update -q --url file://$PWD/repo; mv dev dev-%d", i);
	}
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s'/repo '%s'/dev-* '%s'/t '%s'/app.conf .; sed -i \"s|%s|$PWD|\" "
	    "app.conf", master->dir, master->dir, master->dir, master->dir, master->dir);
	return 0;
}

#define STICK "--url file://$PWD/stick "

static void
a_device_takes_it_with_the_same_trust(void **state)
{
	(void)state;
	lab_ok(l, "mv dev-5 dev; delta-host export --json --from 5 --platform any repo stick");
	assert_int_equal(app_number(l, "release"), 6);
	/* The delta and the listing: no full. */
	assert_int_equal(app_number(l, "objects"), 2);
	lab_ok(l, "find stick/targets -type f");
	lab_must_say(l, ".any.from-5.delta");
	assert_false(lab_said(l, ".tar.zst"));
	lab_ok(l, "cp -a dev dev-0; find stick -name '.*'");
	assert_int_equal(l->out_len, 0);
	/* Bytes that were changed on the way are refused. */
	lab_ok(l, "cp -a stick bad; for f in bad/targets/6/*.delta; do printf x | dd of=$f "
	    "bs=1 seek=30 conv=notrunc status=none; done");
	assert_int_not_equal(lab_run(l, DELTA_APPLY "update -q --url file://$PWD/bad"), 0);
	lab_ok(l, "cat dev/demo/current/version");
	assert_string_equal(l->out, "5\n");
	lab_ok(l, "rm -rf dev; mv dev-0 dev; " DELTA_APPLY "update -q " STICK "&& cat "
	    "dev/demo/current/version");
	assert_string_equal(l->out, "6\n");
}

static void
steps_that_are_required_are_on_it(void **state)
{
	(void)state;
	lab_ok(l, "mv dev-2 dev; delta-host export --from 2 --platform any repo stick");
	lab_ok(l, "for i in 1 2 3; do " DELTA_APPLY "update -q " STICK "|| exit; done; cat "
	    "dev/demo/current/version; cat dev/state/history* | grep -c . || true");
	lab_must_say(l, "6\n");
	lab_ok(l, "ls stick/targets");
	assert_false(lab_said(l, "1\n"));
	/* Several kinds of device on one medium; what is there stays. */
	lab_ok(l, "rm -rf stick; delta-host export -q --from 5 repo stick; "
	    "delta-host export --json --from 5 --from 2 repo stick");
	assert_int_equal(app_number(l, "kept"), 2);
	assert_true(app_number(l, "objects") >= 2);
}

static void
without_a_release_it_holds_the_full(void **state)
{
	(void)state;
	lab_ok(l, "delta-host export --json repo stick");
	assert_int_equal(app_number(l, "objects"), 2);
	lab_ok(l, "rm -rf dev; " DELTA_APPLY "update -q " STICK "&& cat dev/demo/current/version");
	assert_string_equal(l->out, "6\n");
	lab_ok(l, "rm -rf stick; delta-host export --json --full --from 5 repo stick");
	assert_int_equal(app_number(l, "objects"), 3);
}

static void
it_is_written_from_a_host_and_brought_up_to_date(void **state)
{
	(void)state;
	lab_ok(l, "cp -a '%s/repo.keys' .; delta-host publish -q repo www", master->dir);
	lab_serve(l, "www", NULL);
	lab_expect(l, 2, "delta-host export --from 5 http://127.0.0.1:%d stick", l->port);
	lab_must_say(l, "--root");
	lab_ok(l, "delta-host export --from 5 --root repo/metadata/1.root.json "
	    "http://127.0.0.1:%d stick", l->port);
	lab_ok(l, "echo 7 > t/version; mkdelta release -q repo t; delta-host publish -q repo "
	    "www; delta-host export --from 5 --root repo/metadata/1.root.json "
	    "http://127.0.0.1:%d stick; mv dev-5 dev; " DELTA_APPLY "update -q " STICK
	    "&& cat dev/demo/current/version", l->port);
	assert_string_equal(l->out, "7\n");
}

static void
what_cannot_be_is_said(void **state)
{
	(void)state;
	lab_expect(l, 2, "delta-host export --from 9 repo stick");
	lab_must_say(l, "is not listed");
	lab_expect(l, 2, "delta-host export --platform linux-armhf repo stick");
	lab_expect(l, 2, "delta-host export --channel beta repo stick");
	lab_expect(l, 2, "delta-host export repo repo/stick");
	lab_ok(l, "delta-host export --from 6 repo stick");
	lab_must_say(l, "nothing newer");
	/* An object that is not what was signed does not get onto it. */
	lab_ok(l, "rm -rf stick; for f in repo/targets/6/*.from-5.delta; do printf x | dd of=$f "
	    "bs=1 seek=30 conv=notrunc status=none; done");
	lab_expect(l, 4, "delta-host export --from 5 repo stick");
	assert_false(lab_exists(l, "stick/metadata/timestamp.json"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_device_takes_it_with_the_same_trust),
		FLOW(steps_that_are_required_are_on_it),
		FLOW(without_a_release_it_holds_the_full),
		FLOW(it_is_written_from_a_host_and_brought_up_to_date),
		FLOW(what_cannot_be_is_said),
	};

	return cmocka_run_group_tests_name("export", tests, open_master, close_master);
}
