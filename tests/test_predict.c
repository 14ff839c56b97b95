/*
 * test_predict.c - references of a small arm64 kernel at their new places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/predict.h"
#include "manifest/base/bytes.h"

enum {
	SIZE = 0x400,
	NEAR = 0x80, FAR = 0x84, PAST = 0x88,	/* where the branches are */
	TO_NEAR = 0xc0, TO_FAR = 0x200, TO_PAST = 0x3f0,
	CUT = 0x100, MOVED = 0x40	/* what begins here moves by so much */
};

static uint8_t file[SIZE];

static int
read_file(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	(void)arg;
	(void)e;
	assert_true(at <= SIZE && n <= SIZE - at);
	memcpy(out, file + at, n);
	return 0;
}

static const struct old old = { .read = read_file, .bytes = SIZE };

/* BL: 26 bits of the distance in words. */
static uint32_t
branch(uint64_t from, uint64_t to)
{
	return 0x94000000 | ((uint32_t)((to - from) >> 2) & 0x3ffffff);
}

static void
make_kernel(void)
{
	for (size_t at = 0; at < SIZE; at += 4)
		le32_store(file + at, 0xd503201f);
	memcpy(file + 56, "ARM\x64", 4);
	le32_store(file + NEAR, branch(NEAR, TO_NEAR));
	le32_store(file + FAR, branch(FAR, TO_FAR));
	le32_store(file + PAST, branch(PAST, TO_PAST));
}

/* The first part stays, MOVED bytes are put in, the second one follows. */
static const struct copy copies[] = {
	{ 0, 0, CUT },
	{ CUT, CUT + MOVED, SIZE - CUT - 0x20 },
};

static struct copy
get_copy(void *arg, size_t i)
{
	(void)arg;
	return copies[i];
}

struct fixture {
	struct arena arena;
	struct pair pair;
	struct piece room[2];
	struct pieces pieces;
	struct predict p;
};

static void
open_fixture(struct fixture *f, uint32_t rules)
{
	struct err e = ERR_INIT;

	make_kernel();
	memset(f, 0, sizeof *f);
	f->arena.limit = 8 << 20;
	pieces_whole(&f->pieces, f->room, SIZE, SIZE + MOVED);
	layout_add(&f->pair.to, &(struct segment){ .bytes = SIZE + MOVED,
	    .memory = SIZE + MOVED });
	layout_settle(&f->pair.to);
	f->p = (struct predict){ .old = &old, .rules = rules, .pairs = &f->pair,
		.pieces = &f->pieces, .copies = { 2, NULL, get_copy },
		.arena = &f->arena };
	assert_int_equal(predict_open(&f->p, &e), 0);
}

static void
close_fixture(struct fixture *f)
{
	predict_close(&f->p);
	assert_int_equal(f->arena.used, 0);
}

/* A copy as it is built: so many bytes at once. */
static void
build(struct fixture *f, const struct copy *c, size_t step, uint8_t *out)
{
	uint8_t block[SIZE + 2 * PREDICT_MARGIN];
	struct err e = ERR_INIT;

	for (uint64_t done = 0; done < c->bytes; done += step) {
		uint64_t n = c->bytes - done < step ? c->bytes - done : step;
		uint64_t before = done < PREDICT_MARGIN ? done : PREDICT_MARGIN;
		uint64_t after = c->bytes - done - n;

		after = after < PREDICT_MARGIN ? after : PREDICT_MARGIN;
		memcpy(block + PREDICT_MARGIN - before, file + c->old_at + done - before,
		    before + n + after);
		assert_int_equal(predict_part(&f->p, c, c->old_at + done,
		    block + PREDICT_MARGIN, n, &e), 0);
		memcpy(out + done, block + PREDICT_MARGIN, n);
	}
}

static uint32_t
word(const uint8_t *copy, size_t at)
{
	return le32_load(copy + at);
}

static void
a_branch_follows_what_it_means(void **state)
{
	struct fixture f;
	uint8_t out[SIZE];

	(void)state;
	open_fixture(&f, 1 << RULE_AARCH64);
	build(&f, &copies[0], SIZE, out);
	/* Within the copy: as it was.  Into the next one: as far as that moved. */
	assert_int_equal(word(out, NEAR), branch(NEAR, TO_NEAR));
	assert_int_equal(word(out, FAR), branch(FAR, TO_FAR + MOVED));
	/* Behind all copies the last one counts. */
	assert_int_equal(word(out, PAST), branch(PAST, TO_PAST + MOVED));
	/* All else is as it was. */
	assert_memory_equal(out, file, 0x80);
	close_fixture(&f);
}

static void
an_override_names_where_it_went(void **state)
{
	static const struct map_point points[] = { { TO_NEAR, 0x1000 },
		{ TO_FAR, 0x1000 } };
	struct fixture f;
	uint8_t out[SIZE];

	(void)state;
	open_fixture(&f, 1 << RULE_AARCH64);
	f.pair.points = points;
	f.pair.n_points = 2;
	build(&f, &copies[0], SIZE, out);
	assert_int_equal(word(out, FAR), branch(FAR, TO_FAR + MOVED + 0x1000));
	assert_int_equal(word(out, PAST), branch(PAST, TO_PAST + MOVED));
	/* What lies in the same copy moves with it, whatever is said. */
	assert_int_equal(word(out, NEAR), branch(NEAR, TO_NEAR));
	close_fixture(&f);
}

static void
an_anchor_says_it_of_what_is_not_in_the_file(void **state)
{
	static const struct anchor anchor = { TO_PAST, 0x10, TO_PAST + 0x500 };
	struct fixture f;
	uint8_t out[SIZE];

	(void)state;
	open_fixture(&f, 1 << RULE_AARCH64);
	f.pair.anchors = &anchor;
	f.pair.n_anchors = 1;
	build(&f, &copies[0], SIZE, out);
	assert_int_equal(word(out, PAST), branch(PAST, TO_PAST + 0x500));
	assert_int_equal(word(out, FAR), branch(FAR, TO_FAR + MOVED));
	close_fixture(&f);
}

static void
without_its_rule_nothing_is_written(void **state)
{
	struct fixture f;
	uint8_t out[SIZE];

	(void)state;
	open_fixture(&f, 1 << RULE_X86);
	build(&f, &copies[0], SIZE, out);
	assert_memory_equal(out, file, CUT);
	close_fixture(&f);
}

static void
steps_of_any_size_give_the_same(void **state)
{
	struct fixture f;
	uint8_t whole[SIZE], parts[SIZE];

	(void)state;
	open_fixture(&f, 1 << RULE_AARCH64);
	for (size_t i = 0; i < 2; i++) {
		build(&f, &copies[i], SIZE, whole);
		for (size_t step = 1; step < 70; step++) {
			build(&f, &copies[i], step, parts);
			assert_memory_equal(parts, whole, copies[i].bytes);
		}
	}
	close_fixture(&f);
}

/* A reference that is cut by the end of its copy stays. */
static void
half_a_reference_stays(void **state)
{
	static const struct copy half = { 0, 0, FAR + 2 };
	struct fixture f;
	uint8_t out[SIZE];

	(void)state;
	open_fixture(&f, 1 << RULE_AARCH64);
	build(&f, &half, SIZE, out);
	assert_memory_equal(out + FAR, file + FAR, 2);
	close_fixture(&f);
}

static void
too_little_memory_is_the_deltas_fault(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;
	uint8_t block[64 + 2 * PREDICT_MARGIN] = { 0 };

	(void)state;
	open_fixture(&f, 1 << RULE_AARCH64);
	f.arena.limit = f.arena.used + 8;
	assert_int_equal(predict_part(&f.p, &copies[0], 0, block + PREDICT_MARGIN, 64,
	    &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	close_fixture(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_branch_follows_what_it_means),
		cmocka_unit_test(an_override_names_where_it_went),
		cmocka_unit_test(an_anchor_says_it_of_what_is_not_in_the_file),
		cmocka_unit_test(without_its_rule_nothing_is_written),
		cmocka_unit_test(steps_of_any_size_give_the_same),
		cmocka_unit_test(half_a_reference_stays),
		cmocka_unit_test(too_little_memory_is_the_deltas_fault),
	};

	return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
