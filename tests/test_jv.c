#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/jv.h"

static struct jv *
parse(const char *text)
{
	struct err e = ERR_INIT;

	return jv_parse(text, strlen(text), &e);
}

static void
jv_reads_every_kind(void **state)
{
	struct jv *v = parse("{\"t\":\"x\",\"i\":-7,\"b\":true,\"n\":null,"
			     "\"r\":1.5,\"l\":[1,2],\"o\":{}}");
	int64_t n = 0;

	(void)state;
	assert_non_null(v);
	assert_string_equal(jv_text(jv_get(v, "t")), "x");
	assert_int_equal(jv_int(jv_get(v, "i"), &n), 0);
	assert_int_equal(n, -7);
	assert_true(jv_bool(jv_get(v, "b"), false));
	assert_int_equal(jv_kind(jv_get(v, "n")), JV_NULL);
	assert_int_equal(jv_kind(jv_get(v, "r")), JV_REAL);
	assert_int_equal(jv_count(jv_get(v, "l")), 2);
	assert_int_equal(jv_kind(jv_get(v, "o")), JV_OBJECT);
	assert_null(jv_get(v, "absent"));
	assert_null(jv_text(jv_get(v, "i")));
	assert_int_equal(jv_int(jv_get(v, "t"), &n), -1);
	assert_null(jv_at(jv_get(v, "l"), 2));
	jv_free(v);
}

static void
jv_refuses_what_is_no_strict_json(void **state)
{
	static const struct {
		const char *why, *text;
		size_t n; /* 0: strlen */
	} bad[] = {
		{ "nothing", "", 0 },
		{ "a bare value", "7", 0 },
		{ "trailing data", "{} x", 0 },
		{ "two values", "{}{}", 0 },
		{ "duplicate keys", "{\"a\":1,\"a\":1}", 0 },
		{ "duplicate keys by escape", "{\"a\":1,\"\\u0061\":1}", 0 },
		{ "broken UTF-8", "{\"a\":\"\xff\"}", 0 },
		{ "overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", 0 },
		{ "a UTF-8 surrogate", "{\"a\":\"\xed\xa0\x80\"}", 0 },
		{ "a lone high surrogate", "{\"a\":\"\\ud800\"}", 0 },
		{ "a lone low surrogate", "{\"a\":\"\\udc00\"}", 0 },
		{ "NUL by escape", "{\"a\":\"\\u0000\"}", 0 },
		{ "NUL in a key", "{\"a\\u0000\":1}", 0 },
		{ "a raw NUL", "{\"a\":\"\0\"}", 9 },
		{ "over int64", "{\"a\":9223372036854775808}", 0 },
		{ "under int64", "{\"a\":-9223372036854775809}", 0 },
		{ "a leading zero", "{\"a\":01}", 0 },
		{ "a plus sign", "{\"a\":+1}", 0 },
		{ "NaN", "{\"a\":NaN}", 0 },
		{ "a raw newline in text", "{\"a\":\"\n\"}", 0 },
		{ "a trailing comma", "[1,]", 0 },
		{ "a comment", "{} // x", 0 },
		{ "an open list", "[1", 0 },
		{ "an open string", "[\"a", 0 },
		{ "a BOM", "\xef\xbb\xbf{}", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		size_t n = bad[i].n != 0 ? bad[i].n : strlen(bad[i].text);
		struct err e = ERR_INIT;

		if (jv_parse(bad[i].text, n, &e) != NULL)
			fail_msg("accepted %s", bad[i].why);
		assert_int_equal(e.code, ERR_FORMAT);
	}
}

static char *
repeated(const char *open, size_t times, const char *middle, const char *close)
{
	char *text = malloc(times * (strlen(open) + strlen(close)) + strlen(middle) + 1);
	char *p = text;

	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		p = stpcpy(p, open);
	p = stpcpy(p, middle);
	for (size_t i = 0; i < times; i++)
		p = stpcpy(p, close);
	return text;
}

static void
jv_nests_32_deep_and_no_deeper(void **state)
{
	char *good = repeated("[", 32, "", "]"), *bad = repeated("[", 33, "", "]");
	char *mixed = repeated("{\"a\":[", 17, "1", "]}");
	struct jv *v = parse(good);

	(void)state;
	assert_non_null(v);
	jv_free(v);
	assert_null(parse(bad));
	assert_null(parse(mixed));
	free(good);
	free(bad);
	free(mixed);
}

static void
jv_bounds_the_number_of_values(void **state)
{
	char *good = repeated("1,", 99998, "1", ""),
	     *bad = repeated("{},", 100001, "1", "");
	char *text = malloc(strlen(bad) + 3);
	struct jv *v;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(text);
	(void)sprintf(text, "[%s]", good);
	v = parse(text);
	assert_non_null(v);
	assert_int_equal(jv_count(v), 99999);
	jv_free(v);
	(void)sprintf(text, "[%s]", bad);
	assert_null(jv_parse(text, strlen(text), &e));
	assert_non_null(strstr(e.text, "more than 100000 values"));
	free(text);
	free(good);
	free(bad);
}

static void
jv_brackets_in_strings_do_not_nest(void **state)
{
	char *deep = repeated("[", 100, "\\\"", "{");
	char *text = malloc(strlen(deep) + 16);
	struct jv *v;

	(void)state;
	assert_non_null(text);
	(void)sprintf(text, "[\"%s\"]", deep);
	v = parse(text);
	assert_non_null(v);
	jv_free(v);
	free(text);
	free(deep);
}

static void
jv_names_the_member_that_is_wrong(void **state)
{
	struct jv *v = parse("{\"n\":\"x\",\"i\":5,\"m\":-1}");
	struct err e = ERR_INIT;
	uint64_t u;
	int64_t i;

	(void)state;
	assert_null(jv_get_text(v, "zz", &e));
	assert_string_equal(e.text, "\"zz\" is missing");
	assert_null(jv_get_text(v, "i", &e));
	assert_string_equal(e.text, "\"i\" is not a string");
	assert_int_equal(jv_get_int(v, "i", 6, 9, &i, &e), -1);
	assert_string_equal(e.text, "\"i\" is 5, outside 6 to 9");
	assert_int_equal(jv_get_u64(v, "m", &u, &e), -1);
	assert_int_equal(jv_get_u64(v, "i", &u, &e), 0);
	assert_int_equal(u, 5);
	jv_free(v);
}

static void
jv_builds_and_prints_in_the_order_of_building(void **state)
{
	struct jv *v = jv_new_object(), *l = jv_new_list(), *taken;
	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(jv_set(v, "z", jv_new_int(1)), 0);
	assert_int_equal(jv_push(l, jv_new_text("\xc3\xa9\x1b[31m")), 0);
	assert_int_equal(jv_set(v, "a", l), 0);
	assert_int_equal(jv_set(v, "gone", jv_new_null()), 0);
	assert_int_equal(jv_remove(v, "gone"), 0);
	assert_int_equal(jv_set(v, "bad", jv_new_text("\xff")), -1);
	assert_int_equal(jv_print_line(v, &out, &e), 0);
	assert_string_equal(buf_text(&out), "{\"z\":1,\"a\":[\"\\u00E9\\u001B[31m\"]}");
	buf_reset(&out);
	assert_int_equal(jv_print_sorted(v, &out, &e), 0);
	assert_string_equal(buf_text(&out), "{\"a\":[\"\xc3\xa9\\u001B[31m\"],\"z\":1}");
	taken = jv_take(v, "a");
	assert_int_equal(jv_count(taken), 1);
	assert_null(jv_get(v, "a"));
	jv_free(taken);
	jv_free(v);
	buf_free(&out);
}

static void
jv_print_keeps_to_the_limit_of_its_buffer(void **state)
{
	struct jv *v = parse("[\"0123456789\"]");
	struct buf out = BUF_INIT(8);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(jv_print_line(v, &out, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(out.len, 0);
	jv_free(v);
	buf_free(&out);
}

static void
jv_each_walks_in_order_of_appearance(void **state)
{
	struct jv *v = parse("{\"b\":1,\"a\":2,\"c\":3}");
	const struct jv *value;
	const char *key;
	char seen[8] = "";
	size_t n = 0;
	void *it = NULL;

	(void)state;
	while (jv_each(v, &it, &key, &value))
		seen[n++] = key[0];
	assert_string_equal(seen, "bac");
	jv_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jv_reads_every_kind),
		cmocka_unit_test(jv_refuses_what_is_no_strict_json),
		cmocka_unit_test(jv_nests_32_deep_and_no_deeper),
		cmocka_unit_test(jv_bounds_the_number_of_values),
		cmocka_unit_test(jv_brackets_in_strings_do_not_nest),
		cmocka_unit_test(jv_names_the_member_that_is_wrong),
		cmocka_unit_test(jv_builds_and_prints_in_the_order_of_building),
		cmocka_unit_test(jv_print_keeps_to_the_limit_of_its_buffer),
		cmocka_unit_test(jv_each_walks_in_order_of_appearance),
	};

	return cmocka_run_group_tests_name("jv", tests, NULL, NULL);
}
