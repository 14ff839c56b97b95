/*
 * test_deflate.c - inflating and deflating by streams, and the names of behaviours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "apply/patch/packing.h"
#include "manifest/base/hash.h"
#include "tests/lab/streams.h"

enum { PLAIN = 300000 };

static struct arena arena = { .limit = 4 << 20 };

static void
deflate_by(struct deflater *x, const struct deflate_params *p, const uint8_t *plain,
    size_t n, size_t piece, struct buf *out)
{
	struct sink to = streams_sink(out);
	struct err e = ERR_INIT;

	assert_int_equal(deflater_start(x, p, &to, &e), 0);
	for (size_t at = 0; at < n; at += piece)
		assert_int_equal(deflater_add(x, plain + at,
		    n - at < piece ? n - at : piece, &e), 0);
	assert_int_equal(deflater_end(x, &e), 0);
}

static void
every_set_of_parameters_gives_what_zlib_gives(void **state)
{
	uint8_t *plain = streams_text(PLAIN, 1);
	struct err e = ERR_INIT;
	struct deflater *x = deflater_new(&arena, &e);
	struct buf want = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);

	(void)state;
	assert_non_null(x);
	for (uint64_t code = 0; code < DEFLATE_CODES; code += 7) {
		struct deflate_params p;

		if (!deflate_by_zlib(code))
			continue;
		assert_int_equal(deflate_decode(code, &p), 0);
		assert_int_equal(deflate_code(&p), code);
		buf_reset(&want);
		buf_reset(&got);
		streams_raw(&want, plain, 40000, &p);
		deflate_by(x, &p, plain, 40000, 40000, &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
	}
	deflater_free(&arena, x);
	assert_int_equal(arena.used, 0);
	buf_free(&want);
	buf_free(&got);
	free(plain);
}

static void
codes_name_all_that_zlib_takes_and_nothing_else(void **state)
{
	struct deflate_params p;
	unsigned gnu = 0;

	(void)state;
	for (uint64_t code = 0; code < DEFLATE_CODES; code++) {
		if (deflate_decode(code, &p) == -1) {
			assert_false(deflate_by_zlib(code));
			continue;
		}
		gnu += p.strategy == DEFLATE_GNU;
		assert_int_equal(deflate_by_zlib(code), p.strategy != DEFLATE_GNU);
		assert_in_range(p.level, 1, 9);
		assert_in_range(p.mem_level, 1, 9);
		assert_in_range(p.window_bits, 9, 15);
		assert_int_equal(deflate_code(&p), code);
	}
	assert_int_equal(gnu, 6);		/* levels 4 to 9 */
	assert_int_equal(deflate_code(&streams_usual), 0);
	assert_int_equal(deflate_decode(DEFLATE_CODES, &p), -1);
	assert_int_equal(deflate_decode(UINT64_MAX, &p), -1);
}

static void
pieces_do_not_matter(void **state)
{
	static const size_t pieces[] = { 1, 7, 32767, 32768, 32769, PLAIN };
	struct err e = ERR_INIT;
	struct deflater *x = deflater_new(&arena, &e);
	struct buf plain = BUF_INIT(1 << 20), first = BUF_INIT(1 << 20),
	    got = BUF_INIT(1 << 20);
	const struct deflate_params p = { 9, 9, DEFLATE_PLAIN, 15 };

	(void)state;
	streams_noise(&plain, PLAIN, 9);	/* blocks without compression */
	streams_raw(&first, plain.data, plain.len, &p);
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		buf_reset(&got);
		deflate_by(x, &p, plain.data, plain.len, pieces[i], &got);
		assert_int_equal(got.len, first.len);
		assert_memory_equal(got.data, first.data, first.len);
	}
	deflater_free(&arena, x);
	buf_free(&plain);
	buf_free(&first);
	buf_free(&got);
}

static int
inflate_pieces(struct inflater *x, const struct buf *packed, size_t piece,
    struct buf *out, struct err *e)
{
	const uint8_t *p = packed->data;
	size_t left = packed->len;
	int rc = inflater_start(x, e);

	while (rc == 0) {
		uint8_t block[100], *to = block;
		size_t room = sizeof block, n = left < piece ? left : piece, was = n;

		if (n == 0)
			return 0;
		rc = inflater_run(x, &p, &n, &to, &room, e);
		left -= was - n;
		assert_int_equal(buf_add(out, block, sizeof block - room, e), 0);
	}
	return rc;
}

static void
what_was_deflated_inflates(void **state)
{
	static const size_t pieces[] = { 1, 13, 1000000 };
	uint8_t *plain = streams_text(PLAIN, 2);
	struct err e = ERR_INIT;
	struct inflater *x = inflater_new(&arena, &e);
	struct buf packed = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);

	(void)state;
	streams_raw(&packed, plain, PLAIN, &streams_usual);
	for (size_t i = 0; i < 3; i++) {
		buf_reset(&got);
		assert_int_equal(inflate_pieces(x, &packed, pieces[i], &got, &e), 1);
		assert_int_equal(got.len, PLAIN);
		assert_memory_equal(got.data, plain, PLAIN);
	}
	packed.len /= 2;
	buf_reset(&got);
	assert_int_equal(inflate_pieces(x, &packed, 1000, &got, &e), 0);
	packed.data[0] = 0xff;		/* a block of no known kind */
	assert_int_equal(inflate_pieces(x, &packed, 1000, &got, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	inflater_free(&arena, x);
	assert_int_equal(arena.used, 0);
	buf_free(&packed);
	buf_free(&got);
	free(plain);
}

static void
memory_is_what_the_arena_gives(void **state)
{
	struct arena small = { .limit = 100000 };
	struct err e = ERR_INIT;

	(void)state;
	assert_null(deflater_new(&small, &e));
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(small.used, 0);
}

/* The vector is part of the format: another one would be another name. */
static void
the_vector_stays_what_it_is(void **state)
{
	uint8_t *v = malloc(DEFLATE_VECTOR_BYTES);
	char hex[SHA256_HEX_MAX];
	struct err e = ERR_INIT;
	struct sha256 id;

	(void)state;
	assert_non_null(v);
	deflate_vector(v);
	assert_int_equal(sha256_of(v, DEFLATE_VECTOR_BYTES, &id, &e), 0);
	assert_string_equal(sha256_hex(&id, hex),
	    "3dcbdb47fd5b9e764937861bfde2b07d680e1889aba62cfd7b9a89d02c7a4845");
	free(v);
}

static void
the_vector_tells_parameters_apart(void **state)
{
	static const struct deflate_params p[] = { { 1, 8, 0, 15 }, { 2, 8, 0, 15 },
		{ 3, 8, 0, 15 }, { 4, 8, 0, 15 }, { 5, 8, 0, 15 }, { 6, 8, 0, 15 },
		{ 7, 8, 0, 15 }, { 8, 8, 0, 15 }, { 9, 8, 0, 15 }, { 6, 9, 0, 15 },
		{ 6, 8, DEFLATE_FILTERED, 15 }, { 6, 8, DEFLATE_HUFFMAN, 15 },
		{ 6, 8, DEFLATE_RLE, 15 }, { 6, 8, DEFLATE_FIXED, 15 },
		{ 6, 8, 0, 14 } };
	enum { N = sizeof p / sizeof p[0] };
	char need[N][PACKING_NEED_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(packing_need(deflate_code(&p[i]), 20, need[i], &e), 0);
		assert_int_equal(packing_meets(need[i], &e), 1);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(strchr(need[i], ':'),
			    strchr(need[k], ':'));
	}
}

static void
a_device_that_answers_otherwise_says_so(void **state)
{
	static const char *const bad[] = { "deflate-6-8-0-15:0000000000000000",
		"deflate-0-8-0-15:0000000000000000", "deflate-6-10-0-15:00",
		"deflate-6-8-5-15:00",
		"deflate-9-8-5-15:00", "deflate-6-8-0-8:00", "deflate-", "delta-1", "" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(packing_meets(bad[i], &e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_set_of_parameters_gives_what_zlib_gives),
		cmocka_unit_test(codes_name_all_that_zlib_takes_and_nothing_else),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(what_was_deflated_inflates),
		cmocka_unit_test(memory_is_what_the_arena_gives),
		cmocka_unit_test(the_vector_stays_what_it_is),
		cmocka_unit_test(the_vector_tells_parameters_apart),
		cmocka_unit_test(a_device_that_answers_otherwise_says_so),
	};

	return cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
}
