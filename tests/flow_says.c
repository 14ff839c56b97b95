/*
 * What `mkdelta release` lets a release say beside its tree, and that devices hold to
 * it; and a repository whose keys are all P-256.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/lab/fixture.h"

static void
configure(const char *app, const char *health)
{
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/dev/state\n"
	    "run = %s/dev/run\n%s[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n%s", l->dir,
	    l->dir, l->dir, l->dir, app, l->dir, health);
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_fill(l, "t/bin/app", 100000, 1);
	lab_write(l, "t/conf", "1\n");
	configure("", "");
	return 0;
}

static void
init(const char *options)
{
	char line[128];

	(void)snprintf(line, sizeof line, "mkdelta init -q %s repo", options);
	lab_ok(l, "%s", line);
	lab_ok(l, "mkdelta release -q repo t");
}

/* The tree with another conf becomes the next release. */
static void
release(const char *options)
{
	char line[256];

	(void)snprintf(line, sizeof line, "echo x >> t/conf && "
	    "mkdelta release -q repo t %s", options);
	lab_ok(l, "%s", line);
}

static void
runs(unsigned number)
{
	char text[32];

	lab_ok(l, DELTA_APPLY "version");
	(void)snprintf(text, sizeof text, "demo %u ", number);
	lab_must_say(l, text);
}

static void
refused(const char *options, const char *why)
{
	char line[256];

	(void)snprintf(line, sizeof line, "mkdelta release repo t --version 9 %s",
	    options);
	lab_expect(l, 2, "%s", line);
	lab_must_say(l, why);
}

static void
a_release_before_it_is_run_and_committed_first(void **state)
{
	(void)state;
	init("");
	lab_ok(l, DELTA_APPLY "update");
	release("");
	release("--requires-release 2");
	lab_ok(l, "mkdelta show repo 3");
	lab_must_say(l, "requires   release 2 before it");
	lab_ok(l, DELTA_APPLY "update --to 3");
	lab_must_say(l, "release 3 is reached only from release 2 on");
	runs(1);
	lab_ok(l, DELTA_APPLY "update");
	runs(3);
	lab_ok(l, DELTA_APPLY "history");
	lab_must_say(l, "1 -> 2");
	lab_must_say(l, "2 -> 3");
}

static void
other_hardware_stays_where_it_is(void **state)
{
	(void)state;
	configure("hardware = board-a\n", "");
	init("");
	lab_ok(l, DELTA_APPLY "update");
	release("--hardware board-b --hardware board-c");
	lab_ok(l, "mkdelta show repo 2");
	lab_must_say(l, "hardware   board-b");
	lab_must_say(l, "or         board-c");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "release 2 is for other hardware than board-a");
	runs(1);
	configure("hardware = board-c\n", "");
	lab_ok(l, DELTA_APPLY "update");
	runs(2);
}

static void
an_old_applier_stays_where_it_is(void **state)
{
	(void)state;
	init("");
	lab_ok(l, DELTA_APPLY "update");
	release("--requires-applier 99.1");
	lab_ok(l, "mkdelta show repo 2");
	lab_must_say(l, "requires   delta-apply 99.1");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "needs a newer delta-apply (99.1)");
	runs(1);
}

static void
data_that_a_release_cannot_read_keeps_it_away(void **state)
{
	(void)state;
	init("");
	release("--data reversible --schema 4");
	lab_ok(l, DELTA_APPLY "update");
	runs(2);
	release("--data forward-only --schema 7 --reads 5");
	lab_ok(l, "mkdelta show repo 3");
	lab_must_say(l, "data       forward-only, schema 7, reads 5 to 7");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "schema 4, it reads 5 to 7");
	runs(2);
	release("--schema 7 --reads 4 --requires-schema 5");
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "wants data of schema 5, this device has 4");
	release("--data reversible --schema 7 --reads 4");
	lab_ok(l, DELTA_APPLY "update");
	runs(5);
}

static void
a_higher_attempt_ends_the_quarantine(void **state)
{
	char health[512];

	(void)state;
	/* Release 1, whose conf is "1" alone, is healthy anyway. */
	(void)snprintf(health, sizeof health, "command = [ ! -e %.200s/sick ] || "
	    "! grep -q x %.200s/dev/demo/current/conf\n", l->dir, l->dir);
	configure("", health);
	init("");
	lab_ok(l, DELTA_APPLY "update");
	release("");
	lab_ok(l, "touch sick");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_ok(l, "rm sick");
	lab_ok(l, DELTA_APPLY "update");
	runs(1);
	lab_ok(l, "mkdelta release repo t --attempt 2");
	lab_must_say(l, "release 2 is now at attempt 2");
	lab_ok(l, "mkdelta release repo t --attempt 2");
	lab_must_say(l, "already released as 2");
	lab_ok(l, "mkdelta release repo t");
	lab_must_say(l, "already released as 2");
	lab_expect(l, 5, "mkdelta release repo t --attempt 1");
	lab_must_say(l, "an attempt only rises");
	lab_ok(l, "mkdelta show repo 2 && mkdelta verify repo");
	lab_must_say(l, "attempt    2");
	lab_ok(l, DELTA_APPLY "update");
	runs(2);
}

static void
what_is_said_is_in_the_record_and_a_repeated_job_is_no_release(void **state)
{
	(void)state;
	init("");
	release("--requires-release 1 --requires-applier 0.0.1 --hardware b "
	    "--data reversible --schema 3 --reads 2 --requires-schema 2 --attempt 4");
	lab_ok(l, "mkdelta show repo 2 --json | tr -d ' \\n'");
	lab_must_say(l, "\"requires\":{\"release\":1,\"schema\":2,"
	    "\"applier\":\"0.0.1\",\"hardware\":[\"b\"]},"
	    "\"data\":{\"class\":\"reversible\",\"schema\":3,\"reads\":2},"
	    "\"attempt\":4}");
	lab_ok(l, "mkdelta release repo t --requires-release 1 --hardware b --schema 3");
	lab_must_say(l, "already released as 2");
	lab_expect(l, 5, "mkdelta release repo t --hardware c");
	lab_must_say(l, "released already, with another --hardware");
	lab_ok(l, "mkdelta release repo t --hardware c --version 5");
	lab_must_say(l, "release 3, version 5");
}

static void
options_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	init("");
	refused("--data sideways", "none of none, reversible, forward-only");
	refused("--data forward-only", "needs --schema N");
	refused("--reads 3", "needs --schema N");
	refused("--reads 3 --schema 2", "is above --schema 2");
	refused("--requires-schema 3 --schema 2", "is above --schema 2");
	refused("--hardware 'a b'", "visible characters");
	refused("--hardware ''", "visible characters");
	refused("--requires-applier 'v 1'", "--requires-applier");
	refused("--requires-applier 1.2.3.4.5.6.7.8.9.10.11.12", "longer than 23");
	refused("--schema 18446744073709551615", "is above");
	lab_expect(l, 5, "mkdelta release repo t --version 9 --requires-release 2");
	lab_must_say(l, "no device could update to release 2");
	lab_expect(l, 2, "mkdelta show repo 2");
}

static void
p256_keys_serve_a_whole_life(void **state)
{
	(void)state;
	lab_expect(l, 2, "mkdelta init --key-type rsa repo");
	lab_must_say(l, "--key-type rsa: is none of ed25519, p256");
	init("--key-type p256");
	/* Two of root, targets, online; the channel's is in targets. */
	lab_ok(l, "grep -o ecdsa-sha2-nistp256 repo/metadata/1.root.json | wc -l");
	lab_must_say(l, "4");
	lab_ok(l, "! grep -rl ed25519 repo/metadata && "
	    "grep -q ecdsa-sha2-nistp256 repo/metadata/1.targets.json");
	lab_ok(l, DELTA_APPLY "update");
	runs(1);
	release("");
	lab_ok(l, "mkdelta verify repo && mkdelta refresh repo");
	lab_ok(l, DELTA_APPLY "update");
	runs(2);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	/* A signature of another key is none. */
	release("");
	lab_ok(l, "sed -i 's/\"sig\": *\"30/\"sig\":\"31/' repo/metadata/timestamp.json");
	lab_expect(l, 4, DELTA_APPLY "update");
	lab_must_say(l, "0 valid signatures");
	runs(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_release_before_it_is_run_and_committed_first),
		FLOW(other_hardware_stays_where_it_is),
		FLOW(an_old_applier_stays_where_it_is),
		FLOW(data_that_a_release_cannot_read_keeps_it_away),
		FLOW(a_higher_attempt_ends_the_quarantine),
		FLOW(what_is_said_is_in_the_record_and_a_repeated_job_is_no_release),
		FLOW(options_that_make_no_sense_are_refused),
		FLOW(p256_keys_serve_a_whole_life),
	};

	return cmocka_run_group_tests_name("flow_says", tests, NULL, NULL);
}
