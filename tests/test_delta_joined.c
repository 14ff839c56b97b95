/*
 * test_delta_joined.c - runs and changes in one stream: where it pays, and only there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/bytes.h"
#include "mkdelta/encode/joined.h"

#include "tests/lab/delta_pair.h"

enum { FILE_BYTES = 2000000, DISTANCES = 8 };

/* A number that depends on those before. */
static unsigned
draw(uint64_t *x, unsigned below)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*x >> 33) % below;
}

/* What is added is told by the distance to the change before, one of eight. */
static void
put_changes_of_one_kind_each(const struct scratch *s)
{
	uint8_t *data = pair_bytes(FILE_BYTES, 1);
	uint64_t x = 1;

	pair_folders(s);
	pair_put(s, "old/f", data, FILE_BYTES);
	for (size_t at = 0;;) {
		unsigned which = draw(&x, DISTANCES);

		if ((at += 2100 + 301 * which) >= FILE_BYTES)
			break;
		data[at] = (uint8_t)(data[at] + 1 + 29 * which * which);
	}
	pair_put(s, "new/f", data, FILE_BYTES);
	free(data);
}

/* What is added is the same sentence again and again, at any distance. */
static void
put_changes_that_tell_of_each_other(const struct scratch *s)
{
	static const char sentence[] = "the quick brown fox jumps over the lazy dog";
	uint8_t *data = pair_bytes(FILE_BYTES, 2);
	uint64_t x = 1;

	pair_folders(s);
	pair_put(s, "old/f", data, FILE_BYTES);
	for (size_t at = 0, n = 0;; n++) {
		if ((at += 2100 + draw(&x, 2000)) >= FILE_BYTES)
			break;
		data[at] = (uint8_t)(data[at] + sentence[n % (sizeof sentence - 1)]);
	}
	pair_put(s, "new/f", data, FILE_BYTES);
	free(data);
}

static void
changes_that_go_with_their_distance_are_joined(void **state)
{
	struct delta_pair p;

	put_changes_of_one_kind_each(*state);
	pair_open(*state, &p);
	pair_must_hold(&p);
	assert_int_equal(pair_stream(&p, "changes"), 0);
	/* Two bytes of each number, one of what is added. */
	assert_true(pair_stream(&p, "runs") > 3 * 550);
	/* 4 bits each, where apart they take 3 for the number and 3 for the byte. */
	assert_true(p.stats.bytes < 550 * 4 / 8 + 200);
	pair_close(&p);
}

static void
changes_that_go_with_each_other_stay_apart(void **state)
{
	struct delta_pair p;

	put_changes_that_tell_of_each_other(*state);
	pair_open(*state, &p);
	pair_must_hold(&p);
	assert_true(pair_stream(&p, "changes") > 550);
	assert_int_equal(pair_stream(&p, "runs"), 2 * pair_stream(&p, "changes"));
	pair_close(&p);
}

/* All of an image changes at once, a run of nothing before each byte; and not at all. */
static void
joined_runs_of_nothing_and_of_all_come_back(void **state)
{
	static const uint8_t any[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(60000, 3);

	pair_folders(s);
	pair_put(s, "old/a", data, 60000);
	pair_put(s, "old/b", data + 1, 59999);
	data[0] ^= 1;
	data[59999] ^= 1;
	pair_put(s, "new/a", data, 60000);
	data[30000] ^= 1;
	for (size_t i = 0; i < 12; i++)
		data[40000 + i] = (uint8_t)(data[40000 + i] + any[i]);
	pair_put(s, "new/b", data + 1, 59999);
	assert_true(pair_round_trip(s) < 300);
	free(data);
}

static void
a_joined_delta_is_the_same_with_any_threads(void **state)
{
	static uint8_t one[100000], four[100000];
	struct delta_pair p;
	ssize_t n;
	int fd;

	put_changes_of_one_kind_each(*state);
	pair_open(*state, &p);
	fd = pair_encode(&p, 1, 0);
	n = pread(fd, one, sizeof one, 0);
	(void)close(fd);
	fd = pair_encode(&p, 4, 0);
	assert_true(n > 0 && n < (ssize_t)sizeof one);
	assert_int_equal(pread(fd, four, sizeof four, 0), n);
	assert_memory_equal(one, four, (size_t)n);
	(void)close(fd);
	pair_close(&p);
}

/* ---- the stream ---- */

static void
each_number_is_followed_by_its_byte(void **state)
{
	enum { MANY = 40000 };
	struct spill runs, changes, to;
	struct err e = ERR_INIT;
	uint8_t bytes[VARINT_MAX + 1];
	uint64_t x = 7, at = 0, v;

	(void)state;
	spill_init(&runs);
	spill_init(&changes);
	spill_init(&to);
	for (uint64_t i = 0; i < MANY; i++) {
		uint8_t change = (uint8_t)(i * 7);
		size_t n = varint_store(bytes, i * i * i * i << draw(&x, 8));

		assert_int_equal(spill_add(&runs, bytes, n, &e), 0);
		assert_int_equal(spill_add(&changes, &change, 1, &e), 0);
	}
	assert_int_equal(joined_make(&runs, &changes, &to, &e), 0);
	x = 7;
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t left = spill_bytes(&to) - at;
		size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;

		assert_int_equal(spill_read(&to, bytes, n, at, &e), 0);
		n = varint_load(bytes, n, &v);
		assert_true(v == i * i * i * i << draw(&x, 8));
		assert_int_equal(bytes[n], (uint8_t)(i * 7));
		at += n + 1;
	}
	assert_int_equal(at, spill_bytes(&to));
	spill_free(&runs);
	spill_free(&changes);
	spill_free(&to);
}

static void
a_change_without_a_number_is_an_error(void **state)
{
	struct spill runs, changes, to;
	struct err e = ERR_INIT;

	(void)state;
	spill_init(&runs);
	spill_init(&changes);
	spill_init(&to);
	assert_int_equal(spill_add(&runs, "\1\2", 2, &e), 0);
	assert_int_equal(spill_add(&changes, "abc", 3, &e), 0);
	assert_int_equal(joined_make(&runs, &changes, &to, &e), -1);
	assert_non_null(strstr(e.text, "without a run"));
	spill_free(&runs);
	spill_free(&changes);
	spill_free(&to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(changes_that_go_with_their_distance_are_joined),
		SCRATCH_TEST(changes_that_go_with_each_other_stay_apart),
		SCRATCH_TEST(joined_runs_of_nothing_and_of_all_come_back),
		SCRATCH_TEST(a_joined_delta_is_the_same_with_any_threads),
		cmocka_unit_test(each_number_is_followed_by_its_byte),
		cmocka_unit_test(a_change_without_a_number_is_an_error),
	};

	return cmocka_run_group_tests_name("delta_joined", tests, NULL, NULL);
}
