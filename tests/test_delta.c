/*
 * test_delta.c - encoder and decoder against each other, over trees of every kind.
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

#include "tests/lab/delta_pair.h"

static void
contents_of_every_kind_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 255, 4096, 65536, 65537, 200001 };
	const struct scratch *s = *state;

	pair_folders(s);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			pair_fill(s, "old/f", sizes[i], 1);
			pair_fill(s, "new/f", sizes[k], 1 + k % 3);
			(void)pair_round_trip(s);
		}
}

static void
equal_bytes_and_self_overlap_come_back(void **state)
{
	const struct scratch *s = *state;
	uint8_t *flat = calloc(1, 300000);

	assert_non_null(flat);
	pair_folders(s);
	pair_put(s, "old/f", flat, 200000);
	pair_put(s, "new/f", flat, 300000);
	assert_true(pair_round_trip(s) < 200);
	for (size_t i = 0; i < 300000; i++)
		flat[i] = (uint8_t)(i % 7);
	pair_put(s, "new/f", flat, 300000);
	(void)pair_round_trip(s);
	pair_put(s, "old/f", flat + 1, 250000);
	assert_true(pair_round_trip(s) < 300);
	free(flat);
}

static void
a_byte_put_in_front_costs_next_to_nothing(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(500001, 5);

	pair_folders(s);
	pair_put(s, "old/f", data + 1, 500000);
	pair_put(s, "new/f", data, 500001);
	assert_true(pair_round_trip(s) < 200);
	free(data);
}

/* Such bytes tell nothing about what the copies between them would cost. */
static void
fresh_bytes_that_are_all_alike_leave_the_copies(void **state)
{
	enum { RECORD = 60, RECORDS = 20000 };
	const struct scratch *s = *state;
	uint8_t *old = pair_bytes(RECORD * RECORDS, 7);
	uint8_t *new = malloc((RECORD + 1) * RECORDS);

	assert_non_null(new);
	for (size_t i = 0; i < RECORDS; i++) {
		memcpy(new + i * (RECORD + 1), old + i * RECORD, RECORD);
		new[i * (RECORD + 1) + RECORD] = '.';
	}
	pair_folders(s);
	pair_put(s, "old/f", old, RECORD * RECORDS);
	pair_put(s, "new/f", new, (RECORD + 1) * RECORDS);
	assert_true(pair_round_trip(s) < 5000);
	free(old);
	free(new);
}

static void
an_unchanged_tree_costs_less_than_100_bytes(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	pair_fill(s, "old/f", 100000, 1);
	pair_fill(s, "new/f", 100000, 1);
	assert_true(pair_round_trip(s) < 100);
}

static void
a_mode_change_alone_sends_no_content(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	pair_fill(s, "old/f", 100000, 1);
	pair_fill(s, "new/f", 100000, 1);
	assert_int_equal(fchmodat(s->dir, "new/f", 0755, 0), 0);
	assert_true(pair_round_trip(s) < 150);
}

static void
renames_moves_and_duplicates_send_no_content(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	scratch_dir(s, "old/a");
	scratch_dir(s, "new/b");
	pair_fill(s, "old/a/f", 300000, 1);
	pair_fill(s, "new/b/renamed", 300000, 1);
	pair_fill(s, "new/copy", 300000, 1);
	assert_true(pair_round_trip(s) < 300);
}

static void
a_new_content_that_stands_twice_is_sent_once(void **state)
{
	const struct scratch *s = *state;
	uint64_t once, twice;

	pair_folders(s);
	pair_fill(s, "old/f", 1000, 1);
	pair_fill(s, "new/x", 300000, 9);
	once = pair_round_trip(s);
	pair_fill(s, "new/y", 300000, 9);
	twice = pair_round_trip(s);
	assert_true(twice < once + 100);
}

static void
a_renamed_and_changed_file_finds_its_ancestor(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(400000, 3);

	pair_folders(s);
	pair_fill(s, "old/aaa", 400000, 8);
	pair_put(s, "old/bbb", data, 400000);
	pair_fill(s, "old/ccc", 400000, 7);
	data[200000] ^= 1;
	pair_put(s, "new/zzz", data, 400000);
	assert_true(pair_round_trip(s) < 400);
	free(data);
}

static void
hard_links_symlinks_and_empty_folders_come_back(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	pair_fill(s, "old/f", 1000, 1);
	scratch_dir(s, "new/empty");
	pair_fill(s, "new/one", 50000, 2);
	assert_int_equal(linkat(s->dir, "new/one", s->dir, "new/two", 0), 0);
	scratch_link(s, "../../etc/passwd", "new/link");
	scratch_file(s, "new/none", "");
	(void)pair_round_trip(s);
}

static void
thousands_of_tiny_files_come_back(void **state)
{
	const struct scratch *s = *state;
	char name[64], text[64];

	pair_folders(s);
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(text, sizeof text, "file %d\n", i);
		(void)snprintf(name, sizeof name, "old/f%d", i);
		scratch_file(s, name, text);
		(void)snprintf(text, sizeof text, "file %d%s\n", i, i % 3 == 0 ? "!" :
		    "");
		(void)snprintf(name, sizeof name, "new/f%d", i);
		scratch_file(s, name, text);
	}
	(void)pair_round_trip(s);
}

static void
random_edits_of_trees_come_back(void **state)
{
	const struct scratch *s = *state;

	srand(3);
	pair_folders(s);
	for (int round = 0; round < 25; round++) {
		char name[32];

		for (unsigned i = 0; i < 6; i++) {
			size_t n = (size_t)(rand() % 20000), cut = n == 0 ? 0 :
			    (size_t)rand() % n;
			uint8_t *data = pair_bytes(n + 100, (unsigned)rand() % 4);

			(void)snprintf(name, sizeof name, "old/%u", i);
			pair_put(s, name, data, n);
			(void)snprintf(name, sizeof name, "new/%d", rand() % 6);
			for (int k = 0; k < 5; k++)
				data[(size_t)rand() % (n + 100)] ^= 0x55;
			memmove(data + cut, data + cut + 50, n - cut);
			pair_put(s, name, data, n);
			free(data);
		}
		(void)pair_round_trip(s);
	}
}

static void
the_same_trees_give_the_same_bytes_with_any_threads(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;
	static char one[500000], four[500000];
	ssize_t n;
	int fd;

	pair_folders(s);
	for (unsigned i = 0; i < 8; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "old/%u", i);
		pair_fill(s, name, 30000 + i, i % 3);
		(void)snprintf(name, sizeof name, "new/%u", i);
		pair_fill(s, name, 29000 + i, i % 4);
	}
	pair_open(s, &p);
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

static void
little_memory_costs_bytes_not_correctness(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(6 << 20, 4);
	struct delta_pair p;

	pair_folders(s);
	pair_put(s, "old/f", data, 6 << 20);
	memmove(data + 1000, data + 1100, (6 << 20) - 1100);
	pair_put(s, "new/f", data, (6 << 20) - 100);
	free(data);
	pair_open(s, &p);
	(void)close(p.delta);
	p.delta = pair_encode(&p, 1, 8 << 20);
	pair_must_hold(&p);
	assert_true(p.stats.bytes < 20000);
	pair_close(&p);
}

static void
few_changes_are_written_sparse_and_many_plain(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(400000, 3);
	struct delta_pair p;

	pair_folders(s);
	pair_put(s, "old/few", data, 400000);
	pair_put(s, "old/many", data, 400000);
	for (size_t i = 0; i < 400000; i += 40000)
		data[i] ^= 1;
	pair_put(s, "new/few", data, 400000);
	/* As in code whose addresses moved: the same change at every fourth byte. */
	for (size_t i = 0; i < 400000; i += 4)
		data[i] = (uint8_t)(data[i] + 16);
	pair_put(s, "new/many", data, 400000);
	pair_open(s, &p);
	pair_must_hold(&p);
	assert_true(pair_stream(&p, "runs") >= 10 && pair_stream(&p, "runs") < 1000);
	assert_int_equal(pair_stream(&p, "diff"), 400000);
	pair_close(&p);
	free(data);
}

static void
streams_larger_than_what_is_kept_in_memory_come_back(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	scratch_file(s, "old/f", "");
	pair_fill(s, "new/a", 3 << 20, 1);
	pair_fill(s, "new/b", 3 << 20, 2);
	assert_true(pair_round_trip(s) > 5 << 20);
}

static void
a_hard_link_that_ends_or_begins_comes_back(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	pair_fill(s, "old/a", 5000, 1);
	assert_int_equal(linkat(s->dir, "old/a", s->dir, "old/b", 0), 0);
	pair_fill(s, "old/c", 5000, 2);
	pair_fill(s, "new/a", 5000, 1);
	pair_fill(s, "new/b", 5001, 1);
	pair_fill(s, "new/c", 5002, 2);
	assert_int_equal(linkat(s->dir, "new/c", s->dir, "new/d", 0), 0);
	assert_true(pair_round_trip(s) < 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(contents_of_every_kind_come_back),
		SCRATCH_TEST(equal_bytes_and_self_overlap_come_back),
		SCRATCH_TEST(a_byte_put_in_front_costs_next_to_nothing),
		SCRATCH_TEST(fresh_bytes_that_are_all_alike_leave_the_copies),
		SCRATCH_TEST(an_unchanged_tree_costs_less_than_100_bytes),
		SCRATCH_TEST(a_mode_change_alone_sends_no_content),
		SCRATCH_TEST(renames_moves_and_duplicates_send_no_content),
		SCRATCH_TEST(a_new_content_that_stands_twice_is_sent_once),
		SCRATCH_TEST(a_renamed_and_changed_file_finds_its_ancestor),
		SCRATCH_TEST(hard_links_symlinks_and_empty_folders_come_back),
		SCRATCH_TEST(thousands_of_tiny_files_come_back),
		SCRATCH_TEST(random_edits_of_trees_come_back),
		SCRATCH_TEST(the_same_trees_give_the_same_bytes_with_any_threads),
		SCRATCH_TEST(little_memory_costs_bytes_not_correctness),
		SCRATCH_TEST(few_changes_are_written_sparse_and_many_plain),
		SCRATCH_TEST(streams_larger_than_what_is_kept_in_memory_come_back),
		SCRATCH_TEST(a_hard_link_that_ends_or_begins_comes_back),
	};

	return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}
