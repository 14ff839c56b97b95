#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_attack.h"

static void
targets_of_another_version(struct tuf_sim *s)
{
	s->bare = true;
	sim_release(s);
	sim_set_version(s, "targets", 12);
	sim_sign_as(s, "targets", "11.targets.json");
	s->bare = false;
}

static void
targets_with_a_broken_signature(struct tuf_sim *s)
{
	s->bare = true;
	sim_release(s);
	attack_break_signature(s, "11.targets.json");
	s->bare = false;
}

static void
targets_of_other_bytes(struct tuf_sim *s)
{
	sim_release(s);
	attack_set_text(s, "targets", "x-signed", "2026-01-01T00:00:00Z");
	sim_sign_as(s, "targets", "11.targets.json");
}

static void
targets_that_are_expired(struct tuf_sim *s)
{
	sim_set_expires(s, "targets", SIM_NOW - 1);
	attack_set_text(s, "targets", "x-signed", "2020-01-01T00:00:00Z");
	sim_release(s);
}

static void
targets_of_another_product(struct tuf_sim *s)
{
	attack_set_text(s, "targets", "x-product", "fedcba9876543210");
	sim_release(s);
}

static void
targets_signed_by_the_online_key(struct tuf_sim *s)
{
	sim_role(s, "targets")->signers = SIM_KEY(K_ONLINE);
	sim_release(s);
}

static void
delegate_reserved(struct tuf_sim *s, const char *name)
{
	sim_delegate(s, "targets", name, "*", SIM_KEY(K_ONLINE));
	s->n_roles--; /* no part of its own */
	jv_free(s->roles[s->n_roles].part);
	sim_release(s);
}

static void
targets_that_delegate_to_root(struct tuf_sim *s)
{
	delegate_reserved(s, "RooT");
}

static void
targets_that_delegate_to_timestamp(struct tuf_sim *s)
{
	delegate_reserved(s, "Timestamp");
}

static void
targets_with_threshold_zero(struct tuf_sim *s)
{
	assert_int_equal(
	    jv_set(sim_delegation(s, "targets", "stable"), "threshold", jv_new_int(0)),
	    0);
	sim_release(s);
}

static void
targets_with_paths_and_prefixes(struct tuf_sim *s)
{
	assert_int_equal(jv_set(sim_delegation(s, "targets", "stable"),
			     "path_hash_prefixes", jv_new_list()),
	    0);
	sim_release(s);
}

static void
targets_with_a_false_keyid(struct tuf_sim *s)
{
	struct jv *keys =
	    jv_get_mutable(jv_get_mutable(sim_part(s, "targets"), "delegations"), "keys");

	assert_int_equal(jv_set(keys, "00112233", jv_copy(s->publics[K_OTHER])), 0);
	sim_release(s);
}

static void
targets_with_a_target_without_hash(struct tuf_sim *s)
{
	sim_target(s, "targets", "x", "x");
	assert_int_equal(
	    jv_set(jv_get_mutable(jv_get_mutable(sim_part(s, "targets"), "targets"), "x"),
		"hashes", jv_new_object()),
	    0);
	sim_release(s);
}

const struct attack targets_attacks[] = { ATTACK(targets_of_another_version, ERR_TRUST,
					      "is version 12, and 11", UP_TO_SNAPSHOT),
	ATTACK(targets_with_a_broken_signature, ERR_TRUST, "0 valid signatures",
	    UP_TO_SNAPSHOT),
	ATTACK(targets_of_other_bytes, ERR_TRUST, "sha256 differs", UP_TO_SNAPSHOT),
	ATTACK(targets_that_are_expired, ERR_STALE, "targets: metadata expired",
	    UP_TO_SNAPSHOT),
	ATTACK(targets_of_another_product, ERR_TRUST, "belongs to the product",
	    UP_TO_SNAPSHOT),
	ATTACK(targets_signed_by_the_online_key, ERR_TRUST, "0 valid signatures",
	    UP_TO_SNAPSHOT),
	ATTACK(targets_that_delegate_to_root, ERR_TRUST, "called RooT", UP_TO_SNAPSHOT),
	ATTACK(targets_that_delegate_to_timestamp, ERR_TRUST, "called Timestamp",
	    UP_TO_SNAPSHOT),
	ATTACK(targets_with_threshold_zero, ERR_FORMAT, "\"threshold\" is 0",
	    UP_TO_SNAPSHOT),
	ATTACK(
	    targets_with_paths_and_prefixes, ERR_FORMAT, "exactly one", UP_TO_SNAPSHOT),
	ATTACK(targets_with_a_false_keyid, ERR_TRUST, "is not the hash of the key",
	    UP_TO_SNAPSHOT),
	ATTACK(targets_with_a_target_without_hash, ERR_FORMAT, "without a hash",
	    UP_TO_SNAPSHOT),
	ATTACK_END };
