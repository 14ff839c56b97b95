/*
 * A stolen key of each role at work: what its thief can do who also has the host,
 * and what not; metadata of another product, a channel that signs for another.
 * How a repository recovers is in flow_drills.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_world.h"

#define APP "1/app"
#define APP_BYTES "the software\n"
#define EVIL "1/evil"
#define EVIL_BYTES "evil\n"

/* Timestamp and snapshot with a key each; two channels, one platform each below a
 * folder of its own; a role that may only halt. */
static int
open_world(void **state)
{
	struct tuf_world *w;

	if (tuf_world_open(state) != 0)
		return -1;
	w = *state;
	sim_root_keys(w->sim, "timestamp", SIM_KEY(K_THIRD), 1);
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_THIRD);
	sim_bump(w->sim, "root");
	sim_delegate(w->sim, "targets", "stable", "1/*", SIM_KEY(K_CHANNEL));
	sim_delegate(w->sim, "targets", "beta", "2/*", SIM_KEY(K_SPARE));
	sim_delegate(w->sim, "targets", "halt", "-", SIM_KEY(K_P256));
	sim_delegate(w->sim, "stable", "stable.any", "1/*", SIM_KEY(K_CHANNEL));
	assert_int_equal(jv_set(sim_delegation(w->sim, "targets", "halt"), "paths",
	    jv_new_list()), 0);
	tuf_world_target(w, "stable.any", APP, APP_BYTES);
	sim_release(w->sim);
	tuf_world_gets(w, APP, APP_BYTES);
	return 0;
}

/* Sign this role with the thief's key instead of its own. */
static void
forge(struct tuf_world *w, const char *role, unsigned stolen)
{
	sim_role(w->sim, role)->signers = stolen;
}

static void
evil_in(struct tuf_world *w, const char *role)
{
	tuf_world_target(w, role, EVIL, EVIL_BYTES);
}

/* The device has what it had, and the evil file is not on it. */
static void
check_unharmed(struct tuf_world *w)
{
	lab_ok(w->lab, "test ! -e out/" EVIL);
	lab_ok(w->lab, "grep -qx 'the software' out/" APP);
}

static void
stolen_root_key_below_its_threshold_can_do_nothing(void **state)
{
	static const unsigned roots = SIM_KEY(K_ROOT) | SIM_KEY(K_TARGETS);
	struct tuf_world *w = *state;

	sim_root_keys(w->sim, "root", roots, 2);
	forge(w, "root", roots);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	sim_root_keys(w->sim, "root", SIM_KEY(K_OTHER), 1);
	sim_root_keys(w->sim, "targets", SIM_KEY(K_OTHER), 1);
	forge(w, "root", SIM_KEY(K_ROOT) | SIM_KEY(K_OTHER));
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "by the keys of the trusted root: 1 valid signatures, 2");
	assert_int_equal(tuf_world_version(w, "root"), 3);
	/* Nor by half: a root that only raises nothing but its version. */
	sim_root_keys(w->sim, "root", roots, 2);
	sim_publish(w->sim);
	tuf_world_refuses(w, 4, "1 valid signatures, 2 needed");
}

static void
stolen_timestamp_key_freezes_and_ships_nothing(void **state)
{
	struct tuf_world *w = *state;

	/* The host's state of yesterday, as new as ever. */
	sim_bump(w->sim, "timestamp");
	sim_sign_as(w->sim, "timestamp", "timestamp.json");
	tuf_world_refreshes(w);
	/* A snapshot of the thief's own. */
	evil_in(w, "stable.any");
	forge(w, "snapshot", SIM_KEY(K_THIRD));
	forge(w, "targets", SIM_KEY(K_THIRD));
	forge(w, "stable.any", SIM_KEY(K_THIRD));
	sim_release(w->sim);
	tuf_world_get_fails(w, EVIL, 4, "snapshot: 0 valid signatures");
	check_unharmed(w);
}

static void
stolen_timestamp_key_cannot_go_back_to_an_older_snapshot(void **state)
{
	struct tuf_world *w = *state;

	sim_release(w->sim);
	tuf_world_refreshes(w);
	sim_bump(w->sim, "timestamp");
	assert_int_equal(jv_set(jv_get_mutable(jv_get_mutable(sim_part(w->sim,
	    "timestamp"), "meta"), "snapshot.json"), "version", jv_new_int(2)), 0);
	sim_sign_as(w->sim, "timestamp", "timestamp.json");
	tuf_world_refuses(w, 4, "rollback of snapshot to version 2, 3 was trusted");
	assert_int_equal(tuf_world_version(w, "timestamp"), 3);
}

static void
stolen_snapshot_key_alone_is_worth_nothing(void **state)
{
	struct tuf_world *w = *state;

	evil_in(w, "stable.any");
	sim_release(w->sim);
	/* The timestamp on the host lists other bytes than these. */
	sim_set_expires(w->sim, "snapshot", w->sim->now + SIM_DAY);
	sim_sign_as(w->sim, "snapshot", "3.snapshot.json");
	tuf_world_get_fails(w, EVIL, 4, "snapshot: sha256 differs");
	/* And one of the thief's own is not signed by the right key. */
	forge(w, "timestamp", SIM_KEY(K_ONLINE));
	sim_release(w->sim);
	tuf_world_get_fails(w, EVIL, 4, "timestamp: 0 valid signatures");
	check_unharmed(w);
}

/* Timestamp and snapshot, as one online key has them. */
static void
stolen_online_keys_cannot_sign_what_devices_run(void **state)
{
	static const unsigned stolen = SIM_KEY(K_THIRD) | SIM_KEY(K_ONLINE);
	static const char *const roles[] = { "targets", "stable", "stable.any" };
	struct tuf_world *w = *state;

	for (int i = 0; i < 3; i++) {
		unsigned own = sim_role(w->sim, roles[i])->signers;
		char text[80];

		evil_in(w, roles[i]);
		forge(w, roles[i], stolen);
		sim_release(w->sim);
		(void)snprintf(text, sizeof text, "%s: 0 valid signatures", roles[i]);
		tuf_world_get_fails(w, EVIL, 4, text);
		check_unharmed(w);
		assert_int_equal(tuf_host_count(w->host, "/targets/"), 0);
		assert_int_equal(jv_set(sim_part(w->sim, roles[i]), "targets",
		    jv_new_object()), 0);
		tuf_world_target(w, "stable.any", APP, APP_BYTES);
		forge(w, roles[i], own);
		sim_release(w->sim);
		tuf_world_gets(w, APP, APP_BYTES);
	}
}

/* Nor can they make a role disappear, or go back, for devices that remember it. */
static void
stolen_online_keys_cannot_drop_or_roll_back_a_channel(void **state)
{
	struct tuf_world *w = *state;
	struct jv *meta;

	sim_release(w->sim);
	tuf_world_gets(w, APP, APP_BYTES);
	for (int i = 0; i < 2; i++) {
		sim_bump(w->sim, "timestamp");
		sim_bump(w->sim, "snapshot");
		meta = jv_get_mutable(sim_part(w->sim, "snapshot"), "meta");
		if (i == 0)
			assert_int_equal(jv_set(jv_get_mutable(meta, "stable.json"),
			    "version", jv_new_int(2)), 0);
		else
			assert_int_equal(jv_remove(meta, "stable.json"), 0);
		sim_sign_as(w->sim, "snapshot", i == 0 ? "4.snapshot.json" :
		    "5.snapshot.json");
		{
			const struct sim_file *f = sim_file(w->sim, i == 0 ?
			    "4.snapshot.json" : "5.snapshot.json");
			struct err e = ERR_INIT;

			assert_int_equal(tuf_set_meta(sim_part(w->sim, "timestamp"),
			    "snapshot", 4 + (unsigned)i, f->bytes.data, f->bytes.len,
			    &e), 0);
		}
		sim_sign_as(w->sim, "timestamp", "timestamp.json");
		tuf_world_refuses(w, 4, i == 0 ? "rollback of stable.json" :
		    "stable.json is not listed any more");
		assert_int_equal(tuf_world_version(w, "snapshot"), 3);
	}
}

static void
stolen_targets_key_needs_the_online_key_too(void **state)
{
	struct tuf_world *w = *state;

	evil_in(w, "targets");
	sim_bump(w->sim, "targets");
	sim_sign_as(w->sim, "targets", "3.targets.json");
	sim_sign_as(w->sim, "targets", "2.targets.json");
	lab_ok(w->lab, "rm m/targets.json");
	tuf_world_get_fails(w, EVIL, 4, "more than the 1");
	/* With it: other holders, for channels and for targets of its own. */
	sim_release(w->sim);
	tuf_world_gets(w, EVIL, EVIL_BYTES);
	/* Until root names another key. */
	lab_ok(w->lab, "rm out/" EVIL);
	sim_root_keys(w->sim, "targets", SIM_KEY(K_OTHER), 1);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_world_get_fails(w, EVIL, 4, "targets: 0 valid signatures");
	check_unharmed(w);
}

static void
stolen_channel_key_alone_is_worth_nothing(void **state)
{
	struct tuf_world *w = *state;

	evil_in(w, "stable.any");
	sim_sign_as(w->sim, "stable.any", "2.stable.any.json");
	lab_ok(w->lab, "rm m/stable.any.json");
	tuf_world_get_fails(w, EVIL, 4, "more than the 5");
	check_unharmed(w);
}

/* With the online key it ships, but only what its channel may. */
static void
stolen_channel_key_keeps_to_its_channel(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_target(w, "beta", "2/evil", EVIL_BYTES);
	evil_in(w, "beta");
	sim_release(w->sim);
	tuf_world_gets(w, "2/evil", EVIL_BYTES);
	tuf_world_get_fails(w, EVIL, 2, "does not list it");
	check_unharmed(w);
}

/* The one attack that a channel invites: its key under the name of another one. */
static void
beta_key_cannot_sign_for_stable(void **state)
{
	static const char *const roles[] = { "stable", "stable.any" };
	struct tuf_world *w = *state;

	for (int i = 0; i < 2; i++) {
		char text[80];

		evil_in(w, roles[i]);
		forge(w, roles[i], SIM_KEY(K_SPARE));
		sim_release(w->sim);
		(void)snprintf(text, sizeof text, "%s: 0 valid signatures", roles[i]);
		tuf_world_get_fails(w, EVIL, 4, text);
		forge(w, roles[i], SIM_KEY(K_CHANNEL));
		assert_int_equal(jv_set(sim_part(w->sim, roles[i]), "targets",
		    jv_new_object()), 0);
	}
	check_unharmed(w);
}

/* beta delegates to a role of that name, with its own key: two delegators, one file,
 * and each vouches for itself. */
static void
beta_cannot_lend_its_key_to_a_role_of_stable(void **state)
{
	struct tuf_world *w = *state;

	sim_delegate(w->sim, "beta", "stable.any", "*/*", SIM_KEY(K_SPARE));
	evil_in(w, "stable.any");
	tuf_world_target(w, "stable.any", "2/evil", EVIL_BYTES);
	forge(w, "stable.any", SIM_KEY(K_SPARE));
	sim_release(w->sim);
	/* By beta's word it is beta's; by stable's it is not stable's. */
	tuf_world_gets(w, "2/evil", EVIL_BYTES);
	tuf_world_get_fails(w, EVIL, 4, "stable.any: 0 valid signatures");
	check_unharmed(w);
}

static void
stolen_halt_key_ships_nothing(void **state)
{
	struct tuf_world *w = *state;

	/* With the online key: the role lists a target, and delegates to more. */
	evil_in(w, "halt");
	sim_delegate(w->sim, "halt", "halt.more", "*/*", SIM_KEY(K_P256));
	evil_in(w, "halt.more");
	tuf_world_target(w, "halt", APP, EVIL_BYTES);
	sim_release(w->sim);
	tuf_world_get_fails(w, EVIL, 2, "does not list it");
	assert_int_equal(tuf_host_count(w->host, "halt"), 0);
	tuf_world_gets(w, APP, APP_BYTES);
	/* Nor does its key sign for anybody else. */
	evil_in(w, "stable");
	forge(w, "stable", SIM_KEY(K_P256));
	sim_release(w->sim);
	tuf_world_get_fails(w, EVIL, 4, "stable: 0 valid signatures");
	check_unharmed(w);
}

/* The same keys, another product: nothing of it counts, on any rung. */
static void
metadata_of_another_product_at_our_url_is_refused(void **state)
{
	static const char *const roles[] = { "root", "timestamp", "snapshot", "targets",
		"stable", "stable.any" };
	struct tuf_world *w = *state;

	lab_ok(w->lab, "cp -a m before");
	for (int i = 0; i < 6; i++) {
		lab_ok(w->lab, "rm -rf m && cp -a before m");
		if (i == 0)
			sim_bump(w->sim, "root");
		assert_int_equal(jv_set(sim_part(w->sim, roles[i]), "x-product",
		    jv_new_text("fedcba9876543210fedcba9876543210")), 0);
		sim_release(w->sim);
		tuf_world_get_fails(w, APP, 4, "belongs to the product fedcba98765432");
		lab_must_say(w->lab, roles[i]);
		assert_int_equal(tuf_world_version(w, roles[i]), 2);
		assert_int_equal(jv_set(sim_part(w->sim, roles[i]), "x-product",
		    jv_new_text(WORLD_PRODUCT)), 0);
		if (i == 0) {
			sim_set_version(w->sim, "root", 2);
			sim_remove(w->sim, "3.root.json");
		}
	}
	sim_release(w->sim);
	tuf_world_gets(w, APP, APP_BYTES);
}

/* A whole other repository, with keys of its own. */
static void
another_repository_at_our_url_is_refused(void **state)
{
	struct tuf_world *w = *state, other = { .lab = w->lab, .program = w->program };

	other.sim = sim_new_at("fedcba9876543210fedcba9876543210", w->sim->now);
	for (size_t i = 0; i < other.sim->n_roles; i++)
		sim_set_version(other.sim, other.sim->roles[i].name, 9);
	sim_set_version(other.sim, "root", 3);
	sim_publish(other.sim);
	other.host = tuf_host_open(other.sim, NULL);
	tuf_world_refuses(&other, 4, "by the keys of the trusted root: 0 valid");
	sim_remove(other.sim, "3.root.json");
	tuf_world_refuses(&other, 4, "timestamp: 0 valid signatures");
	assert_int_equal(tuf_world_version(w, "timestamp"), 2);
	/* And its root is not trusted where ours is. */
	sim_set_version(other.sim, "root", 1);
	sim_publish(other.sim);
	assert_int_equal(tuf_world_trust(&other, "1.root.json"), 4);
	lab_must_say(w->lab, "another repository is trusted in this folder");
	tuf_host_close(other.host);
	sim_free(other.sim);
	tuf_world_refreshes(w);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_world, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(stolen_root_key_below_its_threshold_can_do_nothing),
		FLOW(stolen_timestamp_key_freezes_and_ships_nothing),
		FLOW(stolen_timestamp_key_cannot_go_back_to_an_older_snapshot),
		FLOW(stolen_snapshot_key_alone_is_worth_nothing),
		FLOW(stolen_online_keys_cannot_sign_what_devices_run),
		FLOW(stolen_online_keys_cannot_drop_or_roll_back_a_channel),
		FLOW(stolen_targets_key_needs_the_online_key_too),
		FLOW(stolen_channel_key_alone_is_worth_nothing),
		FLOW(stolen_channel_key_keeps_to_its_channel),
		FLOW(beta_key_cannot_sign_for_stable),
		FLOW(beta_cannot_lend_its_key_to_a_role_of_stable),
		FLOW(stolen_halt_key_ships_nothing),
		FLOW(metadata_of_another_product_at_our_url_is_refused),
		FLOW(another_repository_at_our_url_is_refused),
	};

	return cmocka_run_group_tests_name("thieves", tests, NULL, NULL);
}
