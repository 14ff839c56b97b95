/*
 * A drill for each role: its key is stolen, the thief does what it is good for, the
 * owner revokes it, and the devices recover by themselves.  What all of them say can
 * be read: DRILLS=FILE appends the transcript to FILE (make drills).
 *
 * The owner has repo and repo.keys; the host is a copy that the thief may write to.
 * Devices a and b run release 1; c is installed later.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/sign.h"
#include "manifest/tuf_write.h"
#include "tests/lab/fixture.h"
#include "tests/lab/thief.h"

enum { FAR_AHEAD = 1000000 };

static struct thief thief;

static void say(const char *who, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(const char *who, const char *fmt, ...)
{
	const char *path = getenv("DRILLS");
	FILE *out = path == NULL ? NULL : fopen(path, "a");
	va_list ap;

	if (out == NULL)
		return;
	(void)fprintf(out, "%-9s", who);
	va_start(ap, fmt);
	(void)vfprintf(out, fmt, ap);
	va_end(ap);
	(void)fprintf(out, "\n");
	(void)fclose(out);
}

static void owner(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void thief_runs(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
owner(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	lab_ok(l, "%s", command);
	say("owner", "$ %s", command);
}

/* He uses mkdelta on the host's copy, with what he stole. */
static void
thief_runs(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	lab_ok(l, "%s --keys stolen", command);
	say("thief", "$ %s --keys stolen", command);
}

static void
steals(const char *key)
{
	char path[128];

	(void)snprintf(path, sizeof path, "repo.keys/%s", key);
	lab_ok(l, "mkdir -p -m 700 stolen && cp %s stolen", path);
	thief_steal(&thief, path);
	say("thief", "has %s", key);
}

/* Snapshot and timestamp over what he put; version 0: the next one. */
static void
thief_lists_it(uint64_t version)
{
	thief_put(&thief, "snapshot", version);
	thief_put(&thief, "timestamp", version);
}

/* The owner's repository as it is, over whatever is on the host. */
static void
publish(void)
{
	lab_ok(l, "rm -rf host && delta-host publish -q repo host");
	say("owner", "$ delta-host publish repo host");
	thief.host = "host";
}

static void
device_runs(const char *name, unsigned release)
{
	char text[32];

	lab_ok(l, "delta-apply --config %s.conf version && delta-apply --config %s.conf "
	    "verify -q", name, name);
	(void)snprintf(text, sizeof text, "demo %u ", release);
	lab_must_say(l, text);
	say("device", "%s runs release %u", name, release);
}

/* One run of the updater: its status, and words that it says (NULL: any). */
static void
device(const char *name, int status, const char *words)
{
	char *line, *end;

	lab_expect(l, status, "delta-apply --config %s.conf update", name);
	if (words != NULL)
		lab_must_say(l, words);
	line = l->err_len > 0 ? l->err : l->out;
	while ((end = strchr(line, '\n')) != NULL && end[1] != '\0')
		line = end + 1;
	say("device", "%s: %.*s (status %d)", name, (int)strcspn(line, "\n"), line,
	    status);
}

static void
configure(const char *name)
{
	char file[16];

	(void)snprintf(file, sizeof file, "%s.conf", name);
	lab_write(l, file, "[app]\nname = demo\nroot = %s/%s/demo\nurl = file://%s/host\n"
	    "state = %s/%s/state\nrun = %s/%s/run\n[trust]\nroot = %s/first.root.json\n"
	    "[net]\nretries = 0\n", l->dir, name, l->dir, l->dir, name, l->dir, name,
	    l->dir);
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo --channel stable --channel beta --root-keys 3 "
	    "--threshold 2 && mkdelta key new -q repo halt");
	lab_fill(l, "t/app", 50000, 1);
	lab_ok(l, "mkdelta release -q repo t && cp repo/metadata/1.root.json "
	    "first.root.json && cp -a t evil && echo evil > evil/evil");
	lab_ok(l, "delta-host publish -q repo host");
	configure("a");
	configure("b");
	configure("c");
	lab_ok(l, "for i in a b; do delta-apply --config $i.conf update -q; done");
	thief = (struct thief){ .l = l, .host = "host" };
	return 0;
}

static int
end_drill(void **state)
{
	thief_end(&thief);
	return close_lab(state);
}

static void
begins(const char *what)
{
	say("", "%s", "");
	say("==", "%s", what);
}

/* The owner's next release, above any number that the thief gave out. */
static void
a_good_release(unsigned number)
{
	lab_ok(l, "echo %u > t/n", number);
	owner("mkdelta release -q repo t --number %u", number);
}

/* Back to normal: who was attacked, who slept, who is new. */
static void
all_run(unsigned release)
{
	static const char *const names[] = { "a", "b", "c" };

	for (int i = 0; i < 3; i++) {
		device(names[i], 0, NULL);
		device_runs(names[i], release);
		lab_ok(l, "! test -e %s/demo/current/evil", names[i]);
	}
}

static const char *
stolen_id(size_t i)
{
	static char hex[SHA256_HEX_MAX];
	struct sha256 id;
	struct err e = ERR_INIT;

	assert_int_equal(signer_id(thief.keys[i], &id, &e), 0);
	return sha256_hex(&id, hex);
}

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
	say("thief", "signs a root that gives all roles to a key of his own");
}

static void
drill_root_below_its_threshold(void **state)
{
	(void)state;
	begins("a root key of three, where two must sign");
	steals("root-1.pem");
	thief_makes_a_root();
	device("a", 4, "1 valid signatures, 2 needed");
	device_runs("a", 1);
	owner("mkdelta key rotate -q repo root %.12s", stolen_id(0));
	publish();
	a_good_release(2);
	publish();
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
	begins("two root keys of three, where two must sign: noticed before they are used");
	steals("root-1.pem");
	steals("root-2.pem");
	owner("mkdelta key rotate -q repo root %.12s", stolen_id(0));
	owner("mkdelta key rotate -q repo root %.12s", stolen_id(1));
	a_good_release(2);
	publish();
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
	begins("two root keys of three, where two must sign: the thief is first");
	steals("root-1.pem");
	steals("root-2.pem");
	thief_makes_a_root();
	thief_put(&thief, "targets", 0);
	thief_lists_it(0);
	device("a", 0, NULL);
	owner("mkdelta key rotate -q repo root %.12s", stolen_id(0));
	owner("mkdelta key rotate -q repo root %.12s", stolen_id(1));
	a_good_release(2);
	publish();
	device("a", 4, NULL);
	device("b", 0, NULL);
	device_runs("b", 2);
	lab_ok(l, "cp repo/metadata/3.root.json first.root.json && rm -r a/state/metadata");
	say("owner", "by hand on a: the newest root as [trust] root, STATE/metadata removed");
	all_run(2);
}

/* A part that says something bad, signed by the stolen keys up to the timestamp. */
static void
thief_empties(const char *role)
{
	assert_int_equal(jv_set(thief_part(&thief, role), "targets", jv_new_object()), 0);
	thief_put(&thief, role, 0);
	thief_lists_it(0);
	say("thief", "signs a role %s that lists nothing, and all above it", role);
}

/* His own release by the ordinary tool. */
static void
thief_ships(void)
{
	thief_runs("mkdelta release -q host evil");
	device("a", 0, NULL);
	device_runs("a", 2);
	lab_ok(l, "test -e a/demo/current/evil");
	say("device", "a has the thief's file");
}

static void
drill_targets(void **state)
{
	struct err e = ERR_INIT;
	const char *const paths[] = { "*/*", NULL };
	struct jv *key;

	(void)state;
	begins("the targets key");
	steals("targets.pem");
	key = thief_makes_key(&thief);
	assert_int_equal(tuf_delegate(thief_part(&thief, "targets"), "stable", paths, &key,
	    1, 1, &e), 0);
	jv_free(key);
	thief_put(&thief, "targets", 0);
	thief_lists_it(0);
	say("thief", "gives the channel stable to a key of his own");
	device("a", 4, "timestamp: 0 valid signatures");
	device_runs("a", 1);
	publish();
	steals("online.pem");
	thief_runs("mkdelta key rotate -q host stable");
	thief_ships();
	owner("mkdelta key rotate -q repo online");
	owner("mkdelta key rotate -q repo targets");
	a_good_release(3);
	publish();
	all_run(3);
}

static void
drill_channel(void **state)
{
	(void)state;
	begins("the key of the channel stable");
	steals("channel-stable.pem");
	thief_empties("stable");
	device("a", 4, "timestamp: 0 valid signatures");
	device_runs("a", 1);
	publish();
	steals("online.pem");
	thief_ships();
	owner("mkdelta key rotate -q repo online");
	owner("mkdelta key rotate -q repo stable");
	a_good_release(3);
	publish();
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
	begins("a platform of stable, by the key of the channel beta, then by its own");
	steals("channel-beta.pem");
	steals("online.pem");
	thief_empties("stable.any");
	device("a", 4, "stable.any: 0 valid signatures");
	device_runs("a", 1);
	publish();
	thief_end(&thief);
	steals("channel-stable.pem");
	thief_steal(&thief, "repo.keys/online.pem");
	assert_int_equal(jv_set(thief_part(&thief, "stable.any"), "targets",
	    jv_new_object()), 0);
	thief_put(&thief, "stable.any", FAR_AHEAD);
	thief_lists_it(FAR_AHEAD);
	say("thief", "counts stable.any far ahead, and hides all releases");
	device("a", 0, NULL);
	device_runs("a", 1);
	a_good_release(2);
	publish();
	device("a", 4, "rollback");
	owner("mkdelta key rotate -q repo stable");
	owner("mkdelta key rotate -q repo online");
	publish();
	all_run(2);
}

static void
drill_snapshot(void **state)
{
	(void)state;
	begins("the snapshot key, where timestamp has one of its own");
	owner("mkdelta key rotate -q repo snapshot");
	publish();
	device("a", 0, NULL);
	steals("snapshot.pem");
	assert_int_equal(jv_remove(jv_get_mutable(thief_part(&thief, "snapshot"), "meta"),
	    "stable.any.json"), 0);
	thief_lists_it(0);
	say("thief", "signs a snapshot without the releases");
	device("a", 4, "timestamp: 0 valid signatures");
	device("c", 4, "timestamp: 0 valid signatures");
	device_runs("a", 1);
	owner("mkdelta key rotate -q repo snapshot");
	a_good_release(2);
	publish();
	all_run(2);
	thief_lists_it(0);
	device("a", 4, "0 valid signatures");
	device_runs("a", 2);
}

static void
drill_timestamp(void **state)
{
	(void)state;
	begins("the timestamp key, where snapshot has one of its own");
	owner("mkdelta key rotate -q repo timestamp");
	publish();
	steals("timestamp.pem");
	a_good_release(2);
	thief_put(&thief, "timestamp", 0);
	say("thief", "keeps the host as it is, with a new timestamp for a year");
	device("a", 0, NULL);
	device_runs("a", 1);
	thief_put(&thief, "timestamp", FAR_AHEAD);
	say("thief", "counts the timestamp far ahead");
	device("a", 0, NULL);
	publish();
	device("a", 4, "rollback");
	device_runs("a", 1);
	owner("mkdelta key rotate -q repo timestamp");
	publish();
	all_run(2);
}

static void
drill_online(void **state)
{
	struct thief old = { .l = l, .host = "host.old" };
	struct jv *meta;

	(void)state;
	begins("the online key, that signs snapshot and timestamp");
	lab_ok(l, "cp -a host host.old");
	a_good_release(2);
	owner("mkdelta floor -q repo 2");
	publish();
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
	say("thief", "lists the channel as it was when release 1 was all there is");
	device("a", 4, "rollback");
	device_runs("a", 2);
	device("c", 0, "below the floor");
	lab_ok(l, "! test -e c/demo/current");
	thief_lists_it(FAR_AHEAD);
	say("thief", "counts both far ahead");
	device("b", 0, NULL);
	publish();
	device("b", 4, "rollback");
	owner("mkdelta key rotate -q repo online");
	publish();
	all_run(2);
}

static void
drill_halt(void **state)
{
	(void)state;
	begins("the halt key");
	a_good_release(2);
	publish();
	steals("halt.pem");
	thief_put(&thief, "halt", 0);
	thief_lists_it(0);
	say("thief", "signs the role halt, and all above it");
	device("a", 4, "timestamp: 0 valid signatures");
	publish();
	steals("online.pem");
	lab_expect(l, 5, "mkdelta release -q host evil --keys stolen");
	say("thief", "cannot sign a release");
	thief_runs("mkdelta halt -q host all --days 14");
	device("a", 0, "halted");
	device_runs("a", 1);
	owner("mkdelta key rotate -q repo halt");
	owner("mkdelta key rotate -q repo online");
	publish();
	all_run(2);
}

#define DRILL(f) cmocka_unit_test_setup_teardown(f, open_lab, end_drill)

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
