#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/layout.h"

#include "tests/lab/seed.h"

static void
bytes_of_the_file_have_addresses_and_back(void **state)
{
	struct layout l = { .n = 0 };
	uint64_t run, at;

	(void)state;
	layout_add(&l, &(struct segment){ .at = 0x1000, .bytes = 0x500,
	    .address = 0x402000, .memory = 0x900 });
	layout_add(&l, &(struct segment){ .at = 0, .bytes = 0x800, .address = 0x400000,
	    .memory = 0x800 });
	layout_settle(&l);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.segments[0].at, 0);
	assert_int_equal(l.low, 0x400000);
	assert_int_equal(l.high, 0x402900);
	assert_int_equal(layout_address(&l, 0x10, &run), 0x400010);
	assert_int_equal(run, 0x7f0);
	assert_int_equal(layout_address(&l, 0x1004, &run), 0x402004);
	/* Between the two: behind all memory, as far as the next one. */
	assert_int_equal(layout_address(&l, 0x900, &run), 0x402900 + 0x900);
	assert_int_equal(run, 0x700);
	assert_true(layout_offset(&l, 0x402004, &at) && at == 0x1004);
	assert_true(layout_offset(&l, 0x402900 + 0x900, &at) && at == 0x900);
	assert_false(layout_offset(&l, 0x402600, &at));	/* .bss */
	assert_false(layout_offset(&l, 0x3fffff, &at));
}

static void
what_makes_no_sense_is_left_out(void **state)
{
	struct layout l = { .n = 0 };

	(void)state;
	layout_add(&l, &(struct segment){ .bytes = 10, .memory = 9 });
	layout_add(&l, &(struct segment){ .memory = (uint64_t)1 << 32 });
	layout_settle(&l);
	assert_int_equal(l.n, 0);
	assert_int_equal(l.low, 0);
	for (unsigned i = 0; i < 2 * LAYOUT_SEGMENTS_MAX; i++)
		layout_add(&l, &(struct segment){ .at = i, .bytes = 1, .memory = 1,
		    .address = 0x1000 + i });
	assert_int_equal(l.n, LAYOUT_SEGMENTS_MAX);
	/* One so far away that 32 bits do not reach it does not count for the end. */
	l.segments[3].address = (uint64_t)1 << 40;
	layout_settle(&l);
	assert_int_equal(l.low, 0x1000);
	assert_int_equal(l.high, 0x1000 + LAYOUT_SEGMENTS_MAX);
}

/* Small, large and next to the end of what there is. */
static uint64_t
number(void)
{
	switch (seed_below(4)) {
	case 0:
		return seed_below(100);
	case 1:
		return seed_below(1 << 30);
	case 2:
		return (uint64_t)0 - seed_below(1 << 30);
	default:
		return seed_next();
	}
}

static void
numbers_bring_any_layout_back(void **state)
{
	uint64_t numbers[LAYOUT_SEGMENTS_MAX * LAYOUT_NUMBERS];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct layout old, new, got;

		memset(&old, 0, sizeof old);
		memset(&new, 0, sizeof new);
		old.n = seed_below(LAYOUT_SEGMENTS_MAX + 1);
		new.n = seed_below(LAYOUT_SEGMENTS_MAX + 1);
		for (size_t i = 0; i < LAYOUT_SEGMENTS_MAX; i++) {
			old.segments[i] = (struct segment){ .at = number(),
				.bytes = number(), .address = number(),
				.memory = number() };
			new.segments[i] = (struct segment){ .at = number(),
				.bytes = number(), .address = number(),
				.memory = number() };
		}
		seed_note("round %u", round);
		layout_settle(&new);
		layout_numbers(&old, &new, numbers);
		layout_apply(&old, new.n, numbers, &got);
		assert_int_equal(got.n, new.n);
		assert_int_equal(got.low, new.low);
		assert_int_equal(got.high, new.high);
		for (size_t i = 0; i < new.n; i++) {
			const struct segment *a = &got.segments[i],
			    *b = &new.segments[i];

			assert_true(a->at == b->at && a->bytes == b->bytes &&
			    a->address == b->address && a->memory == b->memory);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_the_file_have_addresses_and_back),
		cmocka_unit_test(what_makes_no_sense_is_left_out),
		cmocka_unit_test(numbers_bring_any_layout_back),
	};

	seed_start();
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
