/*
 * test_delta_damage.c - the decoder against damage, wrong old trees and limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/delta.h"
#include "mkdelta/encode/delta_check.h"

#include "tests/lab/delta_pair.h"
#include "tests/lab/golden.h"
#include "tests/lab/seed.h"

static void
a_wrong_old_tree_is_refused_before_output(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct delta_pair p;

	pair_folders(s);
	pair_fill(s, "old/f", 1000, 1);
	pair_fill(s, "new/f", 1000, 2);
	pair_open(s, &p);
	assert_int_equal(delta_check(p.new, p.new_dir, p.new, p.delta, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	pair_close(&p);
}

static void
too_much_memory_is_refused_with_both_numbers(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct delta_pair p;

	pair_folders(s);
	pair_fill(s, "old/f", 1000, 1);
	pair_fill(s, "new/f", 1000, 2);
	pair_open(s, &p);
	assert_null(delta_open(p.delta, 100000, &e));
	assert_int_equal(e.code, ERR_ROOM);
	assert_non_null(strstr(e.text, "100000 "));
	pair_close(&p);
}

static size_t
small_pair(const struct scratch *s, struct delta_pair *p, uint8_t *out, size_t max)
{
	ssize_t n;

	pair_folders(s);
	pair_fill(s, "old/f", 3000, 1);
	pair_fill(s, "new/f", 3500, 1);
	pair_fill(s, "new/g", 100, 7);
	pair_fill(s, "new/h", 100, 7);
	pair_open(s, p);
	n = pread(p->delta, out, max, 0);
	assert_true(n > 0 && n < (ssize_t)max);
	return (size_t)n;
}

static void
a_delta_cut_short_anywhere_is_refused(void **state)
{
	uint8_t data[8192];
	struct err e = ERR_INIT;
	struct delta_pair p;
	size_t n = small_pair(*state, &p, data, sizeof data);

	for (size_t cut = 0; cut < n; cut++) {
		int fd = pair_memory_file(data, cut);

		assert_int_equal(delta_check(p.old, p.old_dir, p.new, fd, &e), -1);
		(void)close(fd);
	}
	pair_close(&p);
}

static void
a_delta_with_a_byte_more_is_refused(void **state)
{
	uint8_t data[8192];
	struct err e = ERR_INIT;
	struct delta_pair p;
	size_t n = small_pair(*state, &p, data, sizeof data);
	int fd;

	data[n] = 0;
	fd = pair_memory_file(data, n + 1);
	assert_int_equal(delta_check(p.old, p.old_dir, p.new, fd, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	(void)close(fd);
	pair_close(&p);
}

/* Header numbers that bound memory and the ids may change without harm to the
 * content; whatever is accepted builds exactly the right tree. */
static void
every_flipped_byte_is_refused_or_harmless(void **state)
{
	uint8_t data[8192];
	struct err e = ERR_INIT;
	struct delta_pair p;
	size_t n = small_pair(*state, &p, data, sizeof data), refused = 0;

	for (size_t at = 0; at < n; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			int fd;

			data[at] = (uint8_t)(data[at] ^ 1u << bit);
			fd = pair_memory_file(data, n);
			refused += delta_check(p.old, p.old_dir, p.new, fd, &e) == -1;
			(void)close(fd);
			data[at] = (uint8_t)(data[at] ^ 1u << bit);
		}
	assert_true(refused > n * 6);
	pair_close(&p);
}

/* Images, streams of all kinds, several levels, a repeat.  Every second byte, begun by
 * chance; DAMAGE_ALL=1 takes each. */
static void
every_byte_of_a_delta_of_all_kinds_may_be_wrong(void **state)
{
	static uint8_t data[65536];
	const struct scratch *s = *state;
	size_t step = getenv("DAMAGE_ALL") != NULL ? 1 : 2, refused = 0, tried = 0;
	struct err e = ERR_INIT;
	struct delta_pair p;
	ssize_t n;

	pair_folders(s);
	golden_put(s, "x86-64", "program", "program");
	golden_put(s, "thumb", "program", "thumb");
	golden_put(s, "zipped", "nested.zip", "zip");
	golden_put(s, "gzipped", "a.gz", "gz");
	golden_put(s, "substitute", "text", "text");
	pair_fill(s, "new/a", 100, 1);
	pair_fill(s, "new/b", 100, 1);
	pair_open(s, &p);
	n = pread(p.delta, data, sizeof data, 0);
	assert_true(n > 0 && n < (ssize_t)sizeof data);
	for (size_t at = seed_below(step); at < (size_t)n; at += step, tried++) {
		uint8_t was = data[at];
		int fd;

		do
			data[at] = (uint8_t)seed_next();
		while (data[at] == was);
		seed_note("byte %zu of %zu is %02x, not %02x", at, (size_t)n, data[at],
		    was);
		fd = pair_memory_file(data, (size_t)n);
		refused += delta_check(p.old, p.old_dir, p.new, fd, &e) == -1;
		(void)close(fd);
		data[at] = was;
	}
	assert_true(refused > tried * 9 / 10);
	pair_must_hold(&p);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_wrong_old_tree_is_refused_before_output),
		SCRATCH_TEST(too_much_memory_is_refused_with_both_numbers),
		SCRATCH_TEST(a_delta_cut_short_anywhere_is_refused),
		SCRATCH_TEST(a_delta_with_a_byte_more_is_refused),
		SCRATCH_TEST(every_flipped_byte_is_refused_or_harmless),
		SCRATCH_TEST(every_byte_of_a_delta_of_all_kinds_may_be_wrong),
	};

	seed_start();
	return cmocka_run_group_tests_name("delta_damage", tests, NULL, NULL);
}
