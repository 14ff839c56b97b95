/*
 * test_zread.c - the doorways of both packers, writing and reading.
 */
#include <sys/mman.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/delta_format.h"
#include "apply/patch/lzread.h"
#include "apply/patch/zread.h"
#include "mkdelta/encode/lzwrite.h"
#include "mkdelta/encode/zwrite.h"

enum { PLAIN_BYTES = 300000, FRONT_BYTES = 7 };

/* Half noise, half repetition; depends on nothing. */
static uint8_t *
plain_bytes(void)
{
	uint8_t *data = malloc(PLAIN_BYTES);
	uint32_t x = 1;

	assert_non_null(data);
	for (size_t i = 0; i < PLAIN_BYTES; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = i / 1000 % 2 == 0 ? (uint8_t)(x >> 24) : (uint8_t)(i % 50);
	}
	return data;
}

/* A file with `packed` in it, behind and before other bytes. */
static int
file_of(const struct buf *packed, size_t n)
{
	int fd = memfd_create("packed", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, "\xff\xff\xff\xff\xff\xff\xff", FRONT_BYTES),
	    FRONT_BYTES);
	assert_int_equal(write(fd, packed->data, n), n);
	assert_int_equal(write(fd, "\xff\xff\xff", 3), 3);
	return fd;
}

static void
add_frame(struct buf *out, const uint8_t *data, size_t n, unsigned window_log)
{
	struct err e = ERR_INIT;

	assert_int_equal(zwrite_frame(data, n, 3, window_log, out, &e), 0);
}

static void
add_skippable(struct buf *out, const char *text)
{
	uint8_t head[8] = { 0x50, 0x2a, 0x4d, 0x18, (uint8_t)strlen(text), 0, 0, 0 };
	struct err e = ERR_INIT;

	assert_int_equal(buf_add(out, head, sizeof head, &e), 0);
	assert_int_equal(buf_add_text(out, text, &e), 0);
}

/* Read in pieces of `step`; must be exactly plain[0..n). */
static void
must_read(const struct buf *packed, const uint8_t *plain, size_t n, size_t step)
{
	int fd = file_of(packed, packed->len);
	struct err e = ERR_INIT;
	struct zread *z = zread_open(fd, FRONT_BYTES, packed->len, 20, &e);
	uint8_t *piece = malloc(step);
	size_t at = 0, got;

	assert_non_null(z);
	assert_non_null(piece);
	do {
		assert_int_equal(zread_some(z, piece, step, &got, &e), 0);
		assert_true(got <= n - at);
		assert_memory_equal(piece, plain + at, got);
		at += got;
	} while (got > 0);
	assert_int_equal(at, n);
	assert_int_equal(zread_exact(z, piece, 1, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	zread_close(z);
	free(piece);
	(void)close(fd);
}

static void
frames_and_skippable_frames_are_read_through(void **state)
{
	struct buf packed = BUF_INIT(1 << 20);
	uint8_t *plain = plain_bytes();

	(void)state;
	add_skippable(&packed, "in front");
	add_frame(&packed, plain, 100000, 18);
	add_frame(&packed, plain, 0, 18);
	add_skippable(&packed, "between");
	add_frame(&packed, plain + 100000, PLAIN_BYTES - 100000, 18);
	add_skippable(&packed, "");
	must_read(&packed, plain, PLAIN_BYTES, 1000);
	must_read(&packed, plain, PLAIN_BYTES, 131072);
	must_read(&packed, plain, PLAIN_BYTES, PLAIN_BYTES + 5);
	buf_free(&packed);
	free(plain);
}

static void
nothing_is_read_from_nothing(void **state)
{
	struct buf packed = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_add(&packed, "", 0, &e), 0);
	must_read(&packed, (const uint8_t *)"", 0, 10);
	add_frame(&packed, (const uint8_t *)"", 0, 18);
	must_read(&packed, (const uint8_t *)"", 0, 10);
	buf_free(&packed);
}

static void
a_stream_in_pieces_is_read(void **state)
{
	struct buf packed = BUF_INIT(1 << 20);
	uint8_t *plain = plain_bytes();
	struct err e = ERR_INIT;
	struct zwrite *z = zwrite_open(19, 18, PLAIN_BYTES, &packed, &e);

	(void)state;
	assert_non_null(z);
	for (size_t at = 0; at < PLAIN_BYTES; at += 7500)
		assert_int_equal(zwrite_add(z, plain + at, 7500, &e), 0);
	assert_int_equal(zwrite_end(z, &e), 0);
	zwrite_close(z);
	must_read(&packed, plain, PLAIN_BYTES, 65536);
	buf_free(&packed);
	free(plain);
}

/* Until an error or the end: 0 or -1. */
static int
drain(int fd, size_t n, unsigned window_log, struct err *e)
{
	struct zread *z = zread_open(fd, FRONT_BYTES, n, window_log, e);
	uint8_t piece[5000];
	size_t got = 0;
	int rc;

	assert_non_null(z);
	do
		rc = zread_some(z, piece, sizeof piece, &got, e);
	while (rc == 0 && got > 0);
	zread_close(z);
	return rc;
}

static void
frames_cut_short_are_refused_at_every_length(void **state)
{
	struct buf packed = BUF_INIT(1 << 20);
	uint8_t *plain = plain_bytes();
	struct err e = ERR_INIT;

	(void)state;
	add_frame(&packed, plain, 3000, 18);
	for (size_t n = 1; n < packed.len; n++) {
		int fd = file_of(&packed, n);

		assert_int_equal(drain(fd, n, 18, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		(void)close(fd);
	}
	buf_free(&packed);
	free(plain);
}

static void
a_window_above_the_limit_is_refused(void **state)
{
	struct buf packed = BUF_INIT(8 << 20);
	uint8_t *plain = plain_bytes();
	struct err e = ERR_INIT;
	struct zwrite *z = zwrite_open(3, 20, 3 * PLAIN_BYTES, &packed, &e);
	int fd;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(zwrite_add(z, plain, PLAIN_BYTES, &e), 0);
	assert_int_equal(zwrite_end(z, &e), 0);
	zwrite_close(z);
	fd = file_of(&packed, packed.len);
	assert_int_equal(drain(fd, packed.len, 20, &e), 0);
	assert_int_equal(drain(fd, packed.len, 18, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	(void)close(fd);
	buf_free(&packed);
	free(plain);
}

static void
zread_all_stops_at_the_limit_of_the_buffer(void **state)
{
	struct buf packed = BUF_INIT(1 << 20), small = BUF_INIT(1000),
	    large = BUF_INIT(4000);
	struct err e = ERR_INIT;
	int fd = memfd_create("packed", MFD_CLOEXEC);

	(void)state;
	uint8_t zeros[3000] = { 0 };
	add_frame(&packed, zeros, sizeof zeros, 18);
	assert_int_equal(write(fd, packed.data, packed.len), packed.len);
	assert_int_equal(zread_all(fd, 18, &small, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(zread_all(fd, 18, &large, &e), 0);
	assert_int_equal(large.len, sizeof zeros);
	(void)close(fd);
	buf_free(&packed);
	buf_free(&small);
	buf_free(&large);
}

/* Bytes in use on the heap; 0 where a sanitizer has its own. */
static size_t
in_use(void)
{
	struct mallinfo2 now = mallinfo2();

	return now.uordblks + now.hblkhd;
}

/* What is declared in a delta must be true of both codecs. */
static void
decoders_take_no_more_memory_than_is_declared(void **state)
{
	struct buf zstd = BUF_INIT(32 << 20), lzma = BUF_INIT(32 << 20);
	struct lzwrite_options options = { .preset = 1, .window_log = 20, .lc = 4 };
	uint8_t *plain = plain_bytes();
	struct err e = ERR_INIT;
	struct zwrite *zw = zwrite_open(1, 20, 10 * PLAIN_BYTES, &zstd, &e);
	struct lzwrite *lw = lzwrite_open(&options, &lzma, &e);
	struct zread *z;
	struct lzread *l;
	size_t before;
	int fd;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(zwrite_add(zw, plain, PLAIN_BYTES, &e), 0);
		assert_int_equal(lzwrite_add(lw, plain, PLAIN_BYTES, &e), 0);
	}
	assert_int_equal(zwrite_end(zw, &e), 0);
	assert_int_equal(lzwrite_end(lw, &e), 0);
	zwrite_close(zw);
	lzwrite_close(lw);
	fd = file_of(&zstd, zstd.len);
	before = in_use();
	assert_non_null(z = zread_open(fd, FRONT_BYTES, zstd.len, 20, &e));
	for (int i = 0; i < 10; i++)
		assert_int_equal(zread_exact(z, plain, PLAIN_BYTES, &e), 0);
	assert_true(in_use() - before <= (1 << 20) + DELTA_MEMORY_ZSTD - 8192);
	zread_close(z);
	(void)close(fd);
	fd = file_of(&lzma, lzma.len);
	before = in_use();
	assert_non_null(l = lzread_open(fd, FRONT_BYTES, lzma.len, 20, &e));
	for (int i = 0; i < 10; i++)
		assert_int_equal(lzread_exact(l, plain, PLAIN_BYTES, &e), 0);
	assert_true(in_use() - before <= (1 << 20) + DELTA_MEMORY_LZMA - 8192);
	lzread_close(l);
	(void)close(fd);
	buf_free(&zstd);
	buf_free(&lzma);
	free(plain);
}

/* ---- LZMA2 ---- */

static void
lzma_pack(const uint8_t *plain, size_t n, unsigned lc, unsigned lp, unsigned pb,
    struct buf *packed)
{
	struct lzwrite_options options = { .preset = 6, .window_log = 16, .lc = lc,
	    .lp = lp,
		.pb = pb };
	struct err e = ERR_INIT;
	struct lzwrite *z = lzwrite_open(&options, packed, &e);

	assert_non_null(z);
	for (size_t at = 0; at < n; at += 9999)
		assert_int_equal(lzwrite_add(z, plain + at, n - at < 9999 ? n - at : 9999,
		    &e), 0);
	assert_int_equal(lzwrite_end(z, &e), 0);
	lzwrite_close(z);
}

static void
lzma_comes_back_with_every_setting(void **state)
{
	static const unsigned settings[][3] = { { 0, 0, 0 }, { 3, 0, 2 }, { 0, 4, 0 },
		{ 4, 0, 4 }, { 2, 2, 2 } };
	uint8_t *plain = plain_bytes(), *back = malloc(PLAIN_BYTES);
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(back);
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		struct buf packed = BUF_INIT(1 << 20);
		struct lzread *z;
		int fd;

		lzma_pack(plain, PLAIN_BYTES, settings[i][0], settings[i][1],
		    settings[i][2], &packed);
		fd = file_of(&packed, packed.len);
		assert_non_null(z = lzread_open(fd, FRONT_BYTES, packed.len, 16, &e));
		assert_int_equal(lzread_exact(z, back, 1, &e), 0);
		assert_int_equal(lzread_exact(z, back + 1, 70000, &e), 0);
		assert_int_equal(lzread_exact(z, back + 70001, PLAIN_BYTES - 70001, &e),
		    0);
		assert_memory_equal(plain, back, PLAIN_BYTES);
		assert_int_equal(lzread_end(z, &e), 0);
		assert_int_equal(lzread_exact(z, back, 1, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		lzread_close(z);
		(void)close(fd);
		buf_free(&packed);
	}
	free(plain);
	free(back);
}

static void
lzma_cut_short_is_refused_at_every_length(void **state)
{
	struct buf packed = BUF_INIT(1 << 20);
	uint8_t *plain = plain_bytes(), back[3000];
	struct err e = ERR_INIT;

	(void)state;
	lzma_pack(plain, sizeof back, 3, 0, 0, &packed);
	for (size_t n = 0; n < packed.len; n++) {
		int fd = file_of(&packed, n);
		struct lzread *z = lzread_open(fd, FRONT_BYTES, n, 16, &e);

		if (z != NULL && lzread_exact(z, back, sizeof back, &e) == 0)
			assert_int_equal(lzread_end(z, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		err_clear(&e);
		lzread_close(z);
		(void)close(fd);
	}
	buf_free(&packed);
	free(plain);
}

static void
what_follows_the_end_is_refused(void **state)
{
	struct buf lzma = BUF_INIT(1 << 20), zstd = BUF_INIT(1 << 20);
	uint8_t *plain = plain_bytes(), back[3000];
	struct err e = ERR_INIT;
	struct lzread *z;
	struct zread *y;
	int fd;

	(void)state;
	lzma_pack(plain, sizeof back, 3, 0, 0, &lzma);
	fd = file_of(&lzma, lzma.len);
	assert_non_null(z = lzread_open(fd, FRONT_BYTES, lzma.len + 1, 16, &e));
	assert_int_equal(lzread_exact(z, back, sizeof back, &e), 0);
	assert_int_equal(lzread_end(z, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	lzread_close(z);
	assert_non_null(z = lzread_open(fd, FRONT_BYTES, lzma.len, 16, &e));
	assert_int_equal(lzread_exact(z, back, sizeof back - 1, &e), 0);
	assert_int_equal(lzread_end(z, &e), -1);
	lzread_close(z);
	(void)close(fd);
	add_frame(&zstd, plain, sizeof back, 18);
	fd = file_of(&zstd, zstd.len);
	assert_non_null(y = zread_open(fd, FRONT_BYTES, zstd.len + 1, 18, &e));
	assert_int_equal(zread_exact(y, back, sizeof back, &e), 0);
	assert_int_equal(zread_end(y, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	zread_close(y);
	(void)close(fd);
	buf_free(&lzma);
	buf_free(&zstd);
	free(plain);
}

static void
lzma_properties_that_cannot_be_are_refused(void **state)
{
	struct buf packed = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	unsigned refused = 0;

	(void)state;
	lzma_pack((const uint8_t *)"some text", 9, 0, 0, 0, &packed);
	for (unsigned byte = 0; byte < 256; byte++) {
		struct lzread *z;
		int fd;

		packed.data[0] = (uint8_t)byte;
		fd = file_of(&packed, packed.len);
		z = lzread_open(fd, FRONT_BYTES, packed.len, 16, &e);
		assert_true(z != NULL || e.code == ERR_FORMAT);
		refused += z == NULL;
		lzread_close(z);
		(void)close(fd);
	}
	/* lc + lp <= 4 leaves 15 pairs, for each of 5 pb. */
	assert_int_equal(refused, 256 - 15 * 5);
	buf_free(&packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_and_skippable_frames_are_read_through),
		cmocka_unit_test(nothing_is_read_from_nothing),
		cmocka_unit_test(a_stream_in_pieces_is_read),
		cmocka_unit_test(frames_cut_short_are_refused_at_every_length),
		cmocka_unit_test(a_window_above_the_limit_is_refused),
		cmocka_unit_test(zread_all_stops_at_the_limit_of_the_buffer),
		cmocka_unit_test(decoders_take_no_more_memory_than_is_declared),
		cmocka_unit_test(lzma_comes_back_with_every_setting),
		cmocka_unit_test(lzma_cut_short_is_refused_at_every_length),
		cmocka_unit_test(what_follows_the_end_is_refused),
		cmocka_unit_test(lzma_properties_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests_name("zread", tests, NULL, NULL);
}
