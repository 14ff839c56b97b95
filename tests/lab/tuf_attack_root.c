#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/key.h"

#include "tests/lab/tuf_attack.h"

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
	attack_put_text(s, "2.root.json", "<html>captive portal</html>");
}

static void
root_of_another_product(struct tuf_sim *s)
{
	attack_set_text(s, "root", "x-product", "fedcba9876543210");
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
	assert_int_equal(
	    jv_set(attack_root_role(s, "timestamp"), "threshold", jv_new_int(0)), 0);
	sim_publish(s);
}

static void
root_with_a_keyid_twice(struct tuf_sim *s)
{
	struct jv *ids = jv_get_mutable(attack_root_role(s, "timestamp"), "keyids");

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
	attack_set_text(s, "root", "spec_version", "2.0.0");
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
	attack_put_text(s, "2.root.json", text);
	free(text);
}

/* The second key is the first one under another id: its object has one more
 * member.  Threshold 2 must not be met by one holder. */
static void
root_with_one_key_under_two_ids(struct tuf_sim *s)
{
	struct jv *twin = jv_copy(s->publics[K_ONLINE]), *root = sim_part(s, "root");
	struct buf sig = BUF_INIT(1000), payload = BUF_INIT(100000),
		   file = BUF_INIT(100000);
	char hex[2][SHA256_HEX_MAX];
	struct sha256 id;
	struct err e = ERR_INIT;

	assert_int_equal(jv_set(twin, "x-note", jv_new_text("me again")), 0);
	assert_int_equal(key_id_of(twin, &id, &e), 0);
	(void)sha256_hex(&id, hex[0]);
	assert_int_equal(signer_id(s->keys[K_ONLINE], &id, &e), 0);
	(void)sha256_hex(&id, hex[1]);
	assert_int_equal(jv_set(jv_get_mutable(root, "keys"), hex[0], twin), 0);
	assert_int_equal(
	    jv_push(jv_get_mutable(attack_root_role(s, "timestamp"), "keyids"),
		jv_new_text(hex[0])),
	    0);
	assert_int_equal(
	    jv_set(attack_root_role(s, "timestamp"), "threshold", jv_new_int(2)), 0);
	sim_bump(s, "root");
	sim_bump(s, "timestamp");
	sim_publish(s);
	assert_int_equal(jv_canonical(sim_part(s, "timestamp"), &payload, &e), 0);
	assert_int_equal(
	    signer_sign(s->keys[K_ONLINE], payload.data, payload.len, &sig, &e), 0);
	assert_int_equal(
	    buf_addf(&file, &e,
		"{\"signed\":%s,\"signatures\":["
		"{\"keyid\":\"%s\",\"sig\":\"%s\"},{\"keyid\":\"%s\",\"sig\":\"%s\"}]}",
		buf_text(&payload), hex[0], buf_text(&sig), hex[1], buf_text(&sig)),
	    0);
	attack_put_text(s, "timestamp.json", buf_text(&file));
	buf_free(&sig);
	buf_free(&payload);
	buf_free(&file);
}

const struct attack root_attacks[] = { ATTACK(root_without_the_old_key, ERR_TRUST,
					   "by the keys of the trusted root", ""),
	ATTACK(root_without_its_own_key, ERR_TRUST, "by its own keys", ""),
	ATTACK(
	    root_below_the_old_threshold, ERR_TRUST, "1 valid signatures, 2 needed", ""),
	ATTACK(root_that_skips_a_version, ERR_TRUST, "is version 3, not 2", ""),
	ATTACK(root_of_the_same_version, ERR_TRUST, "is version 1, not 2", ""),
	ATTACK(root_that_is_a_timestamp, ERR_TRUST, "is of type \"timestamp\"", ""),
	ATTACK(root_of_garbage, ERR_FORMAT, "2.root.json: JSON", ""),
	ATTACK(root_of_another_product, ERR_TRUST, "belongs to the product", ""),
	ATTACK(root_that_drops_its_product, ERR_TRUST, "belongs to the product", ""),
	ATTACK(root_with_threshold_zero, ERR_FORMAT, "\"threshold\" is 0", ""),
	ATTACK(root_with_a_keyid_twice, ERR_FORMAT, "twice", ""),
	ATTACK(root_with_a_false_keyid, ERR_TRUST, "is not the hash of the key", ""),
	ATTACK(root_of_another_specification, ERR_FORMAT, "follows TUF 2.0.0", ""),
	ATTACK(root_that_the_host_will_not_give, ERR_NET, "2.root.json", ""),
	ATTACK(root_without_end, ERR_FORMAT, "over the limit of 512000", ""),
	ATTACK(root_nested_without_end, ERR_FORMAT, "nested deeper than 32", ""),
	ATTACK(root_with_one_key_under_two_ids, ERR_TRUST, "1 valid signatures, 2 needed",
	    "root"),
	ATTACK_END };
