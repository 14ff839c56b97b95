/*
 * test_gnudeflate.c - the bytes of GNU gzip 1.12, by the SHA-256 of what it made:
 *
 *	head -c N vector | gzip -n -LEVEL | tail -c +11 | head -c -8 | sha256sum
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/deflate.h"
#include "apply/patch/gnudeflate.h"
#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"
#include "tests/lab/streams.h"

enum { SHOWN = 8 };

static uint8_t *vector;
static struct gnudeflate *maker;

static int
open_vector(void **state)
{
	(void)state;
	vector = malloc(DEFLATE_VECTOR_BYTES);
	maker = malloc(sizeof *maker);
	assert_non_null(vector);
	assert_non_null(maker);
	deflate_vector(vector);
	memset(maker, 0xa5, sizeof *maker);	/* what was there does not matter */
	return 0;
}

static int
close_vector(void **state)
{
	(void)state;
	free(vector);
	free(maker);
	return 0;
}

static void
make(unsigned level, const uint8_t *data, size_t n, size_t piece, struct buf *out)
{
	struct sink to = streams_sink(out);
	struct err e = ERR_INIT;

	buf_reset(out);
	gnudeflate_start(maker, level, &to);
	for (size_t at = 0; at < n; at += piece)
		assert_int_equal(gnudeflate_add(maker, data + at,
		    n - at < piece ? n - at : piece, &e), 0);
	assert_int_equal(gnudeflate_end(maker, &e), 0);
}

static void
assert_made(unsigned level, size_t n, size_t piece, const char *want)
{
	struct buf out = BUF_INIT(4 << 20);
	char hex[2 * SHOWN + 1];
	struct err e = ERR_INIT;
	struct sha256 id;

	make(level, vector, n, piece, &out);
	assert_int_equal(sha256_of(out.data, out.len, &id, &e), 0);
	hex_encode(hex, id.bytes, SHOWN);
	if (strcmp(hex, want) != 0)
		fail_msg("level %u, %zu bytes: %s", level, n, hex);
	buf_free(&out);
}

static void
each_level_gives_what_gzip_gives(void **state)
{
	static const char *const want[] = { "7055966261623905", "d7e764c02df6c6d4",
		"94dd6a615527bc7d", "9345a899696ce782", "8cc30e06aa1f1c1c",
		"6267006beb64a248" };

	(void)state;
	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++)
		assert_made(GNU_LEVEL_MIN + i, DEFLATE_VECTOR_BYTES, 100000, want[i]);
}

static void
each_length_gives_what_gzip_gives(void **state)
{
	static const struct {
		size_t n;
		const char *want;
	} lengths[] = { { 0, "9b4fb24edd6d1d88" }, { 1, "dcc9103156bc40ea" },
		{ 3, "5cd356396e65db6f" }, { 261, "33abc2de1a786166" },
		{ 262, "e5cc4798d9722961" }, { 263, "663d3309a7cc6d9c" },
		{ 65274, "d4948a47f782e716" }, { 65535, "6d790fefb7ef008f" },
		{ 65536, "9eeba2b8914e8263" }, { 65537, "26e5f13be100780d" },
		{ 98041, "ff666d61fbfc9c70" }, { 98042, "05bf6fc16fe4dc39" },
		{ 98043, "16b28c5260cfee30" }, { 131072, "1af05cee7c8e6bb4" },
		{ 600000, "1e8926daf15d8962" } };

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		assert_made(9, lengths[i].n, 4096, lengths[i].want);
}

static void
pieces_do_not_matter(void **state)
{
	static const size_t pieces[] = { 1, 7, 65535, 65536, DEFLATE_VECTOR_BYTES };

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
		assert_made(9, 600000, pieces[i], "1e8926daf15d8962");
}

static void
what_was_made_inflates(void **state)
{
	struct arena arena = { .limit = 1 << 20 };
	struct buf out = BUF_INIT(4 << 20);
	uint8_t *plain = malloc(DEFLATE_VECTOR_BYTES + 1), *to = plain;
	struct err e = ERR_INIT;
	struct inflater *x = inflater_new(&arena, &e);
	size_t room = DEFLATE_VECTOR_BYTES + 1, left;
	const uint8_t *p;

	(void)state;
	assert_non_null(plain);
	assert_non_null(x);
	make(5, vector, DEFLATE_VECTOR_BYTES, 5000, &out);
	p = out.data;
	left = out.len;
	assert_int_equal(inflater_start(x, &e), 0);
	assert_int_equal(inflater_run(x, &p, &left, &to, &room, &e), 1);
	assert_int_equal(room, 1);
	assert_int_equal(left, 0);
	assert_memory_equal(plain, vector, DEFLATE_VECTOR_BYTES);
	inflater_free(&arena, x);
	buf_free(&out);
	free(plain);
}

static int
refuse(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	(void)arg;
	(void)data;
	(void)n;
	return err_set(e, ERR_ROOM, "the disk is full");
}

static void
an_error_of_the_sink_comes_through(void **state)
{
	struct sink full = { NULL, refuse };
	struct err e = ERR_INIT;

	(void)state;
	gnudeflate_start(maker, 6, &full);
	assert_int_equal(gnudeflate_add(maker, vector, 300000, &e), -1);
	assert_int_equal(e.code, ERR_ROOM);
	gnudeflate_start(maker, 6, &full);
	assert_int_equal(gnudeflate_end(maker, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_level_gives_what_gzip_gives),
		cmocka_unit_test(each_length_gives_what_gzip_gives),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(what_was_made_inflates),
		cmocka_unit_test(an_error_of_the_sink_comes_through),
	};

	return cmocka_run_group_tests_name("gnudeflate", tests, open_vector, close_vector);
}
