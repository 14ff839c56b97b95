/*
 * The device's program as a person meets it: what each command says, with which
 * exit status, and what it leaves untouched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"

#include "apply/journal_slot.h"

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static void
configure(const char *more)
{
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = http://127.0.0.1:%d\nstate = %s/dev/state\nrun = %s/dev/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n[net]\nretries = 0\n%s",
	    l->dir, l->port, l->dir, l->dir, l->dir, more);
}

/* Three releases that differ in a little; each test has its own copy, since
 * releases follow one another by a second at least. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	app_releases(master, 200000);
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s/t' .", master->dir, master->dir);
	lab_serve(l, "repo", NULL);
	configure("");
	return 0;
}

static void
check_says_8_until_the_newest_runs(void **state)
{
	(void)state;
	lab_expect(l, 8, DELTA_APPLY "check");
	lab_must_say(l, "3 (v1.2) is available");
	assert_false(lab_exists(l, "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_expect(l, 8, DELTA_APPLY "check --json");
	lab_must_say(l, "\"available\": true");
	lab_must_say(l, "\"running\": 1");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "check");
	lab_must_say(l, "3 (v1.2) runs");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
}

static void
idle_is_two_requests_and_no_write_outside_run(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "find dev -path dev/run -prune -o -printf '%%p %%T@ %%C@ %%s\\n' "
	    "| sort > before");
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(lab_requests(l, ""), 2);
	assert_int_equal(lab_requests(l, "timestamp.json 200"), 1);
	assert_int_equal(lab_requests(l, "2.root.json 404"), 1);
	assert_true(lab_sent_bytes(l) <= 1024);
	lab_ok(l, DELTA_APPLY "check");
	lab_ok(l, "find dev -path dev/run -prune -o -printf '%%p %%T@ %%C@ %%s\\n' "
	    "| sort > after; diff before after");
}

static void
plan_shows_the_ways_and_fetches_nothing(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "demo: 1 (v1.0) -> 3 (v1.2), channel stable, any");
	lab_must_say(l, "* 1 > 3");
	lab_must_say(l, "full > 3");
	lab_must_say(l, " % saved");
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "plan --json");
	lab_must_say(l, "\"why\": \"the fewest bytes\"");
	assert_int_equal(lab_requests(l, "/targets/"), 0);
	lab_ok(l, DELTA_APPLY "update --dry-run");
	assert_int_equal(lab_requests(l, "/targets/"), 0);
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.0");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "nothing to do: release 3 is the newest offered");
}

static void
looking_works_before_the_first_update(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "nothing is installed");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo - -");
	lab_ok(l, DELTA_APPLY "history");
	lab_must_say(l, "no update yet");
	lab_expect(l, 1, DELTA_APPLY "verify");
	assert_false(lab_exists(l, "dev"));
}

static void
verify_finds_every_change(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "verify");
	lab_must_say(l, "exactly as signed");
	lab_ok(l,
	    "printf x >> dev/demo/current/etc/conf; chmod 700 dev/demo/current/bin");
	lab_expect(l, 4, DELTA_APPLY "verify");
	lab_must_say(l, "etc/conf");
	lab_must_say(l, "mode 0700");
	lab_expect(l, 4, DELTA_APPLY "verify --json");
	lab_must_say(l, "\"differences\": 2");
}

static void
verify_believes_the_metadata_before_the_tree(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "cp -a dev/demo/releases/1 saved");
	lab_ok(l, DELTA_APPLY "update");
	/* The whole tree of 1, record and all, under the name of 3. */
	lab_ok(l, "rm -rf dev/demo/releases/3; cp -a saved dev/demo/releases/3");
	lab_ok(l, "sed -i 's|1/any.tree|3/any.tree|; s|\"release\": 1|\"release\": 3|' "
	    "dev/demo/releases/3/.delta/record.json");
	lab_expect(l, 4, DELTA_APPLY "verify");
	lab_must_say(l, "signed as another tree");
}

static void
a_modified_release_starts_from_nothing_and_says_so(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "printf x >> dev/demo/current/bin/app");
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_said(l, "bin/app") || lab_said(l, "modified") ||
	    lab_said(l, "differs"));
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
	lab_ok(l, DELTA_APPLY "verify");
}

static void
an_unknown_release_starts_from_nothing_and_says_so(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "rm -r dev/demo/current/.delta");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "starts from nothing");
	lab_must_say(l, "* full > ");
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
}

static void
two_runs_at_once_are_busy(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_expect(l, 6, "flock dev/run/lock sh -c '" DELTA_APPLY "update'");
	lab_must_say(l, "busy");
	lab_expect(l, 6, "flock dev/state/lock sh -c '" DELTA_APPLY "update'");
	lab_expect(l, 6, "flock dev/demo/.lock sh -c '" DELTA_APPLY "check'");
	lab_ok(l, DELTA_APPLY "status");	/* looking needs no lock */
}

static void
configuration_mistakes_are_named(void **state)
{
	(void)state;
	configure("[app]\nchanel = beta\n");
	lab_expect(l, 2, DELTA_APPLY "check");
	lab_must_say(l, "did you mean channel?");
	lab_must_say(l, "line 12");
	lab_expect(l, 2, "delta-apply --config nowhere.conf check");
	lab_must_say(l, "nowhere.conf");
	configure("");
	lab_expect(l, 2, DELTA_APPLY "check --set app.chanel=x");
	lab_expect(l, 2, DELTA_APPLY "check --set nonsense");
	lab_expect(l, 2, DELTA_APPLY "check --root /");
	lab_must_say(l, "root of the file system");
	lab_expect(l, 2, DELTA_APPLY "check --set app.channel=beta");
	lab_must_say(l, "no channel beta");
	lab_must_say(l, "there is stable");
	lab_expect(l, 2, DELTA_APPLY "--config app.conf check");
	lab_expect(l, 2, DELTA_APPLY "chek");
	lab_must_say(l, "did you mean 'check'");
	lab_expect(l, 2, DELTA_APPLY "update --to 0");
}

static void
flags_and_environment_override_the_file(void **state)
{
	(void)state;
	lab_ok(l, "DELTA_APPLY_APP_ROOT=$PWD/dev/two " DELTA_APPLY "update --to 1");
	assert_true(lab_exists(l, "dev/two/current"));
	lab_ok(l,
	    "DELTA_APPLY_APP_ROOT=$PWD/dev/two " DELTA_APPLY "--root $PWD/dev/three "
	    "--state $PWD/dev/s3 update --to 1");
	assert_true(lab_exists(l, "dev/three/current"));
}

static void
a_host_that_is_away_is_3(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_serve_stop(l);
	lab_expect(l, 3, DELTA_APPLY "check");
	lab_expect(l, 3, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.0");
}

static void
metadata_by_hand_is_4_and_changes_nothing(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "cp repo/metadata/timestamp.json good");
	lab_ok(l, "sed -i 's/\"version\":\\([0-9]*\\)/\"version\":9\\1/' "
	    "repo/metadata/timestamp.json");
	lab_expect(l, 4, DELTA_APPLY "update");
	lab_write(l, "repo/metadata/timestamp.json", "%s", "<html>please log in</html>");
	lab_expect(l, 4, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.0");
	lab_ok(l, "cp good repo/metadata/timestamp.json");
	lab_ok(l, DELTA_APPLY "update");
}

static void
a_bad_delta_leads_to_the_next_way(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l, "for f in repo/targets/3/*.from-1.delta; do printf x | "
	    "dd of=$f bs=1 seek=20 conv=notrunc status=none; done");
	lab_ok(l, "rm repo/targets/3/*.from-2.delta");
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
	lab_ok(l, DELTA_APPLY "history");
}

static void
nothing_left_that_can_be_trusted_is_4(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_ok(l,
	    "for f in repo/targets/3/*.delta repo/targets/3/*.tar.zst; do printf x | "
	    "dd of=$f bs=1 seek=20 conv=notrunc status=none; done; "
	    "for f in repo/targets/2/*.delta repo/targets/2/*.tar.zst; do printf x | "
	    "dd of=$f bs=1 seek=20 conv=notrunc status=none; done; "
	    "for f in repo/targets/1/*.tar.zst; do printf x | "
	    "dd of=$f bs=1 seek=20 conv=notrunc status=none; done");
	lab_expect(l, 4, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.0");
	lab_ok(l, DELTA_APPLY "verify");
}

static void
no_room_is_7_before_the_first_byte(void **state)
{
	char root[300];

	(void)state;
	lab_ok(l, "mkdir -p dev/demo");
	(void)snprintf(root, sizeof root, "%s/dev/demo", l->dir);
	if (mount("none", root, "tmpfs", 0, "size=300k,mode=0755") == -1)
		skip();
	lab_log_clear(l);
	(void)lab_run(l, DELTA_APPLY "update");
	assert_int_equal(umount(root), 0);
	assert_int_equal(l->status, 7);
	assert_int_equal(lab_requests(l, "/targets/"), 0);
}

/* A journal whose mark has a format, and a step, of the future. */
static void
write_newer_journal(void)
{
	static const char mark[] = "{\"format\":2,\"step\":\"teleport\"}";
	uint8_t slots[2 * JOURNAL_SLOT];
	struct err e = ERR_INIT;
	struct sha256 sum;

	memset(slots, 0, sizeof slots);
	memcpy(slots, JOURNAL_MAGIC, 8);
	le64_store(slots + 8, 99);
	le32_store(slots + 16, sizeof mark - 1);
	memcpy(slots + SLOT_HEAD, mark, sizeof mark - 1);
	assert_int_equal(sha256_of(slots, SLOT_SUM, &sum, &e), 0);
	memcpy(slots + SLOT_SUM, sum.bytes, SHA256_BYTES);
	lab_write_bytes(l, "dev/state/journal", slots, sizeof slots);
}

static void
state_of_a_newer_applier_is_refused(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	write_newer_journal();
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "newer delta-apply");
	lab_expect(l, 5, DELTA_APPLY "status");
}

static void
expired_metadata_are_9(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 1");
	/* Sanitizers do not bear its preloaded library. */
	if (lab_run(l, "faketime '2100-01-01' delta-apply --version") != 0)
		skip();
	lab_expect(l, 9, "faketime '2100-01-01' " DELTA_APPLY "check");
}

static void
files_need_no_host(void **state)
{
	(void)state;
	lab_serve_stop(l);
	lab_ok(l, DELTA_APPLY "--url file://$PWD/repo update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/3"));
}

static void
help_lists_what_there_is(void **state)
{
	static const char *const names[] = { "update", "check", "plan", "status",
		"history", "version", "verify", "rollback", "resume", "recover", "trust",
		"refresh", "get" };

	(void)state;
	lab_ok(l, "delta-apply --help");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		lab_must_say(l, names[i]);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		lab_ok(l, "delta-apply %s --help", names[i]);
		lab_must_say(l, "usage: delta-apply");
	}
	lab_ok(l, "delta-apply --version");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(check_says_8_until_the_newest_runs),
		FLOW(idle_is_two_requests_and_no_write_outside_run),
		FLOW(plan_shows_the_ways_and_fetches_nothing),
		FLOW(looking_works_before_the_first_update),
		FLOW(verify_finds_every_change),
		FLOW(verify_believes_the_metadata_before_the_tree),
		FLOW(a_modified_release_starts_from_nothing_and_says_so),
		FLOW(an_unknown_release_starts_from_nothing_and_says_so),
		FLOW(two_runs_at_once_are_busy),
		FLOW(configuration_mistakes_are_named),
		FLOW(flags_and_environment_override_the_file),
		FLOW(a_host_that_is_away_is_3),
		FLOW(metadata_by_hand_is_4_and_changes_nothing),
		FLOW(a_bad_delta_leads_to_the_next_way),
		FLOW(nothing_left_that_can_be_trusted_is_4),
		FLOW(no_room_is_7_before_the_first_byte),
		FLOW(state_of_a_newer_applier_is_refused),
		FLOW(expired_metadata_are_9),
		FLOW(files_need_no_host),
		FLOW(help_lists_what_there_is),
	};

	return cmocka_run_group_tests_name("commands", tests, open_master,
	    close_master);
}
