/*
 * What stands before any signature can be checked: the two files that nothing vouches
 * for, root and timestamp, in every form that a host can give them.  All of it is
 * refused, in order, and nothing of it stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_world.h"

static const char *const files[] = { "2.root.json", "timestamp.json" };

/* Refused as malformed or not trusted, by this program's own words. */
static void
check_bytes(struct tuf_world *w, const void *bytes, size_t n)
{
	for (int i = 0; i < 2; i++) {
		struct sim_file *f = sim_file(w->sim, files[i]);
		struct buf honest = BUF_INIT(1 << 20);
		struct err e = ERR_INIT;

		if (f != NULL)
			assert_int_equal(buf_add(&honest, f->bytes.data, f->bytes.len,
			    &e), 0);
		sim_put(w->sim, files[i], bytes, n);
		(void)tuf_world_refresh(w);
		if (w->lab->status != 4 || !lab_said(w->lab, "delta-apply: "))
			fail_msg("%.100s: status %d: %s", (const char *)bytes,
			    w->lab->status, w->lab->err);
		tuf_world_stored(w, "root.json snapshot.json targets.json timestamp.json");
		assert_int_equal(tuf_world_version(w, "root"), 1);
		assert_int_equal(tuf_world_version(w, "timestamp"), 1);
		if (f == NULL)
			sim_remove(w->sim, files[i]);
		else
			sim_put(w->sim, files[i], honest.data, honest.len);
		buf_free(&honest);
	}
}

static void
check_texts(struct tuf_world *w, const char *const *texts, size_t n)
{
	tuf_world_refreshes(w);
	for (size_t i = 0; i < n; i++)
		check_bytes(w, texts[i], strlen(texts[i]));
	tuf_world_refreshes(w);
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define SIGNED(member) "{\"signatures\":[],\"signed\":{" member "}}"

static void
json_of_an_unexpected_shape_is_refused(void **state)
{
	static const char *const texts[] = { "null", "true", "0", "\"x\"", "[]", "[{}]",
		"{}", "{\"signed\":null}", "{\"signatures\":null}",
		"{\"signed\":{},\"signatures\":{}}", "{\"signed\":[],\"signatures\":[]}",
		"{\"signed\":\"x\",\"signatures\":[]}",
		"{\"signed\":{},\"signatures\":[null]}",
		"{\"signed\":{},\"signatures\":[[]]}",
		"{\"signed\":{},\"signatures\":[{}]}",
		"{\"signed\":{},\"signatures\":[{\"keyid\":1,\"sig\":2}]}",
		"{\"signed\":{},\"signatures\":[{\"keyid\":\"a\",\"sig\":null}]}",
		"{\"signed\":{},\"signatures\":[{\"keyid\":\"\",\"sig\":\"\"}]}",
		SIGNED(""), SIGNED("\"_type\":1"), SIGNED("\"_type\":\"root\""),
		SIGNED("\"_type\":\"timestamp\",\"meta\":[]"),
		SIGNED("\"_type\":\"root\",\"keys\":[],\"roles\":[]"),
		SIGNED("\"_type\":\"root\",\"keys\":{\"a\":null},\"roles\":{\"root\":1}") };

	check_texts(*state, texts, COUNT(texts));
}

static void
json_that_is_not_strict_is_refused(void **state)
{
	static const char *const texts[] = { "", " ", "{", "{\"signed\":", "[[[[",
		"{\"a\":1,\"a\":2}", SIGNED("\"x\":1,\"x\":1"),
		SIGNED("\"x\":{\"y\":1,\"y\":2}"), SIGNED("\"x\":\"\\u0000\""),
		SIGNED("\"\\u0000\":1"), SIGNED("\"x\":\"\\ud800\""),
		SIGNED("\"x\":\"\\udc00\\ud800\""), SIGNED("\"x\":\"\xff\""),
		SIGNED("\"x\":\"\xc0\x80\""), SIGNED("\"x\":\"\xed\xa0\x80\""),
		SIGNED("\"x\":9223372036854775808"), SIGNED("\"x\":-9223372036854775809"),
		SIGNED("\"x\":1e400"), SIGNED("\"x\":1.5"), SIGNED("\"x\":1e2"),
		SIGNED("\"x\":01"), SIGNED("\"x\":NaN"), SIGNED("\"x\":'1'"),
		SIGNED("\"x\":1,"), SIGNED("x:1"), SIGNED("\"x\":\"\\x41\""),
		SIGNED("\"x\":\"a\nb\""), SIGNED("\"x\":1") " {}",
		"\xef\xbb\xbf" SIGNED("\"x\":1"), "// x\n" SIGNED("\"x\":1") };

	check_texts(*state, texts, COUNT(texts));
}

/* Depth and number are bounded before a parser takes memory for them. */
static void
json_without_measure_is_refused(void **state)
{
	static const struct {
		const char *piece;
		size_t times;
	} cases[] = { { "[", 33 }, { "[", 400 }, { "{\"a\":", 33 }, { "[", 16000 },
		{ "{\"a\":", 3000 }, { "[],", 5000 }, { "\"", 1 }, { "1,", 8000 } };
	struct tuf_world *w = *state;
	char *text = malloc(1 << 20);

	assert_non_null(text);
	tuf_world_refreshes(w);
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].piece), at = 0;

		if (cases[i].piece[0] != '{' && cases[i].times > 100)
			text[at++] = '[';
		for (size_t k = 0; k < cases[i].times; k++, at += n)
			memcpy(text + at, cases[i].piece, n);
		text[at] = '\0';
		/* Memory beyond what a small machine has would show here. */
		(void)snprintf(w->before, sizeof w->before, "%s", lab_run(w->lab,
		    "ulimit -v 400000 && delta-apply --version") == 0 ?
		    "ulimit -v 400000;" : "");
		check_bytes(w, text, at);
	}
	free(text);
}

static void
bytes_that_are_no_text_are_refused(void **state)
{
	struct tuf_world *w = *state;
	uint8_t bytes[512];
	unsigned seed = 5;

	tuf_world_refreshes(w);
	check_bytes(w, "\0", 1);
	check_bytes(w, "{\"signed\":{}\0}", 14);
	for (int round = 0; round < 6; round++) {
		for (size_t i = 0; i < sizeof bytes; i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (uint8_t)(seed >> 16);
		}
		check_bytes(w, bytes, sizeof bytes);
	}
}

/* An honest file, cut off anywhere or with a byte changed anywhere. */
static void
damaged_files_are_refused(void **state)
{
	struct tuf_world *w = *state;
	const struct sim_file *f;
	uint8_t *copy;
	size_t n;

	tuf_world_refreshes(w);
	sim_bump(w->sim, "timestamp");
	sim_sign_as(w->sim, "timestamp", "next");
	f = sim_file(w->sim, "next");
	n = f->bytes.len;
	copy = malloc(n);
	assert_non_null(copy);
	for (size_t at = 0; at < n; at += 1 + n / 16) {
		memcpy(copy, f->bytes.data, n);
		check_bytes(w, copy, at);
		copy[at] ^= 0x80;
		check_bytes(w, copy, n);
	}
	free(copy);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, tuf_world_open, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(json_of_an_unexpected_shape_is_refused),
		FLOW(json_that_is_not_strict_is_refused),
		FLOW(json_without_measure_is_refused),
		FLOW(bytes_that_are_no_text_are_refused),
		FLOW(damaged_files_are_refused),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
