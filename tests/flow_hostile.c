/*
 * The attacks that the TUF specification names, one test each, made over HTTP
 * against the real client.  The thieves of keys are in flow_thieves.c, what hosts do
 * without any key in flow_bad_host.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/tuf_world.h"

#define APP "1/app"
#define APP_BYTES "the software\n"
#define ALL "root.json snapshot.json stable.json targets.json timestamp.json"

/* Releases of "stable" below one folder; the client has seen the first. */
static int
open_world(void **state)
{
	struct tuf_world *w;

	if (tuf_world_open(state) != 0)
		return -1;
	w = *state;
	sim_delegate(w->sim, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	tuf_world_target(w, "stable", APP, APP_BYTES);
	sim_release(w->sim);
	tuf_world_gets(w, APP, APP_BYTES);
	return 0;
}

/* A new release of everything, seen by the client. */
static void
see_another(struct tuf_world *w)
{
	sim_release(w->sim);
	tuf_world_refreshes(w);
}

static void
keep(struct tuf_world *w, const char *name, struct buf *out)
{
	const struct sim_file *f = sim_file(w->sim, name);
	struct err e = ERR_INIT;

	assert_non_null(f);
	buf_init(out, 1 << 20);
	assert_int_equal(buf_add(out, f->bytes.data, f->bytes.len, &e), 0);
}

static void
put(struct tuf_world *w, const char *name, struct buf *bytes)
{
	sim_put(w->sim, name, bytes->data, bytes->len);
	buf_free(bytes);
}

static void
arbitrary_software_is_not_taken(void **state)
{
	static const char *const fakes[] = { "the softwarE\n", "the software", "",
		"the software\nand more" };
	struct tuf_world *w = *state;

	lab_ok(w->lab, "rm out/" APP);
	for (size_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++) {
		tuf_host_lie(w->host, tuf_world_target_path(APP, APP_BYTES), LIE_INSTEAD,
		    0, fakes[i]);
		tuf_world_get_fails(w, APP, 4, APP);
		tuf_world_got_nothing(w);
		tuf_host_honest(w->host);
	}
	tuf_world_gets(w, APP, APP_BYTES);
}

static void
software_signed_by_a_stranger_is_not_taken(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_target(w, "stable", APP, "evil\n");
	sim_role(w->sim, "stable")->signers = SIM_KEY(K_OTHER);
	sim_release(w->sim);
	tuf_world_get_fails(w, APP, 4, "0 valid signatures");
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 0);
	assert_int_equal(tuf_world_version(w, "stable"), 2);
	lab_ok(w->lab, "grep -qx 'the software' out/" APP);
}

static void
rollback_of_the_timestamp_is_refused(void **state)
{
	struct tuf_world *w = *state;
	struct buf old;

	keep(w, "timestamp.json", &old);
	see_another(w);
	put(w, "timestamp.json", &old);
	tuf_world_refuses(w, 4, "timestamp: rollback to version 2, 3 was trusted");
	assert_int_equal(tuf_world_version(w, "timestamp"), 3);
	assert_int_equal(tuf_host_count(w->host, "snapshot"), 0);
}

/* The online key vouches for yesterday's snapshot under a new timestamp. */
static void
rollback_of_the_snapshot_is_refused(void **state)
{
	struct tuf_world *w = *state;

	see_another(w);
	sim_set_version(w->sim, "timestamp", 4);
	sim_set_version(w->sim, "snapshot", 2);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "rollback of snapshot to version 2, 3 was trusted");
	assert_int_equal(tuf_world_version(w, "timestamp"), 3);
	assert_int_equal(tuf_world_version(w, "snapshot"), 3);
	assert_int_equal(tuf_host_count(w->host, "snapshot"), 0);
	/* The bad timestamp is not in the way of the next good one, of its version. */
	sim_set_version(w->sim, "snapshot", 4);
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	assert_int_equal(tuf_world_version(w, "timestamp"), 4);
}

static void
rollback_of_targets_is_refused(void **state)
{
	struct tuf_world *w = *state;

	see_another(w);
	sim_bump(w->sim, "timestamp");
	sim_bump(w->sim, "snapshot");
	sim_set_version(w->sim, "targets", 2);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "rollback of targets.json to version 2, 3 was trusted");
	assert_int_equal(tuf_world_version(w, "snapshot"), 3);
	assert_int_equal(tuf_world_version(w, "targets"), 3);
}

static void
rollback_of_a_delegated_role_is_refused(void **state)
{
	struct tuf_world *w = *state;

	sim_release(w->sim);
	tuf_world_gets(w, APP, APP_BYTES);
	assert_int_equal(tuf_world_version(w, "stable"), 3);
	for (size_t i = 1; i < 4; i++)
		sim_bump(w->sim, w->sim->roles[i].name);
	sim_set_version(w->sim, "stable", 2);
	sim_publish(w->sim);
	tuf_world_get_fails(w, APP, 4, "rollback of stable.json to version 2, 3");
	assert_int_equal(tuf_world_version(w, "stable"), 3);
	assert_int_equal(tuf_world_version(w, "snapshot"), 3);
}

/* A host that goes on giving what was right once is found out by the expiry. */
static void
freeze_is_noticed_when_the_timestamp_expires(void **state)
{
	struct tuf_world *w = *state;

	sim_set_expires(w->sim, "timestamp", w->sim->now + 5);
	see_another(w);
	(void)sleep(6);
	tuf_world_refuses(w, 9, "timestamp: metadata expired on");
	lab_must_say(w->lab, "or the clock is wrong");
	assert_int_equal(tuf_host_count(w->host, ""), 2);
	tuf_world_get_fails(w, APP, 9, "timestamp: metadata expired");
	sim_set_expires(w->sim, "timestamp", w->sim->now + SIM_DAY);
	see_another(w);
}

/* The same for what only changes rarely. */
static void
freeze_of_root_snapshot_and_targets_is_noticed_as_well(void **state)
{
	static const char *const roles[] = { "snapshot", "targets", "stable", "root" };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < 4; i++) {
		char text[64];

		sim_set_expires(w->sim, roles[i], w->sim->now);
		if (strcmp(roles[i], "root") == 0)
			sim_bump(w->sim, "root");
		else
			assert_int_equal(jv_set(sim_part(w->sim, roles[i]), "x-signed",
			    jv_new_text("2020-01-01T00:00:00Z")), 0);
		sim_release(w->sim);
		(void)snprintf(text, sizeof text, "%s: metadata expired on", roles[i]);
		tuf_world_get_fails(w, APP, 9, text);
		/* An expired root verified and is kept: an honest one can follow. */
		assert_int_equal(tuf_world_version(w, roles[i]), 2);
		sim_set_expires(w->sim, roles[i], w->sim->now + SIM_DAY);
	}
	sim_bump(w->sim, "root");
	see_another(w);
	assert_int_equal(tuf_world_version(w, "root"), 3);
}

static void
fast_forward_ends_with_a_new_online_key(void **state)
{
	struct tuf_world *w = *state;

	sim_set_version(w->sim, "timestamp", INT64_MAX);
	sim_set_version(w->sim, "snapshot", INT64_MAX);
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	sim_set_version(w->sim, "timestamp", 3);
	sim_set_version(w->sim, "snapshot", 3);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "rollback");
	for (int i = 2; i < 4; i++) {
		sim_root_keys(w->sim, w->sim->roles[i].name, SIM_KEY(K_SPARE), 1);
		w->sim->roles[i].signers = SIM_KEY(K_SPARE);
	}
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	assert_int_equal(tuf_world_version(w, "timestamp"), 3);
	assert_int_equal(tuf_world_version(w, "snapshot"), 3);
}

/* What a file may have without a signed length, and room for what is on its way in
 * sockets when the client hangs up. */
static void
endless_data_is_cut_off(void **state)
{
	static const struct {
		const char *path;
		uint64_t limit;
	} cases[] = { { "/metadata/2.root.json", 512000 },
		{ "/metadata/timestamp.json", 16384 },
		{ "/metadata/3.snapshot.json", 2000 },
		{ "/metadata/3.targets.json", 2000 },
		{ "/metadata/3.stable.json", 2000 } };
	static const enum host_lie lies[] = { LIE_ENDLESS, LIE_HUGE, LIE_CHUNKS };
	struct tuf_world *w = *state;

	sim_release(w->sim);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t k = 0; k < 3; k++) {
			tuf_host_lie(w->host, cases[i].path, lies[k], 0, NULL);
			tuf_world_get_fails(w, APP, 4, cases[i].path);
			assert_true(tuf_host_sent(w->host) < cases[i].limit + (8 << 20));
			assert_int_equal(tuf_host_count(w->host, cases[i].path), 1);
			tuf_host_honest(w->host);
		}
	tuf_world_gets(w, APP, APP_BYTES);
}

static void
endless_targets_are_cut_off(void **state)
{
	static const enum host_lie lies[] = { LIE_ENDLESS, LIE_HUGE, LIE_CHUNKS };
	struct tuf_world *w = *state;

	lab_ok(w->lab, "rm out/" APP);
	for (size_t k = 0; k < 3; k++) {
		tuf_host_lie(w->host, tuf_world_target_path(APP, APP_BYTES), lies[k], 0,
		    NULL);
		tuf_world_get_fails(w, APP, 4, "more than the 13 bytes that were signed");
		assert_true(tuf_host_sent(w->host) < 8 << 20);
		assert_int_equal(tuf_host_count(w->host, "/targets/"), 1);
		tuf_world_got_nothing(w);
		tuf_host_honest(w->host);
	}
	tuf_world_gets(w, APP, APP_BYTES);
}

/* Files of different moments, each of them signed. */
static void
mix_and_match_is_refused(void **state)
{
	static const char *const files[][2] = { { "snapshot.json", "snapshot" },
		{ "targets.json", "targets" }, { "stable.json", "stable" } };
	struct tuf_world *w = *state;

	for (int consistent = 1; consistent >= 0; consistent--)
		for (size_t i = 0; i < 3; i++) {
			int64_t now = tuf_world_version(w, "timestamp");
			char from[64], to[64];
			struct buf old;

			(void)snprintf(from, sizeof from, "%d.%s", (int)now, files[i][0]);
			(void)snprintf(to, sizeof to, "%d.%s", (int)now + 1, files[i][0]);
			keep(w, consistent ? from : files[i][0], &old);
			sim_release(w->sim);
			put(w, consistent ? to : files[i][0], &old);
			tuf_world_get_fails(w, APP, 4, files[i][1]);
			assert_true(tuf_world_version(w, files[i][1]) <= now);
			sim_publish(w->sim);
			tuf_world_gets(w, APP, APP_BYTES);
			if (consistent == 1 && i == 2) {
				w->sim->inconsistent = true;
				sim_bump(w->sim, "root");
				sim_release(w->sim);
				tuf_world_gets(w, APP, APP_BYTES);
			}
		}
}

/* A role speaks for the paths that it was given, whatever it lists; and nothing that
 * was not asked for comes along. */
static void
extraneous_dependencies_are_not_installed(void **state)
{
	struct tuf_world *w = *state;

	sim_delegate(w->sim, "targets", "plugins", "plugins/*", SIM_KEY(K_SPARE));
	tuf_world_target(w, "plugins", "plugins/good", "good\n");
	tuf_world_target(w, "plugins", "1/needed", "not wanted\n");
	tuf_world_target(w, "plugins", APP, "another one\n");
	sim_release(w->sim);
	tuf_world_get_fails(w, "1/needed", 2, "does not list it");
	lab_ok(w->lab, "rm -r out");
	tuf_world_gets(w, APP, APP_BYTES);
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 1);
	tuf_world_gets(w, "plugins/good", "good\n");
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 1);
	lab_ok(w->lab, "test \"$(find out -type f | wc -l)\" = 2");
}

/* Right signatures under the wrong hat. */
static void
metadata_of_the_wrong_role_is_refused(void **state)
{
	struct tuf_world *w = *state;

	sim_release(w->sim);
	sim_sign_as(w->sim, "snapshot", "timestamp.json");
	tuf_world_refuses(w, 4, "is of type \"snapshot\", not \"timestamp\"");
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_ROOT);
	sim_sign_as(w->sim, "timestamp", "2.root.json");
	tuf_world_refuses(w, 4, "is of type \"timestamp\", not \"root\"");
	sim_remove(w->sim, "2.root.json");
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_TARGETS);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "timestamp: 0 valid signatures, 1 needed");
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_ONLINE);
	/* The delegator's key is not the role's. */
	sim_role(w->sim, "stable")->signers = SIM_KEY(K_TARGETS) | SIM_KEY(K_ROOT) |
	    SIM_KEY(K_ONLINE);
	sim_release(w->sim);
	tuf_world_get_fails(w, APP, 4, "stable: 0 valid signatures, 1 needed");
}

static void
keys_compromised_below_the_threshold_sign_nothing(void **state)
{
	static const unsigned all = SIM_KEY(K_ONLINE) | SIM_KEY(K_SPARE) |
	    SIM_KEY(K_P256);
	struct tuf_world *w = *state;

	for (int i = 2; i < 4; i++) {
		sim_root_keys(w->sim, w->sim->roles[i].name, all, 2);
		w->sim->roles[i].signers = all;
	}
	sim_bump(w->sim, "root");
	see_another(w);
	for (int i = 0; i < 3; i++) {
		static const int one[] = { K_ONLINE, K_SPARE, K_P256 };

		sim_role(w->sim, "timestamp")->signers = SIM_KEY(one[i]) |
		    SIM_KEY(K_OTHER);
		sim_release(w->sim);
		tuf_world_refuses(w, 4, "timestamp: 1 valid signatures, 2 needed");
	}
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_P256) | SIM_KEY(K_SPARE);
	see_another(w);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_world, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(arbitrary_software_is_not_taken),
		FLOW(software_signed_by_a_stranger_is_not_taken),
		FLOW(rollback_of_the_timestamp_is_refused),
		FLOW(rollback_of_the_snapshot_is_refused),
		FLOW(rollback_of_targets_is_refused),
		FLOW(rollback_of_a_delegated_role_is_refused),
		FLOW(freeze_is_noticed_when_the_timestamp_expires),
		FLOW(freeze_of_root_snapshot_and_targets_is_noticed_as_well),
		FLOW(fast_forward_ends_with_a_new_online_key),
		FLOW(endless_data_is_cut_off),
		FLOW(endless_targets_are_cut_off),
		FLOW(mix_and_match_is_refused),
		FLOW(extraneous_dependencies_are_not_installed),
		FLOW(metadata_of_the_wrong_role_is_refused),
		FLOW(keys_compromised_below_the_threshold_sign_nothing),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
