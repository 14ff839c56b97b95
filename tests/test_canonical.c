#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/jv.h"

/* JSON text in, the one canonical form out. */
static const struct {
	const char *json, *canonical;
} cases[] = {
	{ "{}", "{}" },
	{ "[ ]", "[]" },
	{ " { \"b\" : [ 1 , true , false , null ] , \"a\" : { } } ",
	    "{\"a\":{},\"b\":[1,true,false,null]}" },
	/* decoded first, then only quote and backslash are escaped */
	{ "[\"\\u00e9 \\/ \\\\ \\\"\"]", "[\"\xc3\xa9 / \\\\ \\\"\"]" },
	{ "[\"\\n\\t\\u0001\\u007f\\b\"]", "[\"\n\t\x01\x7f\b\"]" },
	{ "[\"\\ud83d\\ude00\"]", "[\"\xf0\x9f\x98\x80\"]" },
	/* no normalisation: e and a combining accent stay two */
	{ "[\"e\\u0301\"]", "[\"e\xcc\x81\"]" },
	{ "[-0, 0, -1, 9223372036854775807, -9223372036854775808]",
	    "[0,0,-1,9223372036854775807,-9223372036854775808]" },
	/* by bytes of UTF-8, where UTF-16 would put U+1F600 before U+FF01 */
	{ "{\"\\ud83d\\ude00\":1,\"\\uff01\":2,\"Z\":3,\"a\":4,\"\":5,\"aa\":6}",
	    "{\"\":5,\"Z\":3,\"a\":4,\"aa\":6,\"\xef\xbc\x81\":2,\"\xf0\x9f\x98\x80\":"
	    "1}" },
	{ "{\"a\\\"b\":1,\"a\\nb\":2}", "{\"a\nb\":2,\"a\\\"b\":1}" },
};

static void
canonical_form_is_the_one_of_olpc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct jv *v = jv_parse(cases[i].json, strlen(cases[i].json), &e);

		assert_non_null(v);
		assert_int_equal(jv_canonical(v, &out, &e), 0);
		assert_string_equal(buf_text(&out), cases[i].canonical);
		jv_free(v);
		buf_free(&out);
	}
}

static void
canonical_form_has_no_fractions(void **state)
{
	static const char *const bad[] = { "[1.5]", "[1.0]", "[1e3]",
		"{\"a\":{\"b\":-0.0}}" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct jv *v = jv_parse(bad[i], strlen(bad[i]), &e);

		assert_non_null(v);
		assert_int_equal(buf_add_text(&out, "before", &e), 0);
		assert_int_equal(jv_canonical(v, &out, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_int_equal(out.len, 6);
		jv_free(v);
		buf_free(&out);
	}
}

static void
canonical_form_keeps_to_the_limit_of_its_buffer(void **state)
{
	struct buf out = BUF_INIT(4);
	struct err e = ERR_INIT;
	struct jv *v = jv_parse("[1,2,3]", 7, &e);

	(void)state;
	assert_int_equal(jv_canonical(v, &out, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	jv_free(v);
	buf_free(&out);
}

static void
canonical_form_of_a_built_tree_stops_at_a_depth(void **state)
{
	struct jv *v = jv_new_list();
	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct jv *outer = jv_new_list();

		assert_int_equal(jv_push(outer, v), 0);
		v = outer;
	}
	assert_int_equal(jv_canonical(v, &out, &e), -1);
	jv_free(v);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_form_is_the_one_of_olpc),
		cmocka_unit_test(canonical_form_has_no_fractions),
		cmocka_unit_test(canonical_form_keeps_to_the_limit_of_its_buffer),
		cmocka_unit_test(canonical_form_of_a_built_tree_stops_at_a_depth),
	};

	return cmocka_run_group_tests_name("canonical", tests, NULL, NULL);
}
