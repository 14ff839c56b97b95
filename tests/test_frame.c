/*
 * test_frame.c - zstd frames and xz blocks, taken apart and made again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>

#include "apply/patch/opening.h"
#include "apply/patch/packing.h"
#include "tests/lab/streams.h"

enum { MAX = 16 << 20, TEXT = 60000, EDGE = 128 << 10 };

/* A file that is one stream, and what it holds. */
struct scene {
	struct buf file;
	uint8_t *text;
	size_t n;
	struct opening opening;
	size_t at, end;		/* of the stream in the file */
	struct arena arena;
};

static void
find_place(struct scene *s)
{
	bool here = false;

	opening_start(&s->opening);
	s->at = opening_feed(&s->opening, s->file.data, s->file.len, &here);
	assert_true(here);
}

static void
open_zstd(struct scene *s, size_t n, int level, bool sized, bool check)
{
	*s = (struct scene){ .file = BUF_INIT(MAX), .text = streams_text(n, 7), .n = n,
		.arena = { .limit = UINT64_MAX } };
	streams_zstd(&s->file, s->text, n, level, sized, check);
	find_place(s);
	assert_int_equal(s->at, 4);
	assert_int_equal(s->opening.kind, OPENING_ZSTD);
}

static void
open_xz(struct scene *s, size_t n, uint32_t preset, bool x86)
{
	*s = (struct scene){ .file = BUF_INIT(MAX), .text = streams_text(n, 7), .n = n,
		.arena = { .limit = UINT64_MAX } };
	if (x86)
		memset(s->text + n / 2, 0xe8, 400);	/* calls, for the filter */
	streams_xz(&s->file, s->text, n, preset, x86);
	find_place(s);
	assert_int_equal(s->opening.kind, OPENING_XZ);
}

static void
close_scene(struct scene *s)
{
	assert_int_equal(s->arena.used, 0);
	free(s->text);
	buf_free(&s->file);
}

static struct packing
packing_of(const struct scene *s)
{
	return (struct packing){ s->opening.kind, s->opening.head };
}

/* Take the stream apart in pieces of the file; where it ends in s->end. */
static int
unpack(struct scene *s, size_t piece, struct buf *plain, struct err *e)
{
	struct unpacker u = { .arena = &s->arena };
	struct packing how = packing_of(s);
	const uint8_t *p = s->file.data + s->at, *end = s->file.data + s->file.len;
	int rc = unpacker_start(&u, &how, e);

	buf_reset(plain);
	while (rc == 0 && p < end) {
		size_t n = (size_t)(end - p) < piece ? (size_t)(end - p) : piece, room;
		uint8_t out[5000], *to;

		do {
			to = out;
			room = sizeof out;
			rc = unpacker_run(&u, &p, &n, &to, &room, e);
			if (rc != -1)
				assert_int_equal(buf_add(plain, out, sizeof out - room,
				    e), 0);
		} while (rc == 0 && (n > 0 || room == 0));
	}
	s->end = (size_t)(p - s->file.data);
	unpacker_close(&u);
	return rc;
}

static int
pack(struct scene *s, unsigned code, size_t piece, struct buf *got, struct err *e)
{
	struct packer x = { .arena = &s->arena };
	struct packing how = packing_of(s);
	struct sink to = streams_sink(got);
	int rc = packer_start(&x, code, &how, s->n, &to, e);

	buf_reset(got);
	for (size_t at = 0; rc == 0 && at < s->n; at += piece)
		rc = packer_add(&x, s->text + at, s->n - at < piece ? s->n - at : piece,
		    e);
	if (rc == 0)
		rc = packer_end(&x, e);
	packer_close(&x);
	return rc;
}

static void
assert_again(struct scene *s, unsigned kind, unsigned level, bool flag, bool other,
    size_t piece)
{
	struct frame_params p = { (uint8_t)kind, (uint8_t)level, flag, other };
	struct buf b = BUF_INIT(MAX);
	struct err e = ERR_INIT;

	if (unpack(s, piece, &b, &e) != 1)
		fail_msg("level %u: %s", level, e.text);
	assert_int_equal(b.len, s->n);
	assert_memory_equal(b.data, s->text, s->n);
	if (pack(s, DEFLATE_CODES + frame_code(&p), piece, &b, &e) == -1)
		fail_msg("level %u: %s", level, e.text);
	assert_int_equal(b.len, s->end - s->at);
	assert_memory_equal(b.data, s->file.data + s->at, b.len);
	buf_free(&b);
}

static void
zstd_of_every_level_is_made_again(void **state)
{
	struct scene s;

	(void)state;
	for (int level = 1; level < FRAME_LEVELS; level++) {
		bool sized = level != 5, check = level % 2 == 0;

		open_zstd(&s, TEXT, level, sized, check);
		assert_again(&s, FRAME_ZSTD, (unsigned)level, sized, check, 10000);
		assert_int_equal(s.end, s.file.len);
		close_scene(&s);
	}
}

static void
xz_of_every_preset_is_made_again(void **state)
{
	struct scene s;

	(void)state;
	for (uint32_t level = 0; level <= 6; level++)
		for (uint32_t flag = 0; flag < 2; flag++) {
			open_xz(&s, TEXT, level | (flag ? LZMA_PRESET_EXTREME : 0),
			    level % 2 != 0);
			assert_again(&s, FRAME_XZ, level, flag != 0, level < 4, 10000);
			assert_true(s.end < s.file.len);
			close_scene(&s);
		}
}

static void
pieces_do_not_matter(void **state)
{
	static const size_t sizes[] = { 1, 2, EDGE - 1, EDGE, EDGE + 1, 2 * EDGE };
	static const size_t pieces[] = { 1, 999, EDGE, 1 << 20 };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t k = sizes[i] < 100 ? 0 : 1;
		    k < sizeof pieces / sizeof *pieces; k++) {
			for (int sized = 0; sized < 2; sized++) {
				open_zstd(&s, sizes[i], 3, sized, true);
				assert_again(&s, FRAME_ZSTD, 3, sized, true, pieces[k]);
				close_scene(&s);
			}
			open_xz(&s, sizes[i], 0, false);
			assert_again(&s, FRAME_XZ, 0, false, false, pieces[k]);
			close_scene(&s);
		}
}

/* One packer for all, as a decoder has it. */
static void
one_packer_makes_any_kinds_in_turn(void **state)
{
	struct scene s[4];
	struct frame_params p[4] = { { FRAME_ZSTD, 3, true, false },
		{ FRAME_XZ, 4, false, false }, { FRAME_ZSTD, 19, true, false },
		{ FRAME_ZSTD, 3, true, false } };
	struct arena arena = { .limit = UINT64_MAX };
	struct packer x = { .arena = &arena };
	struct unpacker u = { .arena = &arena };
	struct err e = ERR_INIT;

	(void)state;
	open_zstd(&s[0], TEXT, 3, true, false);
	open_xz(&s[1], TEXT, 4, false);
	open_zstd(&s[2], 2 * EDGE, 19, true, false);
	open_zstd(&s[3], 300, 3, true, false);
	for (size_t i = 0; i < 8; i++) {
		struct scene *t = &s[i % 4];
		struct packing how = packing_of(t);
		struct buf got = BUF_INIT(MAX);
		struct sink to = streams_sink(&got);
		const uint8_t *in = t->file.data + t->at;
		uint8_t *out = malloc(t->n), *at = out;
		size_t n = t->file.len - t->at, room = t->n;

		assert_int_equal(unpacker_start(&u, &how, &e), 0);
		while (unpacker_run(&u, &in, &n, &at, &room, &e) == 0)
			assert_true(n > 0);
		assert_int_equal(room, 0);
		assert_memory_equal(out, t->text, t->n);
		assert_int_equal(packer_start(&x, DEFLATE_CODES + frame_code(&p[i % 4]),
		    &how, t->n, &to, &e), 0);
		assert_int_equal(packer_add(&x, t->text, t->n, &e), 0);
		assert_int_equal(packer_end(&x, &e), 0);
		assert_int_equal(got.len, in - (t->file.data + t->at));
		assert_memory_equal(got.data, t->file.data + t->at, got.len);
		buf_free(&got);
		free(out);
	}
	packer_close(&x);
	unpacker_close(&u);
	assert_int_equal(arena.used, 0);
	for (size_t i = 0; i < 4; i++)
		close_scene(&s[i]);
}

static void
codes_name_frames_and_nothing_else(void **state)
{
	size_t good = 0;

	(void)state;
	for (unsigned code = 0; code < 2 * FRAME_CODES; code++) {
		struct frame_params p;

		assert_int_equal(packing_known(DEFLATE_CODES + code),
		    frame_decode(code, &p) == 0);
		if (frame_decode(code, &p) == -1)
			continue;
		assert_int_equal(frame_code(&p), code);
		assert_true(p.kind == FRAME_XZ ? p.level <= 9 :
		    p.level >= 1 && p.level <= 22);
		good++;
	}
	assert_int_equal(good, 22 * 4 + 10 * 4);
	assert_false(packing_known(UINT64_MAX));
	assert_false(packing_known((uint64_t)1 << 32));
}

static void
parameters_of_another_kind_are_refused(void **state)
{
	const struct frame_params xz = { FRAME_XZ, 6, false, false },
		zstd = { FRAME_ZSTD, 6, true, false };
	struct buf got = BUF_INIT(MAX);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	open_zstd(&s, TEXT, 3, true, false);
	assert_int_equal(pack(&s, DEFLATE_CODES + frame_code(&xz), TEXT, &got, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(pack(&s, 0, TEXT, &got, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	s.opening.kind = OPENING_DEFLATE;
	assert_int_equal(pack(&s, DEFLATE_CODES + frame_code(&zstd), TEXT, &got, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	close_scene(&s);
	buf_free(&got);
}

/* With each limit up to what is needed: nothing is taken beyond it, nothing is lost. */
static void
memory_stays_within_the_limit(void **state)
{
	const struct frame_params zstd = { FRAME_ZSTD, 3, true, false },
		xz = { FRAME_XZ, 6, false, false };
	struct buf b = BUF_INIT(MAX);
	struct scene s;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		int rc = -1;

		if (kind == 0)
			open_zstd(&s, TEXT, 3, true, false);
		else
			open_xz(&s, TEXT, 6, true);
		for (s.arena.limit = 0; rc != 0; s.arena.limit += 50000) {
			struct err e = ERR_INIT;

			rc = unpack(&s, 1000, &b, &e) == 1 ? 0 : -1;
			if (rc == 0)
				rc = pack(&s, DEFLATE_CODES + frame_code(kind == 0 ?
				    &zstd : &xz), 1000, &b, &e);
			if (rc == -1)
				assert_int_equal(e.code, ERR_FORMAT);
			assert_int_equal(s.arena.used, 0);
			assert_true(s.arena.peak <= s.arena.limit);
			assert_true(s.arena.limit < 9 << 20);
		}
		close_scene(&s);
	}
	buf_free(&b);
}

/* What the header claims does not decide what is taken: windows end at 4 MiB. */
static void
large_windows_are_refused(void **state)
{
	static const uint8_t head[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 0x70, 1, 0, 0 };
	struct buf b = BUF_INIT(MAX);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	s = (struct scene){ .file = BUF_INIT(MAX), .arena = { .limit = UINT64_MAX } };
	assert_int_equal(buf_add(&s.file, head, sizeof head, &e), 0);
	find_place(&s);
	assert_int_equal(unpack(&s, 100, &b, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	close_scene(&s);

	open_xz(&s, TEXT, 9, false);	/* 64 MiB, of which it needs none */
	assert_int_equal(unpack(&s, 1000, &b, &e), 1);
	assert_in_range(s.arena.peak, 1 << 22, (1 << 22) + (1 << 20));
	close_scene(&s);
	buf_free(&b);
}

static void
damaged_frames_are_refused_or_differ(void **state)
{
	struct buf b = BUF_INIT(MAX);
	struct scene s;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		if (kind == 0)
			open_zstd(&s, 3000, 19, true, true);
		else
			open_xz(&s, 3000, 6, false);
		for (size_t i = s.at; i < s.file.len; i++) {
			struct err e = ERR_INIT;
			int rc;

			s.file.data[i] ^= 0x41;
			rc = unpack(&s, 100, &b, &e);
			if (rc == -1)
				assert_int_equal(e.code, ERR_FORMAT);
			else if (i < s.end && rc == 1 && kind == 0)
				fail_msg("byte %zu is not missed", i);
			s.file.data[i] ^= 0x41;
			assert_int_equal(s.arena.used, 0);
		}
		for (size_t n = s.file.len; s.file.len-- > s.at;) {
			struct err e = ERR_INIT;

			if (unpack(&s, n, &b, &e) == 1)
				assert_int_equal(b.len, s.n);	/* the footer of xz */
		}
		close_scene(&s);
	}
	buf_free(&b);
}

static void
headers_of_xz_that_are_none_are_refused(void **state)
{
	struct buf b = BUF_INIT(MAX);
	struct scene s;

	(void)state;
	open_xz(&s, TEXT, 1, true);
	for (size_t i = 0; i < (s.opening.head[0] + 1u) * 4; i++) {
		struct err e = ERR_INIT;

		s.opening.head[i] ^= 1;		/* its CRC32 is wrong, or it is */
		assert_int_equal(unpack(&s, 1000, &b, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		s.opening.head[i] ^= 1;
	}
	close_scene(&s);
	buf_free(&b);
}

/* How large may a file be that is made again within what mkdelta allows?  The table of
 * docs/delta-deflate.md. */
static void
memory_is_what_is_documented(void **state)
{
	static const struct {
		struct frame_params p;
		size_t most;	/* 0: any */
	} rows[] = {
		{ { FRAME_ZSTD, 1, true, false }, 0 },
		{ { FRAME_ZSTD, 6, true, true }, 0 },
		{ { FRAME_ZSTD, 6, false, true }, 0 },
		{ { FRAME_ZSTD, 7, true, false }, 1 << 20 },
		{ { FRAME_ZSTD, 9, true, false }, 512 << 10 },
		{ { FRAME_ZSTD, 13, true, false }, 256 << 10 },
		{ { FRAME_ZSTD, 22, true, false }, 256 << 10 },
		{ { FRAME_XZ, 0, false, false }, 512 << 10 },
		{ { FRAME_XZ, 6, false, false }, 512 << 10 },
	};
	struct buf got = BUF_INIT(MAX);
	struct scene s;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned code = DEFLATE_CODES + frame_code(&rows[i].p);
		size_t most = rows[i].most == 0 ? 5 << 20 : rows[i].most;
		struct err e = ERR_INIT;

		if (rows[i].p.kind == FRAME_ZSTD)
			open_zstd(&s, 2 * most, 1, true, false);
		else
			open_xz(&s, 2 * most, 6, false);
		s.arena.limit = 8 << 20;
		s.n = most;
		if (pack(&s, code, most, &got, &e) == -1)
			fail_msg("row %zu: %s", i, e.text);
		s.n = 2 * most;
		assert_int_equal(pack(&s, code, most, &got, &e), rows[i].most == 0 ? 0 :
		    -1);
		close_scene(&s);
	}
	buf_free(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zstd_of_every_level_is_made_again),
		cmocka_unit_test(xz_of_every_preset_is_made_again),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(one_packer_makes_any_kinds_in_turn),
		cmocka_unit_test(codes_name_frames_and_nothing_else),
		cmocka_unit_test(parameters_of_another_kind_are_refused),
		cmocka_unit_test(memory_stays_within_the_limit),
		cmocka_unit_test(large_windows_are_refused),
		cmocka_unit_test(damaged_frames_are_refused_or_differ),
		cmocka_unit_test(headers_of_xz_that_are_none_are_refused),
		cmocka_unit_test(memory_is_what_is_documented),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
