/*
 * Clocks that are late, early, or go back; and what time that passes within one run
 * makes necessary.  The client's clock is faked by a preloaded library, which
 * sanitizers do not bear: there these are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"

#include "tests/lab/app.h"
#include "tests/lab/tuf_world.h"

#define FILE_BYTES "the software\n"

static int
open_world(void **state)
{
	struct tuf_world *w;

	if (tuf_world_open(state) != 0)
		return -1;
	w = *state;
	sim_delegate(w->sim, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	tuf_world_target(w, "stable", "1/first", FILE_BYTES);
	tuf_world_target(w, "stable", "1/second", FILE_BYTES);
	sim_release(w->sim);
	return 0;
}

/* The client's clock is so far from ours; skips the test where that cannot be. */
static void
clock_at(struct tuf_world *w, const char *when)
{
	if (lab_run(w->lab, "faketime -f '%s' delta-apply --version", when) != 0)
		skip();
	(void)snprintf(w->before, sizeof w->before, "faketime -f '%s'", when);
}

/* It stands still there. */
static void
clock_stops_at(struct tuf_world *w, int64_t seconds)
{
	char text[UTC_TEXT_MAX];

	(void)utc_text(text, seconds);
	text[10] = ' ';		/* for the T */
	text[19] = '\0';		/* and the Z */
	(void)snprintf(w->before, sizeof w->before, "TZ=UTC faketime -f '@%s x0'", text);
}

static void
expiry_is_strict_when_the_clock_is_right(void **state)
{
	static const char *const roles[] = { "timestamp", "snapshot", "targets" };
	struct tuf_world *w = *state;
	int64_t end = w->sim->now + 1000;
	char text[UTC_TEXT_MAX];

	clock_at(w, "+0");
	for (int i = 0; i < 3; i++) {
		/* All but this one last longer. */
		for (int k = 0; k < 3; k++)
			sim_set_expires(w->sim, roles[k], i == k ? end : end + SIM_DAY);
		sim_release(w->sim);
		clock_stops_at(w, end - 1);
		tuf_world_refreshes(w);
		clock_stops_at(w, end);
		tuf_world_refuses(w, 9, roles[i]);
		lab_must_say(w->lab, "metadata expired on");
		lab_must_say(w->lab, utc_text(text, end));
	}
}

static void
a_clock_in_the_future_is_forgotten(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	clock_at(w, "+74y");
	tuf_world_refuses(w, 9, "or the clock is wrong: it says 2");
	lab_must_say(w->lab, "root: metadata expired on");
	clock_at(w, "+0");
	tuf_world_refreshes(w);
}

static void
a_device_in_1970_goes_by_what_was_signed(void **state)
{
	struct tuf_world *w = *state;

	clock_at(w, "@1970-01-01 00:00:10");
	tuf_world_refreshes(w);
	lab_must_say(w->lab, "the clock says 1970-01-01T");
	tuf_world_gets(w, "1/first", FILE_BYTES);
	/* What expired before that is stale in 1970 too. */
	sim_set_expires(w->sim, "targets", w->sim->now - 3 * SIM_DAY);
	assert_int_equal(jv_set(sim_part(w->sim, "targets"), "x-signed",
	    jv_new_text("2020-01-01T00:00:00Z")), 0);
	sim_release(w->sim);
	tuf_world_refuses(w, 9, "targets: metadata expired");
}

static void
a_clock_gone_back_is_noticed_and_said(void **state)
{
	struct tuf_world *w = *state;
	char said[UTC_TEXT_MAX];

	clock_at(w, "+0");
	tuf_world_refreshes(w);
	assert_false(lab_said(w->lab, "clock"));
	clock_at(w, "-40d");
	tuf_world_refreshes(w);
	lab_must_say(w->lab, "the clock says 2");
	lab_must_say(w->lab, "and is behind; going by");
	/* The later of the signature and of the program's making. */
	if (strstr(w->lab->err, utc_text(said, w->sim->now - SIM_DAY)) == NULL)
		lab_must_say(w->lab, "T00:00:00Z");
	/* A little is no news. */
	assert_int_equal(jv_set(sim_part(w->sim, "timestamp"), "x-signed",
	    jv_new_text(utc_text(said, w->sim->now))), 0);
	sim_release(w->sim);
	clock_at(w, "-20m");
	tuf_world_refreshes(w);
	assert_false(lab_said(w->lab, "clock"));
}

/* It was valid when it came, and is not any more; nothing newer is there. */
static void
a_delegated_role_that_expired_since_is_not_used(void **state)
{
	struct tuf_world *w = *state;

	clock_at(w, "+0");
	sim_set_expires(w->sim, "stable", w->sim->now + 7 * SIM_DAY);
	sim_release(w->sim);
	tuf_world_gets(w, "1/first", FILE_BYTES);
	clock_at(w, "+18d");
	tuf_world_get_fails(w, "1/second", 9, "stable: metadata expired");
	lab_ok(w->lab, "test ! -e out/1/second");
	/* A newer one takes its place, though the old one had expired. */
	sim_set_expires(w->sim, "stable", w->sim->now + 21 * SIM_DAY);
	sim_release(w->sim);
	tuf_world_gets(w, "1/second", FILE_BYTES);
}

static void
expired_local_files_are_no_obstacle_and_still_a_memory(void **state)
{
	struct tuf_world *w = *state;

	clock_at(w, "+0");
	sim_set_expires(w->sim, "timestamp", w->sim->now + 7 * SIM_DAY);
	sim_set_expires(w->sim, "snapshot", w->sim->now + 7 * SIM_DAY);
	sim_release(w->sim);
	tuf_world_refreshes(w);
	clock_at(w, "+18d");
	tuf_world_refuses(w, 9, "timestamp: metadata expired");
	sim_set_expires(w->sim, "timestamp", w->sim->now + 21 * SIM_DAY);
	sim_set_expires(w->sim, "snapshot", w->sim->now + 21 * SIM_DAY);
	sim_set_version(w->sim, "timestamp", 2);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "timestamp: rollback");
	sim_set_version(w->sim, "timestamp", 4);
	sim_set_version(w->sim, "snapshot", 4);
	sim_set_version(w->sim, "targets", 2);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "rollback of targets.json");
	sim_release(w->sim);
	sim_set_version(w->sim, "targets", 4);
	sim_set_version(w->sim, "timestamp", 6);
	sim_set_version(w->sim, "snapshot", 6);
	sim_publish(w->sim);
	tuf_world_refreshes(w);
}

/* A download that takes its time: the halt that was signed meanwhile is seen before
 * the switch, in the same run.  The hook is not in a hurry, the applier is. */
static void
a_halt_signed_during_a_run_is_seen_before_the_switch(void **state)
{
	struct lab *l = lab_open();

	(void)state;
	if (lab_run(l, "faketime -f '+0 x2' delta-apply --version") != 0) {
		lab_close(l);
		skip();
	}
	lab_ok(l, "mkdelta init -q repo && mkdelta key new repo halt && echo 1 > t && "
	    "mkdelta release -q repo t");
	lab_write(l, "hook", "#!/bin/sh\ncd %s && test -e armed || exit 0\n"
	    "%s/mkdelta halt -q repo 2 > said 2>&1 || exit 1\nsleep 3\n", l->dir,
	    getenv("BIN"));
	lab_ok(l, "chmod 755 hook");
	app_configure(l, "[hooks]\ntimeout = 86400\n");
	lab_ok(l, "echo preflight = $PWD/hook >> app.conf");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 1);
	lab_ok(l, "echo 2 > t && mkdelta release -q repo t && touch armed");
	lab_ok(l, "faketime -f '+0 x30' " DELTA_APPLY "update");
	assert_true(lab_exists(l, "said"));
	app_runs(l, 1);
	lab_ok(l, DELTA_APPLY "check");
	lab_must_say(l, "halted");
	/* It was the halt, and nothing else, that kept it. */
	lab_ok(l, "rm armed && mkdelta halt -q repo 2 --lift && " DELTA_APPLY "update");
	app_runs(l, 2);
	lab_close(l);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_world, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(expiry_is_strict_when_the_clock_is_right),
		FLOW(a_clock_in_the_future_is_forgotten),
		FLOW(a_device_in_1970_goes_by_what_was_signed),
		FLOW(a_clock_gone_back_is_noticed_and_said),
		FLOW(a_delegated_role_that_expired_since_is_not_used),
		FLOW(expired_local_files_are_no_obstacle_and_still_a_memory),
		cmocka_unit_test(a_halt_signed_during_a_run_is_seen_before_the_switch),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
