/*
 * test_sources.c - new files that hold parts of several old ones, or of each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/delta_pair.h"

enum { PART = 40000, PARTS = 12 };

static void
put_part(const struct scratch *s, const char *folder, unsigned i, const uint8_t *data,
    size_t n)
{
	char name[32];

	(void)snprintf(name, sizeof name, "%s/part-%c", folder, 'a' + (int)i);
	pair_put(s, name, data, n);
}

static void
a_file_merged_of_many_costs_next_to_nothing(void **state)
{
	const struct scratch *s = *state;
	uint8_t *all = pair_bytes(PARTS * PART, 3);

	pair_folders(s);
	for (unsigned i = 0; i < PARTS; i++)
		put_part(s, "old", i, all + i * PART, PART);
	pair_put(s, "new/bundle", all, PARTS * PART);
	assert_true(pair_round_trip(s) < 500);
	free(all);
}

static void
a_file_split_into_many_costs_next_to_nothing(void **state)
{
	const struct scratch *s = *state;
	uint8_t *all = pair_bytes(PARTS * PART, 3);

	pair_folders(s);
	pair_put(s, "old/bundle", all, PARTS * PART);
	for (unsigned i = 0; i < PARTS; i++) {
		all[i * PART + 17] ^= 1;
		put_part(s, "new", i, all + i * PART, PART);
	}
	assert_true(pair_round_trip(s) < 1500);
	free(all);
}

static void
what_an_ancestor_lacks_comes_from_another_file(void **state)
{
	const struct scratch *s = *state;
	uint8_t *both = pair_bytes(2 * PART, 3);

	pair_folders(s);
	pair_put(s, "old/lib", both, PART);
	pair_put(s, "old/plugin", both + PART, PART);
	pair_put(s, "new/lib", both, 2 * PART);
	assert_true(pair_round_trip(s) < 400);
	free(both);
}

/* Listing order: a is built before b. */
static void
a_new_file_draws_from_one_that_was_built_before(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(PART, 3);
	uint64_t one;

	pair_folders(s);
	scratch_file(s, "old/none", "");
	pair_put(s, "new/a", data, PART);
	one = pair_round_trip(s);
	data[PART / 2] ^= 1;
	pair_put(s, "new/b", data, PART);
	assert_true(pair_round_trip(s) < one + 150);
	free(data);
}

static void
an_output_may_draw_from_a_chain_of_earlier_ones(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(PARTS * PART, 3);

	pair_folders(s);
	scratch_file(s, "old/none", "");
	for (unsigned i = 0; i < PARTS; i++)
		put_part(s, "new", i, data + i * (PART / 4), PART);
	/* Each repeats three quarters of the one before. */
	assert_true(pair_round_trip(s) < PART + PARTS * (PART / 4 + 200));
	free(data);
}

static void
more_parts_than_sources_still_come_back(void **state)
{
	enum { SMALL = 3000, MANY = 40 };
	const struct scratch *s = *state;
	uint8_t *all = pair_bytes(MANY * SMALL, 5);
	char name[32];

	pair_folders(s);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "old/%c%c", 'a' + (int)i / 26,
		    'a' + (int)i % 26);
		pair_put(s, name, all + i * SMALL, SMALL);
	}
	pair_put(s, "new/all", all, MANY * SMALL);
	(void)pair_round_trip(s);
	free(all);
}

/* What is wanted is in files that --memory leaves no room to sort. */
static void
little_memory_means_fewer_sources(void **state)
{
	const struct scratch *s = *state;
	uint8_t *both = pair_bytes(6 << 20, 3);
	struct delta_pair p;

	pair_folders(s);
	pair_put(s, "old/a", both, 3 << 20);
	pair_put(s, "old/b", both + (3 << 20), 3 << 20);
	pair_put(s, "new/c", both, 6 << 20);
	free(both);
	pair_open(s, &p);
	assert_true(p.stats.bytes < 1000);
	(void)close(p.delta);
	p.delta = pair_encode(&p, 2, 20 << 20);
	pair_must_hold(&p);
	pair_close(&p);
}

static void
any_number_of_threads_chooses_the_same(void **state)
{
	const struct scratch *s = *state;
	static uint8_t one[200000], four[200000];
	uint8_t *all = pair_bytes(PARTS * PART, 3);
	struct delta_pair p;
	ssize_t n;
	int fd;

	pair_folders(s);
	for (unsigned i = 0; i < PARTS; i++) {
		put_part(s, "old", i, all + i * PART, PART);
		put_part(s, "new", i, all + i * PART / 2, PART + i);
	}
	pair_put(s, "new/bundle", all, PARTS * PART);
	free(all);
	pair_open(s, &p);
	fd = pair_encode(&p, 1, 0);
	n = pread(fd, one, sizeof one, 0);
	(void)close(fd);
	fd = pair_encode(&p, 4, 0);
	assert_true(n > 0 && n < (ssize_t)sizeof one);
	assert_int_equal(pread(fd, four, sizeof four, 0), n);
	assert_memory_equal(one, four, (size_t)n);
	(void)close(fd);
	pair_must_hold(&p);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_file_merged_of_many_costs_next_to_nothing),
		SCRATCH_TEST(a_file_split_into_many_costs_next_to_nothing),
		SCRATCH_TEST(what_an_ancestor_lacks_comes_from_another_file),
		SCRATCH_TEST(a_new_file_draws_from_one_that_was_built_before),
		SCRATCH_TEST(an_output_may_draw_from_a_chain_of_earlier_ones),
		SCRATCH_TEST(more_parts_than_sources_still_come_back),
		SCRATCH_TEST(little_memory_means_fewer_sources),
		SCRATCH_TEST(any_number_of_threads_chooses_the_same),
	};

	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
