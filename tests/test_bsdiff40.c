/*
 * Patches that no bsdiff wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/bsdiff40.h"
#include "mkdelta/encode/bzip2.h"
#include "mkdelta/encode/spill.h"

#define NEGATIVE(n) ((uint64_t)1 << 63 | (n))

static const uint8_t old_bytes[] = "0123456789";
enum { OLD_BYTES = 10 };

struct parts {
	const uint64_t *control;	/* n numbers */
	size_t n;
	const char *diff, *extra;
	size_t n_diff, n_extra;
	uint64_t new_bytes;
};

static int
file_of(const void *data, size_t n)
{
	struct err e = ERR_INIT;
	int fd = spill_file(&e);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, data, n), n);
	return fd;
}

static uint64_t
pack(const void *data, size_t n, struct buf *out)
{
	struct err e = ERR_INIT;
	struct bzwrite *z = bzwrite_open(out, &e);
	size_t before = out->len;

	assert_non_null(z);
	assert_int_equal(bzwrite_add(z, data, n, &e), 0);
	assert_int_equal(bzwrite_end(z, &e), 0);
	bzwrite_close(z);
	return out->len - before;
}

static void
make(const struct parts *p, struct buf *out)
{
	struct buf raw = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	uint8_t head[BSDIFF40_HEADER_BYTES] = BSDIFF40_MAGIC;
	uint64_t control, diff;

	for (size_t i = 0; i < p->n; i++) {
		uint8_t number[8];

		le64_store(number, p->control[i]);
		assert_int_equal(buf_add(&raw, number, sizeof number, &e), 0);
	}
	assert_int_equal(buf_add(out, head, sizeof head, &e), 0);
	control = pack(raw.data, raw.len, out);
	diff = pack(p->diff, p->n_diff, out);
	(void)pack(p->extra, p->n_extra, out);
	le64_store(out->data + 8, control);
	le64_store(out->data + 16, diff);
	le64_store(out->data + 24, p->new_bytes);
	buf_free(&raw);
}

static int
take(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return buf_add(arg, data, n, e);
}

/* 0, or the error's code; what was built is in got. */
static int
apply(const struct buf *patch, struct buf *got, struct err *e)
{
	int fd = file_of(patch->data, patch->len), old = file_of(old_bytes, OLD_BYTES);
	int rc;

	buf_reset(got);
	rc = bsdiff40_apply(fd, patch->len, old, OLD_BYTES, take, got, e);
	(void)close(fd);
	(void)close(old);
	return rc == 0 ? 0 : (int)e->code;
}

static void
must_be(int code, const char *text, const struct parts *p)
{
	struct buf patch = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	make(p, &patch);
	assert_int_equal(apply(&patch, &got, &e), code);
	if (code == 0)
		assert_string_equal(buf_text(&got), text);
	else if (strstr(e.text, text) == NULL)
		fail_msg("%s: lacks \"%s\"", e.text, text);
	buf_free(&patch);
	buf_free(&got);
}

#define STEPS(...) .control = (const uint64_t[]){ __VA_ARGS__ }, \
	.n = sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)
#define DIFF(s) .diff = (s), .n_diff = sizeof(s) - 1
#define EXTRA(s) .extra = (s), .n_extra = sizeof(s) - 1

static void
steps_copy_add_and_seek_both_ways(void **state)
{
	(void)state;
	must_be(0, "123x01", &(struct parts){ STEPS(0, 0, 1, 3, 1, NEGATIVE(4), 2, 0, 0),
	    DIFF("\0\0\0\0\0"), EXTRA("x"), .new_bytes = 6 });
	must_be(0, "13/", &(struct parts){ STEPS(3, 0, 0), DIFF("\1\2\xfd"), EXTRA(""),
	    .new_bytes = 3 });
	must_be(0, "", &(struct parts){ DIFF(""), EXTRA(""), .new_bytes = 0 });
	/* Where the last step leads does not matter; -0 is 0. */
	must_be(0, "0", &(struct parts){ STEPS(1, NEGATIVE(0), NEGATIVE(INT64_MAX)),
	    DIFF("\0"), EXTRA(""), .new_bytes = 1 });
}

static void
lengths_that_are_negative_or_too_long_are_refused(void **state)
{
	(void)state;
	must_be(ERR_FORMAT, "negative length", &(struct parts){ STEPS(NEGATIVE(1), 2, 0),
	    DIFF(""), EXTRA("xx"), .new_bytes = 2 });
	must_be(ERR_FORMAT, "negative length", &(struct parts){ STEPS(1, NEGATIVE(1), 0),
	    DIFF("\0"), EXTRA(""), .new_bytes = 2 });
	must_be(ERR_FORMAT, "past the new file", &(struct parts){ STEPS(3, 0, 0),
	    DIFF("\0\0\0"), EXTRA(""), .new_bytes = 2 });
	must_be(ERR_FORMAT, "past the new file", &(struct parts){ STEPS(1, INT64_MAX, 0),
	    DIFF("\0"), EXTRA("x"), .new_bytes = 2 });
	must_be(ERR_FORMAT, "size is negative", &(struct parts){ STEPS(1, 0, 0),
	    DIFF("\0"), EXTRA(""), .new_bytes = NEGATIVE(1) });
}

static void
copies_from_outside_of_the_old_file_are_refused(void **state)
{
	(void)state;
	must_be(0, "9", &(struct parts){ STEPS(0, 0, 9, 1, 0, 0), DIFF("\0"), EXTRA(""),
	    .new_bytes = 1 });
	must_be(ERR_FORMAT, "outside of the old", &(struct parts){ STEPS(0, 0, 10, 1, 0, 0),
	    DIFF("\0"), EXTRA(""), .new_bytes = 1 });
	must_be(ERR_FORMAT, "outside of the old", &(struct parts){
	    STEPS(0, 0, NEGATIVE(1), 1, 0, 0), DIFF("\0"), EXTRA(""), .new_bytes = 1 });
	must_be(ERR_FORMAT, "outside of the old", &(struct parts){ STEPS(11, 0, 0),
	    DIFF("\0\0\0\0\0\0\0\0\0\0\0"), EXTRA(""), .new_bytes = 11 });
	must_be(ERR_FORMAT, "more than any file", &(struct parts){
	    STEPS(1, 0, INT64_MAX, 1, 0, 0), DIFF("\0\0"), EXTRA(""), .new_bytes = 2 });
}

static void
streams_hold_exactly_what_the_steps_need(void **state)
{
	(void)state;
	must_be(ERR_FORMAT, "diff stream: ends too early", &(struct parts){ STEPS(2, 0, 0),
	    DIFF("\0"), EXTRA(""), .new_bytes = 2 });
	must_be(ERR_FORMAT, "diff stream: more than", &(struct parts){ STEPS(2, 0, 0),
	    DIFF("\0\0\0"), EXTRA(""), .new_bytes = 2 });
	must_be(ERR_FORMAT, "extra stream: ends too early", &(struct parts){
	    STEPS(0, 2, 0), DIFF(""), EXTRA("x"), .new_bytes = 2 });
	must_be(ERR_FORMAT, "extra stream: more than", &(struct parts){ STEPS(0, 1, 0),
	    DIFF(""), EXTRA("xy"), .new_bytes = 1 });
	must_be(ERR_FORMAT, "control stream: ends too early", &(struct parts){
	    STEPS(1, 0), DIFF("\0"), EXTRA(""), .new_bytes = 1 });
	must_be(ERR_FORMAT, "control stream: more than", &(struct parts){
	    STEPS(1, 0, 0, 1), DIFF("\0"), EXTRA(""), .new_bytes = 1 });
}

/* A terabyte of them fits into a megabyte of bzip2. */
static void
steps_that_do_nothing_end(void **state)
{
	static const uint64_t nothing[3000];

	(void)state;
	must_be(ERR_FORMAT, "too many steps", &(struct parts){ .control = nothing,
	    .n = 3000, DIFF("\0"), EXTRA(""), .new_bytes = 100 });
}

/* Each byte damaged, each length cut: refused, but for bits that mean nothing. */
static void
damage_is_refused(void **state)
{
	const struct parts p = { STEPS(0, 0, 1, 3, 1, NEGATIVE(4), 2, 0, 0),
	    DIFF("\0\1\0\0\5"), EXTRA("x"), .new_bytes = 6 };
	struct buf patch = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20), good;
	struct err e = ERR_INIT;
	size_t len;

	(void)state;
	buf_init(&good, 100);
	make(&p, &patch);
	assert_int_equal(apply(&patch, &got, &e), 0);
	assert_int_equal(buf_add(&good, got.data, got.len, &e), 0);
	for (size_t i = 0; i < patch.len * 8; i++) {
		patch.data[i / 8] ^= (uint8_t)(1 << i % 8);
		if (apply(&patch, &got, &e) == 0)
			/* Padding, or a block size. */
			assert_string_equal(buf_text(&got), buf_text(&good));
		else
			assert_int_equal(e.code, ERR_FORMAT);
		patch.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	len = patch.len;
	while (patch.len-- > 0)
		assert_int_equal(apply(&patch, &got, &e), ERR_FORMAT);
	patch.len = len;
	assert_int_equal(buf_add_byte(&patch, 0, &e), 0);
	assert_int_equal(apply(&patch, &got, &e), ERR_FORMAT);
	buf_free(&patch);
	buf_free(&got);
	buf_free(&good);
}

static void
round_trips_hold_with_any_memory(void **state)
{
	enum { N = 3 << 20 };
	uint8_t *old = malloc(N), *new = malloc(N);
	struct err e = ERR_INIT;
	uint64_t bytes;
	int a, b;

	(void)state;
	assert_non_null(old);
	assert_non_null(new);
	srand(3);
	for (size_t i = 0; i < N; i++)
		old[i] = (uint8_t)rand();
	/* It begins elsewhere in old, then goes back. */
	memcpy(new, old + N / 2, N / 2);
	memcpy(new + N / 2, old, N / 2);
	for (size_t i = 0; i < N; i += 5000)
		new[i]++;
	a = file_of(old, N);
	b = file_of(new, N);
	for (uint64_t memory = 1 << 20; memory <= 16 << 20; memory <<= 4) {
		int fd = file_of("", 0);

		assert_int_equal(bsdiff40_make(a, b, memory, fd, &bytes, &e), 0);
		if (memory == 16 << 20)
			assert_in_range(bytes, 100, 20000);
		(void)close(fd);
	}
	(void)close(a);
	(void)close(b);
	free(old);
	free(new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_copy_add_and_seek_both_ways),
		cmocka_unit_test(lengths_that_are_negative_or_too_long_are_refused),
		cmocka_unit_test(copies_from_outside_of_the_old_file_are_refused),
		cmocka_unit_test(streams_hold_exactly_what_the_steps_need),
		cmocka_unit_test(steps_that_do_nothing_end),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(round_trips_hold_with_any_memory),
	};

	return cmocka_run_group_tests_name("bsdiff40", tests, NULL, NULL);
}
