/*
 * test_delta_frames.c - deltas between files with zstd frames and xz blocks in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/delta_pair.h"
#include "tests/lab/streams.h"

enum { TEXT = 40000, MAX = 16 << 20 };

/* Prose of which one word differs. */
static uint8_t *
text_but_one(size_t n, uint32_t seed)
{
	uint8_t *text = streams_text(n, seed);

	memcpy(text + n / 2, "another word", 12);
	return text;
}

/* The bytes of the delta between the folders; what it needs in *p until closed. */
static uint64_t
make(const struct scratch *s, struct delta_pair *p)
{
	pair_open(s, p);
	pair_must_hold(p);
	return p->stats.bytes;
}

/* Blocks of zstd (kind 0) or xz, of which one changes. */
static void
put_blocks(const struct scratch *s, const char *rel, int kind, bool changed)
{
	struct buf f = BUF_INIT(MAX);

	for (uint32_t i = 0; i < 9; i++) {
		uint8_t *text = changed && i == 4 ? text_but_one(TEXT, i) :
		    streams_text(TEXT, i);

		if (kind == 0)
			streams_zstd(&f, text, TEXT, 15, true, false);
		else
			streams_xz(&f, text, TEXT, 6, true);
		free(text);
	}
	pair_put(s, rel, f.data, f.len);
	buf_free(&f);
}

static void
blocks_of_zstd_and_xz_are_made_again(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;

	pair_folders(s);
	for (int kind = 0; kind < 2; kind++) {
		put_blocks(s, "old/f", kind, false);
		put_blocks(s, "new/f", kind, true);
		assert_in_range(make(s, &p), 1, 300);
		assert_int_equal(p.stats.scratch_bytes, TEXT);
		assert_int_equal(p.stats.n_codes, 1);
		assert_int_equal(p.stats.logs[0], 16);
		assert_in_range(p.stats.memory_bytes, 600 << 10, 8 << 20);
		pair_close(&p);
	}
}

/* All of it would take more memory than a decoder has. */
static void
large_frames_of_high_levels_stay_packed(void **state)
{
	enum { LONG = 600 << 10 };
	const struct scratch *s = *state;
	struct delta_pair p;

	pair_folders(s);
	for (int kind = 0; kind < 2; kind++) {
		struct buf f = BUF_INIT(MAX);
		uint8_t *a = streams_text(LONG, 1);

		for (int new = 0; new < 2; new++) {
			buf_reset(&f);
			a[LONG / 2] = (uint8_t)new;
			if (kind == 0)
				streams_zstd(&f, a, LONG, 19, true, true);
			else
				streams_xz(&f, a, LONG, 6, false);
			pair_put(s, new ? "new/f" : "old/f", f.data, f.len);
		}
		(void)make(s, &p);
		assert_int_equal(p.stats.n_codes, 0);
		assert_int_equal(p.stats.scratch_bytes, 0);
		assert_in_range(p.stats.memory_bytes, 1, 8 << 20);
		pair_close(&p);
		free(a);
		buf_free(&f);
	}
}

/* Each level has a packer of its own; both together are too much. */
static void
levels_that_need_too_much_together_stay_packed(void **state)
{
	enum { LONG = 480 << 10, INNER = 200 << 10 };
	const struct scratch *s = *state;
	struct delta_pair p;

	pair_folders(s);
	for (int new = 0; new < 2; new++) {
		struct buf inner = BUF_INIT(MAX), outer = BUF_INIT(MAX);
		uint8_t *a = streams_text(INNER, 1), *b = streams_text(LONG, 2);

		a[INNER / 2] = (uint8_t)new;
		streams_zstd(&inner, a, INNER, 22, true, true);
		memcpy(b + LONG / 2, inner.data, inner.len);
		streams_xz(&outer, b, LONG, 6, false);
		pair_put(s, new ? "new/f" : "old/f", outer.data, outer.len);
		free(a);
		free(b);
		buf_free(&inner);
		buf_free(&outer);
	}
	(void)make(s, &p);
	assert_int_equal(p.stats.n_codes, 1);
	assert_int_equal(p.stats.scratch_bytes, LONG);
	assert_in_range(p.stats.memory_bytes, 7 << 20, 10 << 20);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(blocks_of_zstd_and_xz_are_made_again),
		SCRATCH_TEST(levels_that_need_too_much_together_stay_packed),
		SCRATCH_TEST(large_frames_of_high_levels_stay_packed),
	};

	return cmocka_run_group_tests_name("delta_frames", tests, NULL, NULL);
}
