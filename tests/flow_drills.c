/*
 * A drill for each role: its key is stolen, the thief does what it is good for, the
 * owner revokes it, and the devices recover by themselves.  make drills prints what
 * all of them do and say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manifest/tuf_write.h"
#include "tests/lab/drill.h"
#include "tests/lab/fixture.h"

enum { FAR_AHEAD = 1000000 };

/* A root that gives every role to a key of the thief's own. */
static void
thief_makes_a_root(void)
{
	static const char *const roles[] = { "root", "timestamp", "snapshot", "targets" };
	struct jv *key = thief_makes_key(&thief);
	struct err e = ERR_INIT;

	for (int i = 0; i < 4; i++)
		assert_int_equal(tuf_root_role(thief_part(&thief, "root"), roles[i], &key,
		    1, 1, &e), 0);
	jv_free(key);
	thief_put(&thief, "root", 0);
	drill_says("thief", "signs a root that gives all roles to a key of his own");
}

static void
drill_root_below_its_threshold(void **state)
{
	(void)state;
	drill_begins("a root key of three, where two must sign");
	steals("root-1.pem");
	thief_makes_a_root();
	device("a", 4, "1 valid signatures, 2 needed");
	device_runs("a", 1);
	owner_runs("mkdelta key rotate -q repo root %.12s", stolen_id(0));
	owner_publishes();
	owner_releases(2);
	owner_publishes();
	all_run(2);
	/* What he has signs nothing now, with whatever else. */
	thief_makes_a_root();
	device("a", 4, "0 valid signatures, 2 needed");
	device_runs("a", 2);
}

static void
drill_root_to_its_threshold(void **state)
{
	(void)state;
	drill_begins("two root keys of three, where two must sign: noticed in time");
	steals("root-1.pem");
	steals("root-2.pem");
	owner_runs("mkdelta key rotate -q repo root %.12s", stolen_id(0));
	owner_runs("mkdelta key rotate -q repo root %.12s", stolen_id(1));
	owner_releases(2);
	owner_publishes();
	all_run(2);
	thief_makes_a_root();
	device("a", 4, "0 valid signatures, 2 needed");
	device_runs("a", 2);
}

/* The one theft that is not cured from afar. */
static void
drill_root_to_its_threshold_too_late(void **state)
{
	(void)state;
	drill_begins("two root keys of three, where two must sign: the thief is first");
	steals("root-1.pem");
	steals("root-2.pem");
	thief_makes_a_root();
	thief_put(&thief, "targets", 0);
	thief_lists_it(0);
	device("a", 0, NULL);
	owner_runs("mkdelta key rotate -q repo root %.12s", stolen_id(0));
	owner_runs("mkdelta key rotate -q repo root %.12s", stolen_id(1));
	owner_releases(2);
	owner_publishes();
	device("a", 4, NULL);
	device("b", 0, NULL);
	device_runs("b", 2);
	lab_ok(l, "cp repo/metadata/3.root.json first.root.json && rm -r a/state/metadata");
	drill_says("owner", "by hand on a: the newest root as [trust] root, no "
	    "STATE/metadata");
	all_run(2);
}

/* A part that says something bad, signed by the stolen keys up to the timestamp. */
static void
thief_empties(const char *role)
{
	assert_int_equal(jv_set(thief_part(&thief, role), "targets", jv_new_object()), 0);
	thief_put(&thief, role, 0);
	thief_lists_it(0);
	drill_says("thief", "signs a role %s that lists nothing, and all above it", role);
}

/* His own release by the ordinary tool. */
static void
thief_ships(void)
{
	thief_runs("mkdelta release -q host evil");
	device("a", 0, NULL);
	device_runs("a", 2);
	lab_ok(l, "test -e a/demo/current/evil");
	drill_says("device", "a has the thief's file");
}

static void
drill_targets(void **state)
{
	struct err e = ERR_INIT;
	const char *const paths[] = { "*/*", NULL };
	struct jv *key;

	(void)state;
	drill_begins("the targets key");
	steals("targets.pem");
	key = thief_makes_key(&thief);
	assert_int_equal(tuf_delegate(thief_part(&thief, "targets"), "stable", paths, &key,
	    1, 1, &e), 0);
	jv_free(key);
	thief_put(&thief, "targets", 0);
	thief_lists_it(0);
	drill_says("thief", "gives the channel stable to a key of his own");
	device("a", 4, "timestamp: 0 valid signatures");
	device_runs("a", 1);
	owner_publishes();
	steals("online.pem");
	thief_runs("mkdelta key rotate -q host stable");
	thief_ships();
	owner_runs("mkdelta key rotate -q repo online");
	owner_runs("mkdelta key rotate -q repo targets");
	owner_releases(3);
	owner_publishes();
	all_run(3);
}

static void
drill_channel(void **state)
{
	(void)state;
	drill_begins("the key of the channel stable");
	steals("channel-stable.pem");
	thief_empties("stable");
	device("a", 4, "timestamp: 0 valid signatures");
	device_runs("a", 1);
	owner_publishes();
	steals("online.pem");
	thief_ships();
	owner_runs("mkdelta key rotate -q repo online");
	owner_runs("mkdelta key rotate -q repo stable");
	owner_releases(3);
	owner_publishes();
	all_run(3);
	/* Both keys are worth nothing now. */
	thief_end(&thief);
	lab_ok(l, "cp stolen/* .");
	thief_steal(&thief, "channel-stable.pem");
	thief_steal(&thief, "online.pem");
	thief_empties("stable");
	device("a", 4, "timestamp: 0 valid signatures");
}

/* A platform's role is held by its channel's keys. */
static void
drill_platform(void **state)
{
	(void)state;
	drill_begins("a platform of stable, by the key of the channel beta, then by its own");
	steals("channel-beta.pem");
	steals("online.pem");
	thief_empties("stable.any");
	device("a", 4, "stable.any: 0 valid signatures");
	device_runs("a", 1);
	owner_publishes();
	thief_end(&thief);
	steals("channel-stable.pem");
	thief_steal(&thief, "repo.keys/online.pem");
	assert_int_equal(jv_set(thief_part(&thief, "stable.any"), "targets",
	    jv_new_object()), 0);
	thief_put(&thief, "stable.any", FAR_AHEAD);
	thief_lists_it(FAR_AHEAD);
	drill_says("thief", "counts stable.any far ahead, and hides all releases");
	device("a", 0, NULL);
	device_runs("a", 1);
	owner_releases(2);
	owner_publishes();
	device("a", 4, "rollback");
	owner_runs("mkdelta key rotate -q repo stable");
	owner_runs("mkdelta key rotate -q repo online");
	owner_publishes();
	all_run(2);
}

static void
drill_snapshot(void **state)
{
	(void)state;
	drill_begins("the snapshot key, where timestamp has one of its own");
	owner_runs("mkdelta key rotate -q repo snapshot");
	owner_publishes();
	device("a", 0, NULL);
	steals("snapshot.pem");
	assert_int_equal(jv_remove(jv_get_mutable(thief_part(&thief, "snapshot"), "meta"),
	    "stable.any.json"), 0);
	thief_lists_it(0);
	drill_says("thief", "signs a snapshot without the releases");
	device("a", 4, "timestamp: 0 valid signatures");
	device("c", 4, "timestamp: 0 valid signatures");
	device_runs("a", 1);
	owner_runs("mkdelta key rotate -q repo snapshot");
	owner_releases(2);
	owner_publishes();
	all_run(2);
	thief_lists_it(0);
	device("a", 4, "0 valid signatures");
	device_runs("a", 2);
}

static void
drill_timestamp(void **state)
{
	(void)state;
	drill_begins("the timestamp key, where snapshot has one of its own");
	owner_runs("mkdelta key rotate -q repo timestamp");
	owner_publishes();
	steals("timestamp.pem");
	owner_releases(2);
	thief_put(&thief, "timestamp", 0);
	drill_says("thief", "keeps the host as it is, with a new timestamp for a year");
	device("a", 0, NULL);
	device_runs("a", 1);
	thief_put(&thief, "timestamp", FAR_AHEAD);
	drill_says("thief", "counts the timestamp far ahead");
	device("a", 0, NULL);
	owner_publishes();
	device("a", 4, "rollback");
	device_runs("a", 1);
	owner_runs("mkdelta key rotate -q repo timestamp");
	owner_publishes();
	all_run(2);
}

static void
drill_online(void **state)
{
	struct thief old = { .l = l, .host = "host.old" };
	struct jv *meta;

	(void)state;
	drill_begins("the online key, that signs snapshot and timestamp");
	lab_ok(l, "cp -a host host.old");
	owner_releases(2);
	owner_runs("mkdelta floor -q repo 2");
	owner_publishes();
	device("a", 0, NULL);
	device_runs("a", 2);
	steals("online.pem");
	meta = jv_get_mutable(thief_part(&thief, "snapshot"), "meta");
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "stable.json" : "stable.any.json";

		assert_int_equal(jv_set(meta, name, jv_copy(jv_get(jv_get(thief_part(&old,
		    "snapshot"), "meta"), name))), 0);
	}
	thief_end(&old);
	thief_lists_it(0);
	drill_says("thief", "lists the channel as it was when release 1 was all there is");
	device("a", 4, "rollback");
	device_runs("a", 2);
	device("c", 0, "below the floor");
	lab_ok(l, "! test -e c/demo/current");
	thief_lists_it(FAR_AHEAD);
	drill_says("thief", "counts both far ahead");
	device("b", 0, NULL);
	owner_publishes();
	device("b", 4, "rollback");
	owner_runs("mkdelta key rotate -q repo online");
	owner_publishes();
	all_run(2);
}

static void
drill_halt(void **state)
{
	(void)state;
	drill_begins("the halt key");
	owner_releases(2);
	owner_publishes();
	steals("halt.pem");
	thief_put(&thief, "halt", 0);
	thief_lists_it(0);
	drill_says("thief", "signs the role halt, and all above it");
	device("a", 4, "timestamp: 0 valid signatures");
	owner_publishes();
	steals("online.pem");
	lab_expect(l, 5, "mkdelta release -q host evil --keys stolen");
	drill_says("thief", "cannot sign a release");
	thief_runs("mkdelta halt -q host all --days 14");
	device("a", 0, "halted");
	device_runs("a", 1);
	owner_runs("mkdelta key rotate -q repo halt");
	owner_runs("mkdelta key rotate -q repo online");
	owner_publishes();
	all_run(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DRILL(drill_root_below_its_threshold),
		DRILL(drill_root_to_its_threshold),
		DRILL(drill_root_to_its_threshold_too_late),
		DRILL(drill_targets),
		DRILL(drill_channel),
		DRILL(drill_platform),
		DRILL(drill_snapshot),
		DRILL(drill_timestamp),
		DRILL(drill_online),
		DRILL(drill_halt),
	};

	return cmocka_run_group_tests_name("drills", tests, NULL, NULL);
}
