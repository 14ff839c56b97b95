/*
 * Releases after they were made: promoted to another channel, withdrawn, halted; and
 * what devices do about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

/* Channels stable and beta; both have release 1, and beta has 2 and 3. */
static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo --channel stable --channel beta");
	lab_fill(l, "t/bin/app", 100000, 1);
	lab_ok(l, "mkdelta release -q repo t --notes 'The first'");
	lab_ok(l, "mkdelta promote -q repo 1 --to beta");
	for (int i = 2; i <= 3; i++)
		lab_ok(l, "echo %d > t/n && mkdelta release -q repo t --channel beta", i);
	app_configure(l, "");
	return 0;
}

static void
promote_offers_a_release_by_metadata_and_the_deltas_that_lack(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 1);
	lab_ok(l, "find repo/targets -type f | sort > before");
	lab_ok(l, "mkdelta promote repo 3 --to stable");
	lab_must_say(l, "release 3, version 3, is in channel stable now");
	lab_must_say(l, "delta from 1");
	lab_ok(l, "find repo/targets -type f | sort | diff before - > new; "
	    "! grep -v 'delta$' new | grep '^>'");
	lab_ok(l, "mkdelta verify repo");
	lab_must_say(l, "all good");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 3);
	lab_ok(l, "mkdelta promote repo 3 --to stable");
	lab_must_say(l, "already");
	lab_expect(l, 5, "mkdelta promote repo 2 --to stable");
	lab_must_say(l, "devices only go up");
	lab_expect(l, 2, "mkdelta promote repo 9 --to stable");
	lab_expect(l, 2, "mkdelta promote repo 3 --to nowhere");
	lab_expect(l, 2, "mkdelta promote repo 3");
	/* A release of stable itself still gets a number of its own. */
	lab_ok(l, "echo 4 > t/n && mkdelta release repo t && mkdelta verify repo");
	lab_must_say(l, "all good");
	lab_ok(l, "mkdelta show repo 4");
}

static void
promote_needs_the_key_of_the_channel_that_gets_it(void **state)
{
	(void)state;
	lab_ok(l, "mkdir -m 700 k && cp repo.keys/channel-beta.pem repo.keys/online.pem k");
	lab_expect(l, 5, "mkdelta promote repo 3 --to stable --keys k");
	lab_must_say(l, "role stable");
	lab_ok(l, "rm k/channel-beta.pem && cp repo.keys/channel-stable.pem k && "
	    "mkdelta promote repo 3 --to stable --keys k");
}

static void
withdrawn_releases_are_not_offered_and_devices_stay(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta promote -q repo 2 --to stable && "
	    "mkdelta promote -q repo 3 --to stable");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 3);
	lab_ok(l, "mkdelta withdraw repo 3");
	lab_must_say(l, "withdrawn from stable");
	lab_ok(l, "mkdelta verify repo");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 3);
	lab_expect(l, 2, "mkdelta withdraw repo 3");
	lab_expect(l, 5, "mkdelta promote repo 3 --to stable");
	lab_must_say(l, "was withdrawn");
	/* The number is gone for good, also for the channel that has it no more. */
	lab_ok(l, "mkdelta withdraw repo 3 --channel beta");
	lab_expect(l, 5, "echo 5 > t/n; mkdelta release repo t --number 3");
	lab_must_say(l, "was withdrawn");
	lab_ok(l, "mkdelta release repo t");
	lab_must_say(l, "release 4");
	lab_ok(l, "mkdelta verify repo && " DELTA_APPLY "update");
	app_runs(l, 4);
}

static void
a_signed_downgrade_holds_until_the_next_release(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta promote -q repo 2 --to stable && "
	    "mkdelta promote -q repo 3 --to stable && " DELTA_APPLY "update");
	app_runs(l, 3);
	lab_expect(l, 2, "mkdelta withdraw repo 3 --downgrade-to 3");
	lab_ok(l, "mkdelta withdraw repo 3 --downgrade-to 2");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 2);
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 2);
	lab_ok(l, "echo 6 > t/n && mkdelta release repo t");
	lab_must_say(l, "no longer takes devices down");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 4);
}

/* Down by the channel, back by hand, in with nothing: not below the floor. */
static void
no_device_goes_below_the_floor(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update && mkdelta promote -q repo 2 --to stable && "
	    DELTA_APPLY "update && mkdelta promote -q repo 3 --to stable");
	app_runs(l, 2);
	lab_ok(l, "mkdelta floor repo");
	lab_must_say(l, "stable: no floor");
	lab_expect(l, 5, "mkdelta floor repo 4");
	lab_must_say(l, "new devices could install nothing");
	lab_ok(l, "mkdelta floor repo 2");
	lab_must_say(l, "beta: no device goes below release 2 (all channels)");
	lab_expect(l, 2, "mkdelta floor repo 2");
	lab_ok(l, "mkdelta floor repo 3 --channel stable && mkdelta verify repo");
	lab_ok(l, "mkdelta floor repo --json | python3 -c 'import json, sys; "
	    "f = json.load(sys.stdin); assert f[\"all\"] == 2, f; "
	    "assert [c[\"floor\"] for c in f[\"channels\"]] == [3, 2], f'");
	lab_expect(l, 5, "mkdelta withdraw repo 3 --downgrade-to 2");
	lab_must_say(l, "below the floor, 3");
	/* Who is below goes up, and not back by hand unless he insists. */
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 3);
	lab_expect(l, 5, DELTA_APPLY "rollback");
	lab_must_say(l, "is below the floor 3");
	app_runs(l, 3);
	lab_ok(l, DELTA_APPLY "rollback --below-floor");
	app_runs(l, 2);
	/* A new device is offered nothing that is below. */
	lab_ok(l, "mkdelta withdraw repo 3 && rm -rf dev");
	lab_must_say(l, "nothing at or above its floor, 3, is offered any");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "below the floor");
	assert_false(lab_exists(l, "dev/demo/current"));
	lab_expect(l, 2, "mkdelta floor repo 2 --lift");
	lab_ok(l, "mkdelta floor repo --lift --channel stable && " DELTA_APPLY "update");
	app_runs(l, 2);
	lab_ok(l, "mkdelta init -q r2 --channel a --channel b && mkdelta release -q r2 t && "
	    "echo 9 > t/n && mkdelta release -q r2 t && mkdelta floor r2 2");
	lab_expect(l, 5, "mkdelta promote r2 1 --to b");
	lab_must_say(l, "is below the floor of channel b, 2");
	lab_ok(l, "mkdelta promote r2 2 --to b");
}

/* Of all channels by the targets key, of one by its own. */
static void
a_floor_needs_the_key_of_who_says_it(void **state)
{
	(void)state;
	lab_ok(l, "mkdir -m 700 k && cp repo.keys/channel-beta.pem repo.keys/online.pem k");
	lab_expect(l, 5, "mkdelta floor repo 1 --keys k");
	lab_must_say(l, "role targets");
	lab_expect(l, 5, "mkdelta floor repo 1 --channel stable --keys k");
	lab_ok(l, "mkdelta floor repo 1 --channel beta --keys k");
	lab_expect(l, 5, "mkdelta withdraw repo 3 --channel beta --downgrade-to 2 --keys k "
	    "&& mkdelta floor repo 3 --channel beta --keys k");
	lab_must_say(l, "down to release 2");
}

static void
halted_releases_are_neither_offered_nor_switched_to(void **state)
{
	(void)state;
	lab_expect(l, 2, "mkdelta halt repo 3");
	lab_must_say(l, "has no role halt");
	lab_ok(l, "mkdelta key new repo halt && mkdelta halt repo");
	lab_must_say(l, "nothing is halted");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "mkdelta promote -q repo 2 --to stable && "
	    "mkdelta promote -q repo 3 --to stable");
	/* It stands ready, and is stopped before the switch. */
	lab_ok(l, DELTA_APPLY "update --download-only");
	lab_ok(l, "mkdir -m 700 k && cp repo.keys/halt.pem repo.keys/online.pem k && "
	    "mkdelta halt repo 3 --keys k");
	lab_must_say(l, "release 3 is halted");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 2);
	lab_ok(l, DELTA_APPLY "check");
	lab_must_say(l, "halted");
	lab_ok(l, DELTA_APPLY "update --to 3");
	lab_must_say(l, "halted");
	app_runs(l, 2);
	lab_expect(l, 2, "mkdelta halt repo 9 --keys k");
	lab_ok(l, "mkdelta halt repo 3 --lift --keys k");
	lab_expect(l, 2, "mkdelta halt repo 3 --lift --keys k");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 3);
}

static void
all_is_halted_for_a_time_that_ends(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update && mkdelta key new repo halt && "
	    "mkdelta promote -q repo 3 --to stable");
	lab_expect(l, 2, "mkdelta halt repo all --days 15");
	lab_expect(l, 2, "mkdelta halt repo 3 --days 1");
	lab_ok(l, "mkdelta halt repo all --days 2");
	lab_must_say(l, "all are halted until");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 1);
	/* Sanitizers do not bear its preloaded library. */
	if (lab_run(l, "faketime -f +3d delta-apply --version") != 0)
		return;
	lab_ok(l, "faketime -f +3d " DELTA_APPLY "update");
	app_runs(l, 3);
}

/* What the halt key is worth to a thief: nothing is shipped by it. */
static void
the_halt_key_signs_nothing_else(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta key new repo halt && mkdir -m 700 k && "
	    "cp repo.keys/halt.pem repo.keys/online.pem k && echo evil > t/n");
	lab_expect(l, 5, "mkdelta release repo t --keys k");
	lab_expect(l, 5, "mkdelta withdraw repo 1 --keys k");
	lab_expect(l, 5, "mkdelta promote repo 3 --to stable --keys k");
	lab_expect(l, 5, "mkdelta refresh repo --role targets --keys k");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(promote_offers_a_release_by_metadata_and_the_deltas_that_lack),
		FLOW(promote_needs_the_key_of_the_channel_that_gets_it),
		FLOW(withdrawn_releases_are_not_offered_and_devices_stay),
		FLOW(a_signed_downgrade_holds_until_the_next_release),
		FLOW(no_device_goes_below_the_floor),
		FLOW(a_floor_needs_the_key_of_who_says_it),
		FLOW(halted_releases_are_neither_offered_nor_switched_to),
		FLOW(all_is_halted_for_a_time_that_ends),
		FLOW(the_halt_key_signs_nothing_else),
	};

	return cmocka_run_group_tests_name("channels", tests, NULL, NULL);
}
