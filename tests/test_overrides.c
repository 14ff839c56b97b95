/*
 * test_overrides.c - targets, and what offsets count from, are put right by votes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mkdelta/encode/overrides.h"

enum { LOW = 0x10000, BYTES = 0x10000, REFS = 4, BASE = 0x8000, NEW_BASE = 0x8040 };

/* Offsets that count from `base`, to four targets behind it. */
static void
fill(struct image_side *side, struct ref *refs, uint64_t base, uint64_t first)
{
	const struct segment all = { .address = LOW, .bytes = BYTES, .memory = BYTES };

	layout_add(&side->image.layout, &all);
	layout_settle(&side->image.layout);
	side->image.bases[0] = LOW;
	side->image.bases[1] = LOW + base;
	side->image.n_bases = 2;
	for (size_t i = 0; i < REFS; i++)
		refs[i] = (struct ref){ .at = (uint32_t)(i * 8), .kind = REF_BASE32,
			.base = 1, .target = LOW + first + i * 16 };
	side->refs = refs;
	side->n_refs = REFS;
}

static struct copy
the_copy(void *arg, size_t i)
{
	(void)arg;
	(void)i;
	return (struct copy){ 0, 0, REFS * 8 };
}

static void
a_base_that_copies_map_wrong_gets_an_override(void **state)
{
	static struct image_side old, new;
	struct ref old_refs[REFS], new_refs[REFS];
	struct pair pair = { .n_points = 0 };
	const struct copies copies = { .n = 1, .get = the_copy };
	struct map_range ranges[] = { { 0, BYTES, 0 } };
	const struct map map = { .ranges = ranges, .n_ranges = 1, .cap_ranges = 1 };
	struct map_point *points;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	fill(&old, old_refs, BASE, 0x9000);
	fill(&new, new_refs, NEW_BASE, 0x9000);
	pair.to = new.image.layout;
	assert_int_equal(overrides_find(&old, &new, &pair, &copies, &map, &points, &n,
	    &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(points[0].from, BASE);
	assert_int_equal(points[0].by, NEW_BASE - BASE);
	free(points);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_base_that_copies_map_wrong_gets_an_override),
	};

	return cmocka_run_group_tests_name("overrides", tests, NULL, NULL);
}
