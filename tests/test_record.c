#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/ability.h"
#include "manifest/record.h"
#include "manifest/tuf_write.h"

static struct sha256
id(unsigned n)
{
	struct sha256 s = { { (uint8_t)n, 7 } };

	return s;
}

static struct jv *
new_part(void)
{
	struct tuf_head head = { .type = "targets", .version = 1, .expires = 2000000000,
		.signed_at = 1000000000 };
	struct err e = ERR_INIT;
	struct jv *part = tuf_new_signed(&head, &e);

	assert_non_null(part);
	return part;
}

static struct record
record(uint64_t release)
{
	struct record r = { .release = release, .platform = "any", .version = "1.0",
		.listing = id((unsigned)release), .listing_bytes = 100, .files = 3,
		.content_bytes = 1000, .created = 1700000000, .usable = true };

	return r;
}

static void
put(struct jv *part, const char *path, struct jv *custom)
{
	struct sha256 hash = id(99);
	struct err e = ERR_INIT;

	assert_non_null(custom);
	assert_int_equal(tuf_set_target(part, path, 1234, &hash, custom, &e), 0);
}

static void
put_record(struct jv *part, const char *path, const struct record *r)
{
	struct err e = ERR_INIT;

	put(part, path, record_to_json(r, &e));
}

static void
put_delta(struct jv *part, const char *path, unsigned from, unsigned to)
{
	struct edge x = { .from = id(from), .to = id(to), .output_bytes = 10,
		.memory_bytes = 20 };
	struct err e = ERR_INIT;

	put(part, path, edge_to_json(&x, &e));
}

static void
records_come_back_as_they_were(void **state)
{
	struct jv *part = new_part();
	struct record r = record(42);
	struct catalog c;
	struct err e = ERR_INIT;

	(void)state;
	(void)snprintf(r.commit, sizeof r.commit, "%040d", 7);
	r.requires_release = 40;
	(void)snprintf(r.requires_applier, sizeof r.requires_applier, "0.1.0");
	r.data = DATA_FORWARD_ONLY;
	r.data_schema = 5;
	r.data_reads = 4;
	r.attempt = 2;
	put_record(part, "42/any.tree.zst", &r);
	assert_int_equal(catalog_read(part, "any", &c, &e), 0);
	assert_int_equal(c.n_records, 1);
	assert_int_equal(c.records[0].release, 42);
	assert_string_equal(c.records[0].version, "1.0");
	assert_string_equal(c.records[0].commit, r.commit);
	assert_string_equal(c.records[0].requires_applier, "0.1.0");
	assert_int_equal(c.records[0].created, r.created);
	assert_int_equal(c.records[0].requires_release, 40);
	assert_int_equal(c.records[0].data, DATA_FORWARD_ONLY);
	assert_int_equal(c.records[0].data_schema, 5);
	assert_int_equal(c.records[0].data_reads, 4);
	assert_int_equal(c.records[0].attempt, 2);
	assert_int_equal(c.records[0].object.bytes, 1234);
	assert_string_equal(c.records[0].object.path, "42/any.tree.zst");
	assert_true(c.records[0].usable);
	catalog_clear(&c);
	jv_free(part);
}

static void
a_record_counts_only_under_its_own_number_and_platform(void **state)
{
	struct jv *part = new_part();
	struct record r = record(42);
	struct catalog c;
	struct err e = ERR_INIT;

	(void)state;
	put_record(part, "43/any.tree.zst", &r);
	put_record(part, "42/linux-arm64.tree.zst", &r);
	assert_int_equal(catalog_read(part, "any", &c, &e), 0);
	assert_int_equal(c.n_records, 0);
	assert_int_equal(c.ignored, 2);
	catalog_clear(&c);
	assert_int_equal(catalog_read(part, "linux-arm64", &c, &e), 0);
	assert_int_equal(c.n_records, 0);
	catalog_clear(&c);
	jv_free(part);
}

static void
an_edge_counts_only_between_the_trees_of_its_records(void **state)
{
	struct jv *part = new_part();
	struct record a = record(1), b = record(2);
	struct catalog c;
	struct err e = ERR_INIT;

	(void)state;
	put_record(part, "1/any.tree.zst", &a);
	put_record(part, "2/any.tree.zst", &b);
	put_delta(part, "2/any.from-1.delta", 1, 2);
	assert_int_equal(catalog_read(part, "any", &c, &e), 0);
	assert_int_equal(c.n_edges, 1);
	assert_int_equal(c.edges[0].from_release, 1);
	catalog_clear(&c);
	put_delta(part, "2/any.from-1.delta", 9, 2);	/* another tree than release 1 */
	assert_int_equal(catalog_read(part, "any", &c, &e), 0);
	assert_int_equal(c.n_edges, 0);
	assert_int_equal(c.ignored, 1);
	catalog_clear(&c);
	jv_free(part);
}

static void
an_unknown_critical_name_makes_it_unusable(void **state)
{
	struct jv *part = new_part();
	struct record r = record(1);
	struct err e = ERR_INIT;
	struct jv *custom = record_to_json(&r, &e), *list = jv_new_list();
	struct catalog c;

	(void)state;
	assert_int_equal(jv_push(list, jv_new_text("moon-phase")), 0);
	assert_int_equal(jv_set(custom, "critical", list), 0);
	assert_int_equal(jv_set(custom, "moon-phase", jv_new_int(3)), 0);
	put(part, "1/any.tree.zst", custom);
	assert_int_equal(catalog_read(part, "any", &c, &e), 0);
	assert_int_equal(c.n_records, 1);
	assert_false(c.records[0].usable);
	catalog_clear(&c);
	jv_free(part);
}

static void
malformed_custom_is_skipped_and_counted(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"kind\":\"tree\"}",
		"{\"kind\":\"tree\",\"release\":-1}",
		"{\"kind\":\"tree\",\"release\":1,\"created\":\"yesterday\"}",
		"{\"kind\":\"full\",\"release\":1}",
	};
	struct catalog c;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct jv *part = new_part();

		put(part, "1/any.tree.zst", jv_parse(texts[i], strlen(texts[i]), &e));
		assert_int_equal(catalog_read(part, "any", &c, &e), 0);
		assert_int_equal(c.n_records, 0);
		assert_int_equal(c.ignored, 1);
		catalog_clear(&c);
		jv_free(part);
	}
}

static void
a_target_with_an_unknown_hash_hides_no_other(void **state)
{
	struct jv *part = new_part(), *hashes = jv_new_object();
	struct record one = record(1), two = record(2);
	struct err e = ERR_INIT;
	struct catalog c;

	(void)state;
	put_record(part, "1/any.tree.zst", &one);
	put_record(part, "2/any.tree.zst", &two);
	assert_int_equal(jv_set(hashes, "blake3", jv_new_text("00")), 0);
	assert_int_equal(jv_set(jv_get_mutable(jv_get_mutable(part, "targets"),
				    "1/any.tree.zst"), "hashes", hashes), 0);
	assert_int_equal(catalog_read(part, "any", &c, &e), 0);
	assert_int_equal(c.n_records, 1);
	assert_non_null(catalog_record(&c, 2));
	assert_int_equal(c.ignored, 1);
	catalog_clear(&c);
	jv_free(part);
}

static void
needs_name_the_first_capability_that_lacks(void **state)
{
	struct jv *needs = jv_new_list();
	const char *missing = NULL;

	(void)state;
	assert_true(needs_met(NULL, ability_known, &missing));
	assert_int_equal(jv_push(needs, jv_new_text("delta-1")), 0);
	assert_true(needs_met(needs, ability_known, &missing));
	assert_int_equal(jv_push(needs, jv_new_text("predict-aarch64-1")), 0);
	assert_true(needs_met(needs, ability_known, &missing));
	assert_int_equal(jv_push(needs, jv_new_text("telepathy-2")), 0);
	assert_false(needs_met(needs, ability_known, &missing));
	assert_string_equal(missing, "telepathy-2");
	jv_free(needs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back_as_they_were),
		cmocka_unit_test(a_record_counts_only_under_its_own_number_and_platform),
		cmocka_unit_test(an_edge_counts_only_between_the_trees_of_its_records),
		cmocka_unit_test(an_unknown_critical_name_makes_it_unusable),
		cmocka_unit_test(malformed_custom_is_skipped_and_counted),
		cmocka_unit_test(a_target_with_an_unknown_hash_hides_no_other),
		cmocka_unit_test(needs_name_the_first_capability_that_lacks),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
