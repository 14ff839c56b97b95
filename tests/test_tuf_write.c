#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/tuf_write.h"

/* Two keys of different kinds, made once. */
struct pair {
	struct signer *signer[2];
	struct jv *public[2];
};

static int
make_pair(void **state)
{
	struct pair *p = calloc(1, sizeof *p);
	struct err e = ERR_INIT;

	p->signer[0] = signer_new(KEY_ED25519, &e);
	p->signer[1] = signer_new(KEY_ECDSA_P256, &e);
	for (int i = 0; i < 2; i++)
		p->public[i] = signer_public(p->signer[i], &e);
	*state = p;
	return p->public[0] != NULL && p->public[1] != NULL ? 0 : -1;
}

static int
drop_pair(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 2; i++) {
		signer_free(p->signer[i]);
		jv_free(p->public[i]);
	}
	free(p);
	return 0;
}

static struct jv *
new_part(const char *type)
{
	struct tuf_head head = { type, 1, 2000000000, 1700000000, "p1" };
	struct err e = ERR_INIT;
	struct jv *s = tuf_new_signed(&head, &e);

	assert_non_null(s);
	return s;
}

static struct jv *
new_root(const struct pair *p, unsigned threshold)
{
	static const char *const roles[] = { "root", "targets", "snapshot", "timestamp" };
	struct jv *root = new_part("root");
	struct err e = ERR_INIT;

	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    tuf_root_role(root, roles[i], p->public, 2, threshold, &e), 0);
	return root;
}

static void
writer_makes_the_head_of_every_type(void **state)
{
	struct jv *s = new_part("timestamp");
	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(jv_canonical(s, &out, &e), 0);
	assert_string_equal(buf_text(&out),
	    "{\"_type\":\"timestamp\","
	    "\"expires\":\"2033-05-18T03:33:20Z\",\"meta\":{},"
	    "\"spec_version\":\"1.0.34\",\"version\":1,\"x-product\":\"p1\","
	    "\"x-signed\":\"2023-11-14T22:13:20Z\"}");
	jv_free(s);
	buf_free(&out);
}

static void
writer_refuses_impossible_heads(void **state)
{
	static const struct tuf_head bad[] = {
		{ "targets", 0, 2, 1, NULL },
		{ "targets", UINT64_MAX, 2, 1, NULL },
		{ "targets", 1, 5, 5, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err e = ERR_INIT;

		assert_null(tuf_new_signed(&bad[i], &e));
		assert_int_equal(e.code, ERR_USAGE);
	}
}

static void
writer_output_verifies_by_the_threshold_of_its_delegator(void **state)
{
	const struct pair *p = *state;
	struct jv *root = new_root(p, 2), *s = new_part("timestamp"), *got;
	struct buf one = BUF_INIT(10000), two = BUF_INIT(10000);
	struct err e = ERR_INIT;

	assert_int_equal(tuf_set_meta(s, "snapshot", 3, "bytes", 5, &e), 0);
	assert_int_equal(tuf_sign(s, p->signer, 1, &one, &e), 0);
	assert_int_equal(tuf_sign(s, p->signer, 2, &two, &e), 0);
	assert_null(tuf_verify_file(root, "timestamp", one.data, one.len, &e));
	assert_int_equal(e.code, ERR_TRUST);
	assert_string_equal(e.text, "timestamp: 1 valid signatures, 2 needed");
	got = tuf_verify_file(root, "timestamp", two.data, two.len, &e);
	assert_non_null(got);
	jv_free(got);
	two.data[two.len / 2] ^= 1;
	assert_null(tuf_verify_file(root, "timestamp", two.data, two.len, &e));
	jv_free(root);
	jv_free(s);
	buf_free(&one);
	buf_free(&two);
}

static void
writer_root_verifies_itself(void **state)
{
	const struct pair *p = *state;
	struct jv *root = new_root(p, 1), *got;
	struct buf out = BUF_INIT(20000);
	struct err e = ERR_INIT;

	assert_int_equal(tuf_sign(root, &p->signer[1], 1, &out, &e), 0);
	/* PEM has newlines, which JSON escapes and the canonical form does not */
	assert_non_null(strstr(buf_text(&out), "-----BEGIN PUBLIC KEY-----\\n"));
	got = tuf_verify_file(NULL, "root", out.data, out.len, &e);
	assert_non_null(got);
	jv_free(got);
	jv_free(root);
	buf_free(&out);
}

static void
writer_threshold_fits_the_number_of_keys(void **state)
{
	const struct pair *p = *state;
	struct jv *root = new_part("root");
	struct err e = ERR_INIT;

	assert_int_equal(tuf_root_role(root, "root", p->public, 2, 3, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(tuf_root_role(root, "root", p->public, 2, 0, &e), -1);
	jv_free(root);
}

static void
writer_drops_keys_that_no_role_uses_any_more(void **state)
{
	const struct pair *p = *state;
	struct jv *root = new_root(p, 1);
	static const char *const roles[] = { "root", "targets", "snapshot", "timestamp" };
	struct err e = ERR_INIT;

	assert_int_equal(jv_count(jv_get(root, "keys")), 2);
	for (int i = 0; i < 4; i++)
		assert_int_equal(tuf_root_role(root, roles[i], p->public, 1, 1, &e), 0);
	assert_int_equal(jv_count(jv_get(root, "keys")), 1);
	jv_free(root);
}

static void
writer_delegates_once_a_role_and_keeps_its_place(void **state)
{
	static const char *const paths[] = { "*/*", NULL };
	const struct pair *p = *state;
	struct jv *t = new_part("targets"), *child = new_part("targets"), *got;
	struct buf out = BUF_INIT(20000);
	const struct jv *roles;
	struct err e = ERR_INIT;

	assert_int_equal(tuf_delegate(t, "stable", paths, p->public, 1, 1, &e), 0);
	assert_int_equal(tuf_delegate(t, "beta", paths, p->public, 2, 2, &e), 0);
	assert_int_equal(tuf_delegate(t, "stable", paths, p->public + 1, 1, 1, &e), 0);
	roles = jv_get(jv_get(t, "delegations"), "roles");
	assert_int_equal(jv_count(roles), 2);
	assert_string_equal(jv_text(jv_get(jv_at(roles, 0), "name")), "stable");
	assert_int_equal(jv_count(jv_get(jv_get(t, "delegations"), "keys")), 2);
	assert_int_equal(tuf_sign(child, &p->signer[1], 1, &out, &e), 0);
	got = tuf_verify_file(t, "stable", out.data, out.len, &e);
	assert_non_null(got);
	jv_free(got);
	assert_null(tuf_verify_file(t, "beta", out.data, out.len, &e));
	assert_int_equal(e.code, ERR_TRUST);
	assert_null(tuf_verify_file(t, "gamma", out.data, out.len, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	jv_free(t);
	jv_free(child);
	buf_free(&out);
}

static void
writer_targets_carry_length_hash_and_custom(void **state)
{
	struct jv *t = new_part("targets"), *custom = jv_new_object();
	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct sha256 id;

	(void)state;
	assert_int_equal(sha256_of("abc", 3, &id, &e), 0);
	assert_int_equal(jv_set(custom, "kind", jv_new_text("tree")), 0);
	assert_int_equal(tuf_set_target(t, "1/any.tree.zst", 3, &id, custom, &e), 0);
	assert_int_equal(jv_canonical(jv_get(t, "targets"), &out, &e), 0);
	assert_string_equal(buf_text(&out),
	    "{\"1/any.tree.zst\":{\"custom\":{\"kind\":"
	    "\"tree\"},\"hashes\":{\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a3"
	    "96177a9cb410ff61f20015ad\"},\"length\":3}}");
	assert_int_equal(tuf_set_target(t, "x", UINT64_MAX, &id, NULL, &e), -1);
	jv_free(t);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_makes_the_head_of_every_type),
		cmocka_unit_test(writer_refuses_impossible_heads),
		cmocka_unit_test(
		    writer_output_verifies_by_the_threshold_of_its_delegator),
		cmocka_unit_test(writer_root_verifies_itself),
		cmocka_unit_test(writer_threshold_fits_the_number_of_keys),
		cmocka_unit_test(writer_drops_keys_that_no_role_uses_any_more),
		cmocka_unit_test(writer_delegates_once_a_role_and_keeps_its_place),
		cmocka_unit_test(writer_targets_carry_length_hash_and_custom),
	};

	return cmocka_run_group_tests_name("tuf_write", tests, make_pair, drop_pair);
}
