#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "manifest/edges.h"

static bool
has(const uint64_t *list, size_t n, uint64_t want)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == want)
			return true;
	return false;
}

/* The rule, word by word, without the shortcut of the program. */
static bool
is_planned(uint64_t p, uint64_t from)
{
	uint64_t back = p - from;

	if (from < 1 || from >= p)
		return false;
	return back <= 3 || ((back & (back - 1)) == 0 && p % back == 0);
}

static void
positions_1_to_64_get_what_the_rule_says(void **state)
{
	(void)state;
	for (uint64_t p = 1; p <= 64; p++) {
		uint64_t from[EDGES_MAX];
		size_t n = edges_plan(p, from), want = 0;

		for (uint64_t f = 1; f < p; f++) {
			want += is_planned(p, f);
			if (has(from, n, f) != is_planned(p, f))
				fail_msg("position %d from %d", (int)p, (int)f);
		}
		assert_int_equal(n, want);	/* and nothing twice */
	}
}

static void
the_nearest_come_first(void **state)
{
	(void)state;
	for (uint64_t p = 1; p <= 64; p++) {
		uint64_t from[EDGES_MAX];
		size_t n = edges_plan(p, from);

		for (size_t i = 1; i < n; i++)
			assert_true(from[i] < from[i - 1]);
	}
}

static void
the_first_position_gets_none(void **state)
{
	uint64_t from[EDGES_MAX];

	(void)state;
	assert_int_equal(edges_plan(1, from), 0);
}

static void
any_old_position_reaches_the_newest_in_few_hops(void **state)
{
	enum { LAST = 64 };
	unsigned hops[LAST + 1] = { 0 };

	(void)state;
	for (uint64_t old = 1; old < LAST; old++) {
		for (uint64_t p = old + 1; p <= LAST; p++) {
			uint64_t from[EDGES_MAX];
			size_t n = edges_plan(p, from);

			hops[p] = LAST;
			for (size_t i = 0; i < n; i++)
				if (from[i] == old)
					hops[p] = 1;
				else if (from[i] > old && hops[from[i]] + 1 < hops[p])
					hops[p] = hops[from[i]] + 1;
		}
		if (hops[LAST] > 12)
			fail_msg("from %d: %u hops", (int)old, hops[LAST]);
	}
}

static void
the_largest_position_does_not_overflow(void **state)
{
	uint64_t from[EDGES_MAX];

	(void)state;
	assert_int_equal(edges_plan(UINT64_MAX, from), 3);
	assert_true(edges_plan((uint64_t)1 << 63, from) <= EDGES_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_1_to_64_get_what_the_rule_says),
		cmocka_unit_test(the_nearest_come_first),
		cmocka_unit_test(the_first_position_gets_none),
		cmocka_unit_test(any_old_position_reaches_the_newest_in_few_hops),
		cmocka_unit_test(the_largest_position_does_not_overflow),
	};

	return cmocka_run_group_tests_name("release_edges", tests, NULL, NULL);
}
