/*
 * Attacks on the top-level roles, one row each: what the host does after a device
 * was at version 1, how the client must say no, what it may have stored, and
 * that an honest repository afterwards is taken up again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/key.h"

#include "tests/lab/tuf_device.h"

#define PRODUCT "0123456789abcdef"
#define ONLINE SIM_KEY(K_ONLINE)

struct attack {
	const char *name;
	void (*act)(struct tuf_sim *);
	enum err_code code;
	const char *text;	/* part of the message */
	const char *stores;	/* roles whose files may change all the same */
};

/* Let fields of a part be what they should not. */
static void
set_text(struct tuf_sim *s, const char *role, const char *key, const char *text)
{
	assert_int_equal(jv_set(sim_part(s, role), key, jv_new_text(text)), 0);
}

static struct jv *
root_role(struct tuf_sim *s, const char *role)
{
	return jv_get_mutable(jv_get_mutable(sim_part(s, "root"), "roles"), role);
}

static struct jv *
listed(struct tuf_sim *s, const char *lister, const char *file)
{
	return jv_get_mutable(jv_get_mutable(sim_part(s, lister), "meta"), file);
}

/* Publish, then turn the signature of a file into another. */
static void
break_signature(struct tuf_sim *s, const char *name)
{
	char *sig = strstr((char *)sim_file(s, name)->bytes.data, "\"sig\":\"") + 7;

	for (int i = 0; i < 16; i++)
		sig[i] = sig[i] == '0' ? '1' : '0';
}

static void
put_text(struct tuf_sim *s, const char *name, const char *text)
{
	sim_put(s, name, text, strlen(text));
}

/* root ------------------------------------------------------------------ */

static void
root_without_the_old_key(struct tuf_sim *s)
{
	sim_bump(s, "root");
	sim_root_keys(s, "root", SIM_KEY(K_OTHER), 1);
	sim_role(s, "root")->signers = SIM_KEY(K_OTHER);
	sim_publish(s);
}

static void
root_without_its_own_key(struct tuf_sim *s)
{
	sim_bump(s, "root");
	sim_root_keys(s, "root", SIM_KEY(K_OTHER), 1);
	sim_publish(s);
}

static void
root_below_the_old_threshold(struct tuf_sim *s)
{
	sim_root_keys(s, "root", SIM_KEY(K_ROOT) | SIM_KEY(K_SPARE), 2);
	sim_bump(s, "root");
	sim_sign_as(s, "root", "2.root.json");
}

static void
root_that_skips_a_version(struct tuf_sim *s)
{
	sim_set_version(s, "root", 3);
	sim_sign_as(s, "root", "2.root.json");
}

static void
root_of_the_same_version(struct tuf_sim *s)
{
	sim_sign_as(s, "root", "2.root.json");
}

static void
root_that_is_a_timestamp(struct tuf_sim *s)
{
	sim_role(s, "timestamp")->signers = SIM_KEY(K_ROOT);
	sim_bump(s, "timestamp");
	sim_sign_as(s, "timestamp", "2.root.json");
}

static void
root_of_garbage(struct tuf_sim *s)
{
	put_text(s, "2.root.json", "<html>captive portal</html>");
}

static void
root_of_another_product(struct tuf_sim *s)
{
	set_text(s, "root", "x-product", "fedcba9876543210");
	sim_bump(s, "root");
	sim_publish(s);
}

static void
root_that_drops_its_product(struct tuf_sim *s)
{
	(void)jv_remove(sim_part(s, "root"), "x-product");
	sim_bump(s, "root");
	sim_publish(s);
}

static void
root_with_threshold_zero(struct tuf_sim *s)
{
	sim_bump(s, "root");
	assert_int_equal(jv_set(root_role(s, "timestamp"), "threshold", jv_new_int(0)), 0);
	sim_publish(s);
}

static void
root_with_a_keyid_twice(struct tuf_sim *s)
{
	struct jv *ids = jv_get_mutable(root_role(s, "timestamp"), "keyids");

	sim_bump(s, "root");
	assert_int_equal(jv_push(ids, jv_copy(jv_at(ids, 0))), 0);
	sim_publish(s);
}

static void
root_with_a_false_keyid(struct tuf_sim *s)
{
	struct jv *keys = jv_get_mutable(sim_part(s, "root"), "keys");

	sim_bump(s, "root");
	assert_int_equal(jv_set(keys, "00112233", jv_copy(s->publics[K_OTHER])), 0);
	sim_publish(s);
}

static void
root_of_another_specification(struct tuf_sim *s)
{
	sim_bump(s, "root");
	set_text(s, "root", "spec_version", "2.0.0");
	sim_publish(s);
}

static void
root_that_the_host_will_not_give(struct tuf_sim *s)
{
	(void)snprintf(s->fail_name, SIM_NAME_MAX, "2.root.json");
	s->fail_code = ERR_NET;
}

static void
root_without_end(struct tuf_sim *s)
{
	(void)snprintf(s->endless, SIM_NAME_MAX, "2.root.json");
}

static void
root_nested_without_end(struct tuf_sim *s)
{
	char *text = malloc(400001);

	assert_non_null(text);
	memset(text, '[', 400000);
	text[400000] = '\0';
	put_text(s, "2.root.json", text);
	free(text);
}

/* The second key is the first one under another id: its object has one more
 * member.  Threshold 2 must not be met by one holder. */
static void
root_with_one_key_under_two_ids(struct tuf_sim *s)
{
	struct jv *twin = jv_copy(s->publics[K_ONLINE]), *root = sim_part(s, "root");
	struct buf sig = BUF_INIT(1000), payload = BUF_INIT(100000), file = BUF_INIT(100000);
	char hex[2][SHA256_HEX_MAX];
	struct sha256 id;
	struct err e = ERR_INIT;

	assert_int_equal(jv_set(twin, "x-note", jv_new_text("me again")), 0);
	assert_int_equal(key_id_of(twin, &id, &e), 0);
	(void)sha256_hex(&id, hex[0]);
	assert_int_equal(signer_id(s->keys[K_ONLINE], &id, &e), 0);
	(void)sha256_hex(&id, hex[1]);
	assert_int_equal(jv_set(jv_get_mutable(root, "keys"), hex[0], twin), 0);
	assert_int_equal(jv_push(jv_get_mutable(root_role(s, "timestamp"), "keyids"),
	    jv_new_text(hex[0])), 0);
	assert_int_equal(jv_set(root_role(s, "timestamp"), "threshold", jv_new_int(2)), 0);
	sim_bump(s, "root");
	sim_bump(s, "timestamp");
	sim_publish(s);
	assert_int_equal(jv_canonical(sim_part(s, "timestamp"), &payload, &e), 0);
	assert_int_equal(signer_sign(s->keys[K_ONLINE], payload.data, payload.len, &sig,
	    &e), 0);
	assert_int_equal(buf_addf(&file, &e, "{\"signed\":%s,\"signatures\":["
	    "{\"keyid\":\"%s\",\"sig\":\"%s\"},{\"keyid\":\"%s\",\"sig\":\"%s\"}]}",
	    buf_text(&payload), hex[0], buf_text(&sig), hex[1], buf_text(&sig)), 0);
	put_text(s, "timestamp.json", buf_text(&file));
	buf_free(&sig);
	buf_free(&payload);
	buf_free(&file);
}

/* timestamp ------------------------------------------------------------- */

static void
timestamp_rolled_back(struct tuf_sim *s)
{
	sim_set_version(s, "timestamp", 9);
	sim_set_version(s, "snapshot", 9);
	sim_publish(s);
}

static void
timestamp_with_a_broken_signature(struct tuf_sim *s)
{
	sim_release(s);
	break_signature(s, "timestamp.json");
}

static void
timestamp_of_another_key(struct tuf_sim *s)
{
	sim_role(s, "timestamp")->signers = SIM_KEY(K_OTHER);
	sim_release(s);
}

static void
timestamp_signed_twice_by_one_key(struct tuf_sim *s)
{
	struct sim_file *f;
	struct buf twice = BUF_INIT(100000);
	const char *open, *close;
	struct err e = ERR_INIT;

	sim_release(s);
	f = sim_file(s, "timestamp.json");
	open = strchr(buf_text(&f->bytes), '[');
	close = strchr(open, ']');
	assert_int_equal(buf_addf(&twice, &e, "{\"signatures\":[%.*s,%.*s%s",
	    (int)(close - open - 1), open + 1, (int)(close - open - 1), open + 1, close), 0);
	put_text(s, "timestamp.json", buf_text(&twice));
	buf_free(&twice);
}

static void
timestamp_with_a_thousand_signatures(struct tuf_sim *s)
{
	struct buf many = BUF_INIT(100000);
	struct err e = ERR_INIT;

	assert_int_equal(buf_add_text(&many, "{\"signed\":{},\"signatures\":[", &e), 0);
	for (int i = 0; i < 257; i++)
		assert_int_equal(buf_addf(&many, &e, "%s{\"keyid\":\"%d\",\"sig\":\"\"}",
		    i == 0 ? "" : ",", i), 0);
	assert_int_equal(buf_add_text(&many, "]}", &e), 0);
	put_text(s, "timestamp.json", buf_text(&many));
	buf_free(&many);
}

static void
timestamp_that_is_a_snapshot(struct tuf_sim *s)
{
	sim_release(s);
	sim_sign_as(s, "snapshot", "timestamp.json");
}

static void
timestamp_of_another_product(struct tuf_sim *s)
{
	set_text(s, "timestamp", "x-product", "fedcba9876543210");
	sim_release(s);
}

static void
timestamp_that_is_expired(struct tuf_sim *s)
{
	sim_set_expires(s, "timestamp", SIM_NOW);
	set_text(s, "timestamp", "x-signed", "2020-01-01T00:00:00Z");
	sim_release(s);
}

static void
timestamp_signed_after_it_expires(struct tuf_sim *s)
{
	set_text(s, "timestamp", "x-signed", "2999-01-01T00:00:00Z");
	sim_release(s);
}

static void
timestamp_with_a_date_of_another_form(struct tuf_sim *s)
{
	set_text(s, "timestamp", "expires", "2999-01-01T00:00:00.5Z");
	sim_release(s);
}

static void
timestamp_of_version_zero(struct tuf_sim *s)
{
	sim_set_version(s, "timestamp", 0);
	sim_publish(s);
}

static void
timestamp_of_a_fractional_version(struct tuf_sim *s)
{
	put_text(s, "timestamp.json", "{\"signed\":{\"_type\":\"timestamp\","
	    "\"version\":2.5},\"signatures\":[]}");
}

static void
timestamp_without_end(struct tuf_sim *s)
{
	(void)snprintf(s->endless, SIM_NAME_MAX, "timestamp.json");
}

static void
timestamp_that_is_gone(struct tuf_sim *s)
{
	sim_remove(s, "timestamp.json");
}

static void
timestamp_of_unexpected_shape(struct tuf_sim *s)
{
	put_text(s, "timestamp.json", "{\"signed\":[],\"signatures\":{\"a\":[null]}}");
}

/* snapshot -------------------------------------------------------------- */

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
	break_signature(s, "11.snapshot.json");
	s->bare = false;
}

static void
snapshot_that_is_expired(struct tuf_sim *s)
{
	sim_set_expires(s, "snapshot", SIM_NOW - 1);
	set_text(s, "snapshot", "x-signed", "2020-01-01T00:00:00Z");
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
	    f->bytes.data, f->bytes.len, &e), 0);
	sim_sign_as(s, "timestamp", "timestamp.json");
}

static void
snapshot_that_rolls_a_delegated_role_back(struct tuf_sim *s)
{
	sim_release(s);
	assert_int_equal(jv_set(listed(s, "snapshot", "stable.json"), "version",
	    jv_new_int(9)), 0);
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
	one = listed(s, "timestamp", "snapshot.json");
	assert_int_equal(jv_set(jv_get_mutable(one, "hashes"), "sha512",
	    jv_new_text(zeros)), 0);
	sim_sign_as(s, "timestamp", "timestamp.json");
}

static void
snapshot_with_an_unknown_hash(struct tuf_sim *s)
{
	struct jv *one;

	sim_release(s);
	one = listed(s, "timestamp", "snapshot.json");
	assert_int_equal(jv_set(jv_get_mutable(one, "hashes"), "md5", jv_new_text("00")), 0);
	sim_sign_as(s, "timestamp", "timestamp.json");
}

static void
snapshot_that_is_gone(struct tuf_sim *s)
{
	sim_release(s);
	sim_remove(s, "11.snapshot.json");
}

/* targets --------------------------------------------------------------- */

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
	break_signature(s, "11.targets.json");
	s->bare = false;
}

static void
targets_of_other_bytes(struct tuf_sim *s)
{
	sim_release(s);
	set_text(s, "targets", "x-signed", "2026-01-01T00:00:00Z");
	sim_sign_as(s, "targets", "11.targets.json");
}

static void
targets_that_are_expired(struct tuf_sim *s)
{
	sim_set_expires(s, "targets", SIM_NOW - 1);
	set_text(s, "targets", "x-signed", "2020-01-01T00:00:00Z");
	sim_release(s);
}

static void
targets_of_another_product(struct tuf_sim *s)
{
	set_text(s, "targets", "x-product", "fedcba9876543210");
	sim_release(s);
}

static void
targets_signed_by_the_online_key(struct tuf_sim *s)
{
	sim_role(s, "targets")->signers = ONLINE;
	sim_release(s);
}

static void
delegate_reserved(struct tuf_sim *s, const char *name)
{
	sim_delegate(s, "targets", name, "*", ONLINE);
	s->n_roles--;		/* no part of its own */
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
	assert_int_equal(jv_set(sim_delegation(s, "targets", "stable"), "threshold",
	    jv_new_int(0)), 0);
	sim_release(s);
}

static void
targets_with_paths_and_prefixes(struct tuf_sim *s)
{
	assert_int_equal(jv_set(sim_delegation(s, "targets", "stable"),
	    "path_hash_prefixes", jv_new_list()), 0);
	sim_release(s);
}

static void
targets_with_a_false_keyid(struct tuf_sim *s)
{
	struct jv *keys = jv_get_mutable(jv_get_mutable(sim_part(s, "targets"),
	    "delegations"), "keys");

	assert_int_equal(jv_set(keys, "00112233", jv_copy(s->publics[K_OTHER])), 0);
	sim_release(s);
}

static void
targets_with_a_target_without_hash(struct tuf_sim *s)
{
	sim_target(s, "targets", "x", "x");
	assert_int_equal(jv_set(jv_get_mutable(jv_get_mutable(sim_part(s, "targets"),
	    "targets"), "x"), "hashes", jv_new_object()), 0);
	sim_release(s);
}

#define TS "timestamp"
#define SN "timestamp snapshot"

static const struct attack attacks[] = {
#define ROW(f, code, text, stores) { #f, f, code, text, stores }
	ROW(root_without_the_old_key, ERR_TRUST, "by the keys of the trusted root", ""),
	ROW(root_without_its_own_key, ERR_TRUST, "by its own keys", ""),
	ROW(root_below_the_old_threshold, ERR_TRUST, "1 valid signatures, 2 needed", ""),
	ROW(root_that_skips_a_version, ERR_TRUST, "is version 3, not 2", ""),
	ROW(root_of_the_same_version, ERR_TRUST, "is version 1, not 2", ""),
	ROW(root_that_is_a_timestamp, ERR_TRUST, "is of type \"timestamp\"", ""),
	ROW(root_of_garbage, ERR_FORMAT, "2.root.json: JSON", ""),
	ROW(root_of_another_product, ERR_TRUST, "belongs to the product", ""),
	ROW(root_that_drops_its_product, ERR_TRUST, "belongs to the product", ""),
	ROW(root_with_threshold_zero, ERR_FORMAT, "\"threshold\" is 0", ""),
	ROW(root_with_a_keyid_twice, ERR_FORMAT, "twice", ""),
	ROW(root_with_a_false_keyid, ERR_TRUST, "is not the hash of the key", ""),
	ROW(root_of_another_specification, ERR_FORMAT, "follows TUF 2.0.0", ""),
	ROW(root_that_the_host_will_not_give, ERR_NET, "2.root.json", ""),
	ROW(root_without_end, ERR_FORMAT, "over the limit of 512000", ""),
	ROW(root_nested_without_end, ERR_FORMAT, "nested deeper than 32", ""),
	ROW(root_with_one_key_under_two_ids, ERR_TRUST, "1 valid signatures, 2 needed",
	    "root"),
	ROW(timestamp_rolled_back, ERR_TRUST, "rollback to version 9, 10", ""),
	ROW(timestamp_with_a_broken_signature, ERR_TRUST, "0 valid signatures", ""),
	ROW(timestamp_of_another_key, ERR_TRUST, "0 valid signatures", ""),
	ROW(timestamp_signed_twice_by_one_key, ERR_TRUST, "two signatures of the key", ""),
	ROW(timestamp_with_a_thousand_signatures, ERR_FORMAT, "more than 256", ""),
	ROW(timestamp_that_is_a_snapshot, ERR_TRUST, "is of type \"snapshot\"", ""),
	ROW(timestamp_of_another_product, ERR_TRUST, "belongs to the product", ""),
	ROW(timestamp_that_is_expired, ERR_STALE, "timestamp: metadata expired", ""),
	ROW(timestamp_signed_after_it_expires, ERR_FORMAT, "x-signed", ""),
	ROW(timestamp_with_a_date_of_another_form, ERR_FORMAT, "expires is", ""),
	ROW(timestamp_of_version_zero, ERR_FORMAT, "version is 0", ""),
	ROW(timestamp_of_a_fractional_version, ERR_FORMAT, "fraction", ""),
	ROW(timestamp_without_end, ERR_FORMAT, "over the limit of 16384", ""),
	ROW(timestamp_that_is_gone, ERR_NET, "timestamp.json: 404", ""),
	ROW(timestamp_of_unexpected_shape, ERR_FORMAT, "\"signed\" is not an object", ""),
	ROW(snapshot_rolled_back_in_timestamp, ERR_TRUST, "rollback of snapshot", ""),
	ROW(snapshot_mixed_with_an_older_one, ERR_TRUST, "sha256 differs", TS),
	ROW(snapshot_of_another_version, ERR_TRUST, "is version 12, and 11", TS),
	ROW(snapshot_with_a_broken_signature, ERR_TRUST, "0 valid signatures", TS),
	ROW(snapshot_that_is_expired, ERR_STALE, "snapshot: metadata expired", TS),
	ROW(snapshot_that_rolls_targets_back, ERR_TRUST, "rollback of targets.json", TS),
	ROW(snapshot_that_rolls_a_delegated_role_back, ERR_TRUST,
	    "rollback of stable.json", TS),
	ROW(snapshot_that_drops_a_delegated_role, ERR_TRUST, "not listed any more", TS),
	ROW(snapshot_without_targets, ERR_FORMAT, "\"targets.json\" is missing", TS),
	ROW(snapshot_longer_than_signed, ERR_FORMAT, "over the limit", TS),
	ROW(snapshot_shorter_than_signed, ERR_TRUST, "were signed", TS),
	ROW(snapshot_with_one_good_hash_and_one_bad, ERR_TRUST, "sha512 differs", TS),
	ROW(snapshot_with_an_unknown_hash, ERR_TRUST, "cannot check", TS),
	ROW(snapshot_that_is_gone, ERR_NET, "11.snapshot.json: 404", TS),
	ROW(targets_of_another_version, ERR_TRUST, "is version 12, and 11", SN),
	ROW(targets_with_a_broken_signature, ERR_TRUST, "0 valid signatures", SN),
	ROW(targets_of_other_bytes, ERR_TRUST, "sha256 differs", SN),
	ROW(targets_that_are_expired, ERR_STALE, "targets: metadata expired", SN),
	ROW(targets_of_another_product, ERR_TRUST, "belongs to the product", SN),
	ROW(targets_signed_by_the_online_key, ERR_TRUST, "0 valid signatures", SN),
	ROW(targets_that_delegate_to_root, ERR_TRUST, "called RooT", SN),
	ROW(targets_that_delegate_to_timestamp, ERR_TRUST, "called Timestamp", SN),
	ROW(targets_with_threshold_zero, ERR_FORMAT, "\"threshold\" is 0", SN),
	ROW(targets_with_paths_and_prefixes, ERR_FORMAT, "exactly one", SN),
	ROW(targets_with_a_false_keyid, ERR_TRUST, "is not the hash of the key", SN),
	ROW(targets_with_a_target_without_hash, ERR_FORMAT, "without a hash", SN),
#undef ROW
};

enum { N_ATTACKS = sizeof attacks / sizeof attacks[0] };

static const char *const stored[] = { "root", "timestamp", "snapshot", "targets" };

static void
read_all(const struct tuf_device *d, struct buf out[4])
{
	for (int i = 0; i < 4; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "%s.json", stored[i]);
		buf_init(&out[i], 1 << 20);
		device_read(d, name, &out[i]);
	}
}

static void
check_stored(const struct attack *a, const struct buf before[4], const struct buf after[4])
{
	for (int i = 0; i < 4; i++) {
		bool same = before[i].len == after[i].len &&
		    memcmp(before[i].data, after[i].data, after[i].len) == 0;

		if (!same && strstr(a->stores, stored[i]) == NULL)
			fail_msg("%s: %s was stored", a->name, stored[i]);
	}
}

/* A repository at version 10 with one delegated role. */
static struct tuf_sim *
honest(void)
{
	struct tuf_sim *s = sim_new(PRODUCT);

	sim_delegate(s, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	for (size_t i = 1; i < s->n_roles; i++)
		sim_set_version(s, s->roles[i].name, 10);
	sim_publish(s);
	return s;
}

struct memory {
	struct jv *parts[SIM_ROLES];
	unsigned signers[SIM_ROLES];
	size_t n;
};

static void
remember(struct memory *m, struct tuf_sim *s)
{
	m->n = s->n_roles;
	for (size_t i = 0; i < m->n; i++) {
		m->parts[i] = jv_copy(s->roles[i].part);
		m->signers[i] = s->roles[i].signers;
	}
}

/* The honest parts again, of versions above everything an attack used. */
static void
heal(struct memory *m, struct tuf_sim *s, bool root_too)
{
	s->fail_name[0] = s->endless[0] = '\0';
	for (size_t i = root_too ? 1 : 0; i < m->n; i++) {
		jv_free(s->roles[i].part);
		s->roles[i].part = m->parts[i];
		m->parts[i] = NULL;
		s->roles[i].signers = m->signers[i];
	}
	if (!root_too)
		sim_remove(s, "2.root.json");
	else {
		/* that root was valid: go on from it with honest keys */
		sim_root_keys(s, "timestamp", ONLINE, 1);
		sim_bump(s, "root");
	}
	for (size_t i = 1; i < s->n_roles; i++)
		sim_set_version(s, s->roles[i].name, 50);
	sim_publish(s);
	for (size_t i = 0; i < m->n; i++)
		jv_free(m->parts[i]);
}

static void
check_attack(const struct attack *a)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct buf before[4], after[4];
	struct err e = ERR_INIT;
	struct memory m;

	device_must_refresh(d, s);
	read_all(d, before);
	remember(&m, s);
	a->act(s);
	if (device_refresh(d, s, &e) == 0)
		fail_msg("%s: was believed", a->name);
	if (e.code != a->code || strstr(e.text, a->text) == NULL)
		fail_msg("%s: %s: %s", a->name, err_word(e.code), e.text);
	read_all(d, after);
	check_stored(a, before, after);
	heal(&m, s, strcmp(a->stores, "root") == 0);
	if (device_refresh(d, s, &e) == -1)
		fail_msg("%s: stuck afterwards: %s", a->name, e.text);
	assert_int_equal(device_version(d, "targets.json"), 50);
	for (int i = 0; i < 4; i++) {
		buf_free(&before[i]);
		buf_free(&after[i]);
	}
	device_free(d);
	sim_free(s);
}

static void
every_attack_is_refused_and_leaves_nothing_stuck(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ATTACKS; i++)
		check_attack(&attacks[i]);
}

/* A device that never saw the repository must refuse them as well, but for those
 * that need a memory. */
static void
attacks_without_memory_are_refused_at_first_contact(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ATTACKS; i++) {
		struct tuf_sim *s = honest();
		struct tuf_device *d = device_new(s);
		struct err e = ERR_INIT;
		bool by_memory = strstr(attacks[i].text, "rollback") != NULL ||
		    strstr(attacks[i].text, "not listed any more") != NULL;

		attacks[i].act(s);
		if (!by_memory && device_refresh(d, s, &e) == 0)
			fail_msg("%s: was believed", attacks[i].name);
		device_free(d);
		sim_free(s);
	}
}

static void
freeze_ends_with_the_expiry_of_the_timestamp(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	(void)state;
	sim_set_expires(s, "timestamp", SIM_NOW + SIM_DAY);
	sim_bump(s, "timestamp");
	sim_publish(s);
	device_must_refresh(d, s);
	d->clock.system_now += 2 * SIM_DAY;
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_int_equal(device_version(d, "timestamp.json"), 11);
	device_free(d);
	sim_free(s);
}

/* An expired local file is still what rollback is measured against. */
static void
memory_survives_expiry(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	(void)state;
	sim_set_expires(s, "timestamp", SIM_NOW + SIM_DAY);
	sim_set_expires(s, "snapshot", SIM_NOW + SIM_DAY);
	sim_bump(s, "timestamp");
	sim_publish(s);
	device_must_refresh(d, s);
	d->clock.system_now += 2 * SIM_DAY;
	sim_set_expires(s, "timestamp", SIM_NOW + 9 * SIM_DAY);
	sim_set_expires(s, "snapshot", SIM_NOW + 9 * SIM_DAY);
	sim_set_version(s, "timestamp", 10);
	sim_publish(s);
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	sim_set_version(s, "timestamp", 12);
	sim_set_version(s, "snapshot", 11);
	sim_set_version(s, "targets", 9);
	sim_publish(s);
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "rollback of targets.json"));
	device_free(d);
	sim_free(s);
}

/* The snapshot's own bytes are what an earlier timestamp listed: measuring it by
 * the new timestamp would forget it just when it is needed. */
static void
memory_of_snapshot_survives_a_newer_timestamp_that_came_alone(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct err e = ERR_INIT;

	(void)state;
	device_must_refresh(d, s);
	sim_release(s);
	(void)snprintf(s->fail_name, SIM_NAME_MAX, "11.snapshot.json");
	s->fail_code = ERR_NET;
	assert_int_equal(device_refresh(d, s, &e), -1);
	s->fail_name[0] = '\0';
	sim_set_version(s, "timestamp", 12);
	sim_set_version(s, "snapshot", 12);
	sim_set_version(s, "targets", 9);
	sim_publish(s);
	assert_int_equal(device_refresh(d, s, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "rollback of targets.json"));
	device_free(d);
	sim_free(s);
}

/* Same version, other content: the one that was first stays. */
static void
equal_timestamp_replaces_nothing(void **state)
{
	struct tuf_sim *s = honest();
	struct tuf_device *d = device_new(s);
	struct buf before = BUF_INIT(100000), after = BUF_INIT(100000);

	(void)state;
	device_must_refresh(d, s);
	device_read(d, "timestamp.json", &before);
	sim_set_version(s, "snapshot", 99);
	sim_set_version(s, "targets", 99);
	sim_publish(s);
	device_must_refresh(d, s);
	device_read(d, "timestamp.json", &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, after.len);
	assert_int_equal(device_version(d, "targets.json"), 10);
	buf_free(&before);
	buf_free(&after);
	device_free(d);
	sim_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attack_is_refused_and_leaves_nothing_stuck),
		cmocka_unit_test(attacks_without_memory_are_refused_at_first_contact),
		cmocka_unit_test(freeze_ends_with_the_expiry_of_the_timestamp),
		cmocka_unit_test(memory_survives_expiry),
		cmocka_unit_test(memory_of_snapshot_survives_a_newer_timestamp_that_came_alone),
		cmocka_unit_test(equal_timestamp_replaces_nothing),
	};

	return cmocka_run_group_tests_name("tuf_attacks", tests, NULL, NULL);
}
