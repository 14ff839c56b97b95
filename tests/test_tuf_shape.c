/*
 * What each role must look like, one member wrong at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/tuf_meta.h"

#include "tests/lab/tuf_sim.h"

#define PRODUCT "0123456789abcdef"
#define HEX_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fault {
	const char *role;
	const char *member; /* "a/b/0/c", below the signed part */
	const char *value;  /* JSON; NULL: the member is gone */
	const char *text;   /* part of the message; NULL: it is no fault */
};

static const struct fault faults[] = {
	{ "root", "_type", "\"targets\"", "is of type \"targets\"" },
	{ "root", "_type", NULL, "\"_type\" is missing" },
	{ "root", "version", "0", "version is 0" },
	{ "root", "version", "-1", "outside" },
	{ "root", "version", "\"1\"", "not an integer" },
	{ "root", "expires", "\"2030-01-31T12:00:00+00:00\"", "expires is" },
	{ "root", "expires", "\"2030-01-31 12:00:00Z\"", "expires is" },
	{ "root", "spec_version", "\"1.0\"", NULL },
	{ "root", "spec_version", "\"1.99.0\"", NULL },
	{ "root", "spec_version", "\"2.0.0\"", "follows TUF 2.0.0" },
	{ "root", "spec_version", "\"10.0\"", "follows TUF" },
	{ "root", "spec_version", "\"1.\"", "follows TUF" },
	{ "root", "spec_version", "\"1.x\"", "follows TUF" },
	{ "root", "spec_version", "\"1.0.\"", "follows TUF" },
	{ "root", "spec_version", "\"1.0.x\"", "follows TUF" },
	{ "root", "spec_version", "\"1.0.34.1\"", "follows TUF" },
	{ "root", "keys", NULL, "\"keys\" is missing" },
	{ "root", "keys/00", "{}", "the id is not the hash" },
	{ "root", "roles/snapshot", NULL, "role snapshot" },
	{ "root", "roles/timestamp/keyids", "{}", "not an array" },
	{ "root", "roles/timestamp/keyids", "[1]", "not only strings" },
	{ "root", "roles/timestamp/keyids", "[\"a\",\"b\",\"a\"]", "twice" },
	{ "root", "roles/timestamp/threshold", "0", "\"threshold\" is 0" },
	{ "root", "roles/timestamp/threshold", NULL, "missing" },
	{ "root", "consistent_snapshot", NULL, NULL },
	{ "root", "consistent_snapshot", "1", "not true or false" },
	{ "timestamp", "meta/snapshot.json", NULL, "\"snapshot.json\" is missing" },
	{ "timestamp", "meta/snapshot.json/version", "0", "\"version\" is 0" },
	{ "timestamp", "meta/snapshot.json/length", NULL, NULL },
	{ "timestamp", "meta/snapshot.json/length", "-1", "\"length\" is -1" },
	{ "timestamp", "meta/snapshot.json/length", "\"9\"", "not an integer" },
	{ "timestamp", "meta/snapshot.json/hashes", NULL, NULL },
	{ "timestamp", "meta/snapshot.json/hashes", "{}", "with a hash in it" },
	{ "timestamp", "meta/snapshot.json/hashes", "[\"a\"]", "with a hash in it" },
	{ "timestamp", "meta/snapshot.json/hashes/md5", "\"00\"", NULL },
	{ "timestamp", "meta/snapshot.json/hashes/sha256", "7", "no string" },
	{ "timestamp", "meta/snapshot.json/hashes/sha256", "\"00\"", "that is none" },
	{ "timestamp", "meta/snapshot.json/hashes/sha512", "\"" HEX_64 "\"", "is none" },
	{ "snapshot", "meta/targets.json", NULL, "\"targets.json\" is missing" },
	{ "snapshot", "meta/a.json", "{\"version\":0}", "\"version\" is 0" },
	{ "targets", "targets", NULL, "\"targets\" is missing" },
	{ "targets", "targets/f/length", NULL, "\"length\" is missing" },
	{ "targets", "targets/f/length", "-1", "\"length\" is -1" },
	{ "targets", "targets/f/hashes", NULL, "\"hashes\" is missing" },
	{ "targets", "targets/f/hashes", "{}", "without a hash" },
	{ "targets", "targets/f/hashes/sha256", "\"00\"", "that is none" },
	{ "targets", "delegations/keys", NULL, "\"keys\" is missing" },
	{ "targets", "delegations/keys/00", "{}", "the id is not the hash" },
	{ "targets", "delegations/roles/0/name", NULL, "\"name\" is missing" },
	{ "targets", "delegations/roles/0/name", "\"\"", "without a name" },
	{ "targets", "delegations/roles/0/name", "\"SNAPSHOT\"", "called SNAPSHOT" },
	{ "targets", "delegations/roles/0/name", "\"b\"", "delegates to b twice" },
	{ "targets", "delegations/roles/0/name",
	    "\"" HEX_64 HEX_64 HEX_64 "0123456789abcdef0123456789abcdef0123456789abcdef"
	    "\"",
	    NULL },
	{ "targets", "delegations/roles/0/name",
	    "\"" HEX_64 HEX_64 HEX_64 "0123456789abcdef0123456789abcdef0123456789abcdef+"
	    "\"",
	    "over 240 bytes" },
	{ "targets", "delegations/roles/0/keyids", NULL, "\"keyids\" is missing" },
	{ "targets", "delegations/roles/0/threshold", "0", "\"threshold\" is 0" },
	{ "targets", "delegations/roles/0/terminating", NULL, "missing" },
	{ "targets", "delegations/roles/0/terminating", "1", "not true or false" },
	{ "targets", "delegations/roles/0/paths", NULL, "not exactly one" },
	{ "targets", "delegations/roles/0/path_hash_prefixes", "[]", "not exactly one" },
	{ "targets", "delegations/roles/0/paths", "\"*\"", "no array" },
	{ "targets", "delegations/roles/0/paths", "[1]", "not only strings" },
};

/* Parts belong to the simulator, and so does what is in them. */
static struct jv *
mutable_at(struct jv *list, size_t i)
{
	union {
		const struct jv *in;
		struct jv *out;
	} same = { jv_at(list, i) };

	return same.out;
}

static void
edit(struct jv *part, const char *member, const char *value)
{
	char name[64];
	size_t n = strcspn(member, "/");
	struct err e = ERR_INIT;

	(void)snprintf(name, sizeof name, "%.*s", (int)n, member);
	if (member[n] == '/' && jv_kind(part) == JV_LIST)
		edit(mutable_at(part, (size_t)atoi(name)), member + n + 1, value);
	else if (member[n] == '/')
		edit(jv_get_mutable(part, name), member + n + 1, value);
	else if (value == NULL)
		(void)jv_remove(part, name);
	else {
		/* The parser takes objects and arrays alone. */
		struct buf text = BUF_INIT(10000);
		struct jv *list;

		assert_int_equal(buf_addf(&text, &e, "[%s]", value), 0);
		assert_non_null(list = jv_parse(text.data, text.len, &e));
		assert_int_equal(jv_set(part, name, jv_copy(jv_at(list, 0))), 0);
		jv_free(list);
		buf_free(&text);
	}
}

static struct tuf_sim *
repository(void)
{
	struct tuf_sim *s = sim_new(PRODUCT);

	sim_delegate(s, "targets", "a", "*", SIM_KEY(K_CHANNEL));
	sim_delegate(s, "targets", "b", "*", SIM_KEY(K_CHANNEL));
	sim_target(s, "targets", "f", "content");
	sim_publish(s);
	return s;
}

static struct tuf_meta *
parse(struct tuf_sim *s, const char *role)
{
	const struct sim_file *f;
	struct tuf_meta *m;
	struct err e = ERR_INIT;

	sim_sign_as(s, role, "edited");
	f = sim_file(s, "edited");
	if ((m = tuf_meta_parse(f->bytes.data, f->bytes.len, &e)) == NULL)
		fail_msg("%s: %s", role, e.text);
	return m;
}

static void
check_fault(const struct fault *f)
{
	struct tuf_sim *s = repository();
	struct err e = ERR_INIT;
	struct tuf_meta *m;
	int rc;

	edit(sim_part(s, f->role), f->member, f->value);
	m = parse(s, f->role);
	rc = tuf_meta_check(m, f->role, &e);
	if (f->text == NULL && rc == -1)
		fail_msg("%s %s: %s", f->role, f->member, e.text);
	if (f->text != NULL && (rc == 0 || strstr(e.text, f->text) == NULL))
		fail_msg("%s %s %s: %s", f->role, f->member, f->value,
		    rc == 0 ? "was accepted" : e.text);
	tuf_meta_free(m);
	sim_free(s);
}

static void
each_member_must_be_what_the_specification_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		check_fault(&faults[i]);
}

static void
a_role_has_256_keys_at_most(void **state)
{
	struct jv *role, *ids = jv_new_list(), *more;
	struct tuf_sim *s = repository();
	struct err e = ERR_INIT;
	struct tuf_meta *m;
	char id[16];

	(void)state;
	for (int i = 0; i < TUF_KEYS_MAX; i++) {
		(void)snprintf(id, sizeof id, "%x", i);
		assert_int_equal(jv_push(ids, jv_new_text(id)), 0);
	}
	role = jv_get_mutable(jv_get_mutable(sim_part(s, "root"), "roles"), "timestamp");
	more = jv_copy(ids);
	assert_int_equal(jv_set(role, "keyids", ids), 0);
	m = parse(s, "root");
	assert_int_equal(tuf_meta_check(m, "root", &e), 0);
	tuf_meta_free(m);
	assert_int_equal(jv_push(more, jv_new_text("one more")), 0);
	assert_int_equal(jv_set(role, "keyids", more), 0);
	m = parse(s, "root");
	assert_int_equal(tuf_meta_check(m, "root", &e), -1);
	assert_non_null(strstr(e.text, "more than 256 keys"));
	tuf_meta_free(m);
	sim_free(s);
}

/* The shape forbids it as well; whoever counts must not rely on that. */
static void
a_threshold_of_zero_is_never_met(void **state)
{
	static const char text[] = "{\"_type\":\"root\",\"keys\":{},\"roles\":"
				   "{\"timestamp\":{\"keyids\":[],\"threshold\":0}}}";
	struct tuf_sim *s = repository();
	struct err e = ERR_INIT;
	struct jv *delegator = jv_parse(text, sizeof text - 1, &e);
	struct tuf_meta *m = parse(s, "timestamp");

	(void)state;
	assert_non_null(delegator);
	assert_int_equal(tuf_meta_verify(m, delegator, "timestamp", &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	jv_free(delegator);
	tuf_meta_free(m);
	sim_free(s);
}

static void
x_signed_is_a_time_before_expires(void **state)
{
	static const char *const bad[] = { "\"yesterday\"", "7",
		"\"2030-01-31T12:00:00Z\"", "\"2030-01-31T12:00:01Z\"" };
	struct tuf_sim *s = repository();
	struct jv *part = sim_part(s, "timestamp");
	struct err e = ERR_INIT;
	struct tuf_meta *m;

	(void)state;
	edit(part, "expires", "\"2030-01-31T12:00:00Z\"");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		edit(part, "x-signed", bad[i]);
		m = parse(s, "timestamp");
		assert_int_equal(tuf_meta_check(m, "timestamp", &e), 0);
		if (tuf_meta_check_product(m, PRODUCT, &e) == 0)
			fail_msg("x-signed %s was accepted", bad[i]);
		assert_int_equal(e.code, ERR_FORMAT);
		tuf_meta_free(m);
	}
	edit(part, "x-signed", "\"2030-01-31T11:59:59Z\"");
	m = parse(s, "timestamp");
	assert_int_equal(tuf_meta_check(m, "timestamp", &e), 0);
	assert_int_equal(tuf_meta_check_product(m, PRODUCT, &e), 0);
	tuf_meta_free(m);
	sim_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_must_be_what_the_specification_says),
		cmocka_unit_test(a_role_has_256_keys_at_most),
		cmocka_unit_test(a_threshold_of_zero_is_never_met),
		cmocka_unit_test(x_signed_is_a_time_before_expires),
	};

	return cmocka_run_group_tests_name("tuf_shape", tests, NULL, NULL);
}
