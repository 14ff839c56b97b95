#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/map.h"

#include "tests/lab/seed.h"

enum { RANGES = 24 };

static struct arena arena = { .limit = 1 << 20 };

static struct map
map_of(const struct map_range *list, size_t n)
{
	struct err e = ERR_INIT;
	struct map m;

	memset(&m, 0, sizeof m);
	assert_int_equal(map_open(&m, n, &arena, &e), 0);
	for (size_t i = 0; i < n; i++)
		map_add(&m, list[i].from, list[i].bytes, list[i].to);
	map_settle(&m);
	return m;
}

static void
an_empty_map_moves_nothing(void **state)
{
	struct map m = map_of(NULL, 0);

	(void)state;
	assert_int_equal(map_address(&m, 0), 0);
	assert_int_equal(map_address(&m, UINT32_MAX), UINT32_MAX);
	map_close(&m);
	assert_int_equal(arena.used, 0);
}

static void
the_last_range_before_an_address_moves_it(void **state)
{
	static const struct map_range ranges[] = { { 300, 50, 900 }, { 100, 50, 120 } };
	struct map m = map_of(ranges, 2);

	(void)state;
	assert_int_equal(map_guess(&m, 99), 99);
	assert_int_equal(map_guess(&m, 100), 120);
	assert_int_equal(map_guess(&m, 149), 169);
	assert_int_equal(map_guess(&m, 299), 319);	/* beyond its end as well */
	assert_int_equal(map_guess(&m, 300), 900);
	assert_int_equal(map_guess(&m, 100000), 100600);
	map_close(&m);
}

static void
an_override_is_for_one_address(void **state)
{
	static const struct map_range range = { 100, 50, 120 };
	static const struct map_point points[] = { { 0, 7 }, { 110, (uint32_t)-5 },
		{ UINT32_MAX, 1 } };
	struct map m = map_of(&range, 1);

	(void)state;
	m.points = points;
	m.n_points = 3;
	assert_int_equal(map_address(&m, 0), 7);
	assert_int_equal(map_address(&m, 109), 129);
	assert_int_equal(map_address(&m, 110), 125);
	assert_int_equal(map_address(&m, 111), 131);
	assert_int_equal(map_address(&m, UINT32_MAX), 20);	/* -1 + 20, and 1 more */
	assert_int_equal(map_guess(&m, 110), 130);
	map_close(&m);
}

static void
more_than_there_is_room_for_are_left_out(void **state)
{
	struct err e = ERR_INIT;
	struct map m;

	(void)state;
	memset(&m, 0, sizeof m);
	assert_int_equal(map_open(&m, 1, &arena, &e), 0);
	map_add(&m, 10, 10, 20);
	map_add(&m, 30, 10, 90);
	map_settle(&m);
	assert_int_equal(map_guess(&m, 30), 40);
	map_close(&m);
	assert_int_equal(map_open(&m, 1 << 20, &arena, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
}

/* ---- as docs/delta-format.md says it, slowly ---- */

static int
before(const void *a, const void *b)
{
	const struct map_range *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static size_t
settle(struct map_range *list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof *list, before);
	for (size_t i = 0; i < n; i++) {
		struct map_range r = list[i];

		while (kept > 0 && r.bytes > 0 &&
		    r.from < list[kept - 1].from + list[kept - 1].bytes) {
			struct map_range *last = &list[kept - 1];

			if (r.bytes > last->bytes) {
				if (last->from < r.from) {
					last->bytes = r.from - last->from;
					break;
				}
				kept--;
			} else {
				uint32_t skip = last->from + last->bytes - r.from;

				if (skip > r.bytes)
					skip = r.bytes;
				r.from += skip;
				r.to += skip;
				r.bytes -= skip;
			}
		}
		if (r.bytes > 0)
			list[kept++] = r;
	}
	return kept;
}

static uint32_t
guess(const struct map_range *list, size_t n, uint32_t address)
{
	uint32_t to = address;

	for (size_t i = 0; i < n; i++)
		if (list[i].from <= address)
			to = address - list[i].from + list[i].to;
	return to;
}

static void
any_ranges_settle_as_the_format_says(void **state)
{
	struct map_range list[RANGES];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = seed_below(RANGES + 1);
		struct map m;

		for (size_t i = 0; i < n; i++)
			list[i] = (struct map_range){ (uint32_t)seed_below(120),
				(uint32_t)(1 + seed_below(60)),
				(uint32_t)seed_below(1000) };
		seed_note("round %u of %zu ranges", round, n);
		m = map_of(list, n);
		n = settle(list, n);
		for (uint32_t at = 0; at < 200; at++)
			if (map_guess(&m, at) != guess(list, n, at))
				fail_msg("%u: %u, not %u", at, map_guess(&m, at),
				    guess(list, n, at));
		map_close(&m);
	}
	assert_int_equal(arena.used, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_moves_nothing),
		cmocka_unit_test(the_last_range_before_an_address_moves_it),
		cmocka_unit_test(an_override_is_for_one_address),
		cmocka_unit_test(more_than_there_is_room_for_are_left_out),
		cmocka_unit_test(any_ranges_settle_as_the_format_says),
	};

	seed_start();
	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
