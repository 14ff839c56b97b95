#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_attack.h"

static void
snapshot_rolled_back_in_timestamp(struct tuf_sim *s)
{
	sim_set_version(s, "timestamp", 11);
	sim_set_version(s, "snapshot", 9);
	sim_publish(s);
}

/* A newer timestamp with an older snapshot behind it. */
static void
snapshot_mixed_with_an_older_one(struct tuf_sim *s)
{
	struct sim_file *old = sim_file(s, "10.snapshot.json");

	sim_release(s);
	sim_put(s, "11.snapshot.json", old->bytes.data, old->bytes.len);
}

static void
snapshot_of_another_version(struct tuf_sim *s)
{
	s->bare = true;
	sim_release(s);
	sim_set_version(s, "snapshot", 12);
	sim_sign_as(s, "snapshot", "11.snapshot.json");
	s->bare = false;
}

static void
snapshot_with_a_broken_signature(struct tuf_sim *s)
{
	s->bare = true;
	sim_release(s);
	attack_break_signature(s, "11.snapshot.json");
	s->bare = false;
}

static void
snapshot_that_is_expired(struct tuf_sim *s)
{
	sim_set_expires(s, "snapshot", SIM_NOW - 1);
	attack_set_text(s, "snapshot", "x-signed", "2020-01-01T00:00:00Z");
	sim_release(s);
}

static void
snapshot_that_rolls_targets_back(struct tuf_sim *s)
{
	sim_bump(s, "timestamp");
	sim_bump(s, "snapshot");
	sim_set_version(s, "targets", 9);
	sim_publish(s);
}

/* Publish a snapshot that differs from what its roles are. */
static void
publish_snapshot(struct tuf_sim *s)
{
	const struct sim_file *f;
	struct err e = ERR_INIT;

	sim_sign_as(s, "snapshot", "11.snapshot.json");
	f = sim_file(s, "11.snapshot.json");
	assert_int_equal(tuf_set_meta(sim_part(s, "timestamp"), "snapshot", 11,
			     f->bytes.data, f->bytes.len, &e),
	    0);
	sim_sign_as(s, "timestamp", "timestamp.json");
}

static void
snapshot_that_rolls_a_delegated_role_back(struct tuf_sim *s)
{
	sim_release(s);
	assert_int_equal(
	    jv_set(attack_listed(s, "snapshot", "stable.json"), "version", jv_new_int(9)),
	    0);
	publish_snapshot(s);
}

static void
snapshot_that_drops_a_delegated_role(struct tuf_sim *s)
{
	sim_release(s);
	(void)jv_remove(jv_get_mutable(sim_part(s, "snapshot"), "meta"), "stable.json");
	publish_snapshot(s);
}

static void
snapshot_without_targets(struct tuf_sim *s)
{
	sim_release(s);
	(void)jv_remove(jv_get_mutable(sim_part(s, "snapshot"), "meta"), "targets.json");
	publish_snapshot(s);
}

static void
snapshot_longer_than_signed(struct tuf_sim *s)
{
	sim_release(s);
	(void)snprintf(s->endless, SIM_NAME_MAX, "11.snapshot.json");
}

static void
snapshot_shorter_than_signed(struct tuf_sim *s)
{
	struct sim_file *f;

	sim_release(s);
	f = sim_file(s, "11.snapshot.json");
	f->bytes.len--;
}

static void
snapshot_with_one_good_hash_and_one_bad(struct tuf_sim *s)
{
	char zeros[129];
	struct jv *one;

	memset(zeros, '0', 128);
	zeros[128] = '\0';
	sim_release(s);
	one = attack_listed(s, "timestamp", "snapshot.json");
	assert_int_equal(
	    jv_set(jv_get_mutable(one, "hashes"), "sha512", jv_new_text(zeros)), 0);
	sim_sign_as(s, "timestamp", "timestamp.json");
}

static void
snapshot_with_an_unknown_hash(struct tuf_sim *s)
{
	struct jv *one;

	sim_release(s);
	one = attack_listed(s, "timestamp", "snapshot.json");
	assert_int_equal(
	    jv_set(jv_get_mutable(one, "hashes"), "md5", jv_new_text("00")), 0);
	sim_sign_as(s, "timestamp", "timestamp.json");
}

static void
snapshot_that_is_gone(struct tuf_sim *s)
{
	sim_release(s);
	sim_remove(s, "11.snapshot.json");
}

const struct attack snapshot_attacks[] = { ATTACK(snapshot_rolled_back_in_timestamp,
					       ERR_TRUST, "rollback of snapshot", ""),
	ATTACK(snapshot_mixed_with_an_older_one, ERR_TRUST, "sha256 differs",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_of_another_version, ERR_TRUST, "is version 12, and 11",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_with_a_broken_signature, ERR_TRUST, "0 valid signatures",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_that_is_expired, ERR_STALE, "snapshot: metadata expired",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_that_rolls_targets_back, ERR_TRUST, "rollback of targets.json",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_that_rolls_a_delegated_role_back, ERR_TRUST,
	    "rollback of stable.json", UP_TO_TIMESTAMP),
	ATTACK(snapshot_that_drops_a_delegated_role, ERR_TRUST, "not listed any more",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_without_targets, ERR_FORMAT, "\"targets.json\" is missing",
	    UP_TO_TIMESTAMP),
	ATTACK(
	    snapshot_longer_than_signed, ERR_FORMAT, "over the limit", UP_TO_TIMESTAMP),
	ATTACK(snapshot_shorter_than_signed, ERR_TRUST, "were signed", UP_TO_TIMESTAMP),
	ATTACK(snapshot_with_one_good_hash_and_one_bad, ERR_TRUST, "sha512 differs",
	    UP_TO_TIMESTAMP),
	ATTACK(snapshot_with_an_unknown_hash, ERR_TRUST, "cannot check", UP_TO_TIMESTAMP),
	ATTACK(snapshot_that_is_gone, ERR_NET, "11.snapshot.json: 404", UP_TO_TIMESTAMP),
	ATTACK_END };
