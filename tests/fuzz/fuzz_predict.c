/*
 * fuzz_predict.c - copies of any bytes, predicted in steps of any size: the same bytes
 * must come out.
 *
 *	0   rules, two bytes: bit k for rule k
 *	2   bytes of a step
 *	3   odd: made_elf.h makes the old file
 *	4   copies, modulo 8; each two bytes old offset, two bytes length, one byte gap
 *	5   overrides, modulo 8; each two bytes step, one byte (signed) change
 *	6   segments of the new image, modulo 4; each four bytes, zigzag (layout.h)
 *	7   pieces of the image on each side, modulo 4; each two bytes gap before, two
 *	    bytes length, one byte of zeros before; 0: all of both sides
 *	then these tables, then the old file
 */
#include <stdlib.h>
#include <string.h>

#include "apply/patch/bspatch.h"
#include "apply/patch/predict.h"

#include "tests/fuzz/kit/made_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
	HEAD = 8, INPUT_MAX = 1 << 15, ARENA_MAX = 4 << 20, TABLE_MAX = 8,
	COPY_BYTES = 5, POINT_BYTES = 3, PIECE_BYTES = 5, FEW_STEPS = 24, PIECES = 4
};

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct input {
	struct bytes rest, file;
	struct copy copies[TABLE_MAX];
	size_t n_copies;
	struct map_point points[TABLE_MAX];
	size_t n_points;
	uint64_t numbers[4 * LAYOUT_NUMBERS];
	size_t n_segments;
	struct piece olds[PIECES], news[PIECES];
	struct pieces pieces;
};

static int
read_old(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct bytes *b = arg;

	(void)e;
	if (at > b->n || n > b->n - at)
		abort();
	memcpy(out, b->p + at, n);
	return 0;
}

/* The next n bytes; zeros when there are none left. */
static const uint8_t *
next(struct input *in, size_t n)
{
	static const uint8_t zeros[16];
	const uint8_t *p = in->rest.p;

	if (in->rest.n < n)
		return zeros;
	in->rest.p += n;
	in->rest.n -= n;
	return p;
}

static unsigned
two(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

/* One side of n bytes. */
static void
read_pieces(const uint8_t *const *raw, struct piece *list, size_t n_list, uint64_t n)
{
	uint64_t at = 0, from = 0;

	for (size_t i = 0; i < n_list; i++) {
		const uint8_t *p = raw[i];
		uint64_t bytes;

		at += two(p) % (n - at + 1);
		bytes = two(p + 2) % (n - at + 1);
		from += p[4];
		list[i] = (struct piece){ at, bytes, (uint32_t)from, 0 };
		at += bytes;
		from += bytes;
	}
}

static void
read_tables(struct input *in, const uint8_t *head)
{
	const uint8_t *raw[TABLE_MAX], *raw_pieces[2 * PIECES];
	size_t n_pieces = head[7] % PIECES;
	uint64_t at = 0;
	uint32_t from = 0;

	in->n_copies = head[4] % TABLE_MAX;
	for (size_t i = 0; i < in->n_copies; i++)
		raw[i] = next(in, COPY_BYTES);
	in->n_points = head[5] % TABLE_MAX;
	for (size_t i = 0; i < in->n_points; i++) {
		const uint8_t *p = next(in, POINT_BYTES);

		from += two(p) + (i > 0);
		in->points[i] = (struct map_point){ from, (uint32_t)(int8_t)p[2] };
	}
	in->n_segments = head[6] % 4;
	for (size_t i = 0; i < in->n_segments * LAYOUT_NUMBERS; i++)
		in->numbers[i] = next(in, 1)[0] * (i % LAYOUT_NUMBERS < 2 ? 16u : 1u);
	for (size_t i = 0; i < 2 * n_pieces; i++)
		raw_pieces[i] = next(in, PIECE_BYTES);
	in->file = in->rest;
	if (head[3] % 2 == 1) {
		static uint8_t made[INPUT_MAX + MADE_ELF_BESIDE];

		in->file = (struct bytes){ made,
			made_elf(in->rest.p, in->rest.n, made) };
	}
	for (size_t i = 0; i < in->n_copies; i++) {
		struct copy *c = &in->copies[i];

		c->old_at = in->file.n == 0 ? 0 : two(raw[i]) % in->file.n;
		c->bytes = two(raw[i] + 2) % (in->file.n - c->old_at + 1);
		c->new_at = at + raw[i][4];
		at = c->new_at + c->bytes;
	}
	in->pieces = (struct pieces){ in->olds, in->olds, in->news, n_pieces, n_pieces };
	read_pieces(raw_pieces, in->olds, n_pieces, in->file.n);
	read_pieces(raw_pieces + n_pieces, in->news, n_pieces, at);
	if (n_pieces == 0)
		pieces_whole(&in->pieces, in->olds, in->file.n, UINT64_MAX);
}

static struct copy
get_copy(void *arg, size_t i)
{
	return ((const struct input *)arg)->copies[i];
}

/* The copy as it is built, so many bytes at once. */
static void
build(struct predict *p, const struct copy *c, size_t step, uint8_t *out)
{
	static uint8_t block[BSPATCH_STEP + 2 * PREDICT_MARGIN];
	uint64_t end = c->old_at + c->bytes;
	struct err e = ERR_INIT;

	for (uint64_t at = c->old_at; at < end;) {
		uint64_t n = end - at < step ? end - at : step;
		uint64_t before = at - c->old_at, after = end - at - n;

		before = before < PREDICT_MARGIN ? before : PREDICT_MARGIN;
		after = after < PREDICT_MARGIN ? after : PREDICT_MARGIN;
		if (old_read(p->old, block + PREDICT_MARGIN - before,
		    (size_t)(before + n + after), at - before, &e) == -1 ||
		    predict_part(p, c, at, block + PREDICT_MARGIN, (size_t)n, &e) == -1)
			abort();
		memcpy(out + (at - c->old_at), block + PREDICT_MARGIN, (size_t)n);
		at += n;
	}
}

static void
compare(struct predict *p, const struct copy *c, size_t step)
{
	static uint8_t whole[INPUT_MAX + MADE_ELF_BESIDE], parts[sizeof whole];

	if (step < c->bytes / FEW_STEPS)
		step = (size_t)c->bytes / FEW_STEPS;
	build(p, c, BSPATCH_STEP, whole);
	build(p, c, step, parts);
	if (memcmp(whole, parts, (size_t)c->bytes) != 0)
		abort();
}

static void
look(struct input *in, const uint8_t *head, const struct old *old, struct arena *arena)
{
	struct pair pair = { .points = in->points, .n_points = in->n_points };
	struct predict p = { .old = old, .pairs = &pair, .pieces = &in->pieces,
		.rules = two(head) & ((1u << RULE_IDS) - 1), .arena = arena,
		.copies = { in->n_copies, in, get_copy } };
	struct err e = ERR_INIT;
	struct gather gather;
	struct image im;

	gather_image(&gather, &in->pieces, 0, old);
	if (image_open(&im, &gather.old, arena, &e) != 1)
		return;
	layout_apply(&im.layout, in->n_segments, in->numbers, &pair.to);
	image_close(&im);
	if (predict_open(&p, &e) == -1)
		abort();
	/* What the rules refuse they refuse at once. */
	if (predict_enter(&p, &pair, &e) == 0)
		for (size_t i = 0; i < in->n_copies; i++)
			compare(&p, &in->copies[i], head[2] + 1u);
	predict_close(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = { .limit = ARENA_MAX };
	struct input in = { .rest = { data + HEAD, n - HEAD } };
	struct old old = { &in.file, read_old, 0 };

	if (n < HEAD || n > INPUT_MAX)
		return 0;
	read_tables(&in, data);
	old.bytes = in.file.n;
	look(&in, data, &old, &arena);
	if (arena.used != 0 || arena.peak > arena.limit)
		abort();
	return 0;
}
