/*
 * test_delta.c - encoder and decoder against each other, and the decoder
 * against damage.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/delta.h"
#include "manifest/base/fs.h"
#include "manifest/listing.h"
#include "mkdelta/delta_check.h"
#include "mkdelta/delta_write.h"
#include "mkdelta/scan.h"
#include "tests/lab/scratch.h"

struct pair {
	const struct scratch *s;
	int old_dir, new_dir;
	struct listing *old, *new;
	int delta;
	struct delta_stats stats;
};

static void
put(const struct scratch *s, const char *rel, const void *data, size_t n)
{
	int fd = openat(s->dir, rel, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd != -1);
	assert_int_equal(write(fd, data, n), n);
	(void)close(fd);
}

/* Bytes that depend on the seed alone; `flat` ones are easy to compress. */
static uint8_t *
bytes(size_t n, unsigned seed)
{
	uint8_t *data = malloc(n + 1);
	uint64_t x = seed * 2654435761u + 1;

	assert_non_null(data);
	for (size_t i = 0; i < n; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(x >> 57);
	}
	return data;
}

static void
fill(const struct scratch *s, const char *rel, size_t n, unsigned seed)
{
	uint8_t *data = bytes(n, seed);

	put(s, rel, data, n);
	free(data);
}

static void
two_trees(const struct scratch *s)
{
	scratch_dir(s, "old");
	scratch_dir(s, "new");
}

static struct listing *
scan(int dir)
{
	struct err e = ERR_INIT;
	struct listing *l = scan_tree(dir, NULL, &e);

	if (l == NULL)
		print_error("%s\n", e.text);
	assert_non_null(l);
	assert_int_equal(listing_index(l, &e), 0);
	return l;
}

static int
encode(struct pair *p, unsigned jobs, uint64_t memory)
{
	struct delta_job job = { .from = p->old, .to = p->new, .from_dir = p->old_dir,
		.to_dir = p->new_dir, .jobs = jobs, .memory_bytes = memory, .level = 3 };
	struct err e = ERR_INIT;
	int fd = memfd_create("delta", MFD_CLOEXEC);

	assert_true(fd != -1);
	if (delta_write(&job, fd, &p->stats, &e) == -1) {
		print_error("%s\n", e.text);
		fail();
	}
	return fd;
}

static void
open_pair(const struct scratch *s, struct pair *p)
{
	struct err e = ERR_INIT;

	p->s = s;
	p->old_dir = fs_open_dir_at(s->dir, "old", &e);
	p->new_dir = fs_open_dir_at(s->dir, "new", &e);
	assert_true(p->old_dir != -1 && p->new_dir != -1);
	p->old = scan(p->old_dir);
	p->new = scan(p->new_dir);
	p->delta = encode(p, 2, 0);
}

static void
close_pair(struct pair *p)
{
	listing_free(p->old);
	listing_free(p->new);
	(void)close(p->old_dir);
	(void)close(p->new_dir);
	(void)close(p->delta);
}

static void
must_hold(const struct pair *p)
{
	struct err e = ERR_INIT;

	if (delta_check(p->old, p->old_dir, p->new, p->delta, &e) == -1) {
		print_error("%s\n", e.text);
		fail();
	}
}

/* The whole way with what stands below old/ and new/; the delta's bytes. */
static uint64_t
round_trip(const struct scratch *s)
{
	struct pair p;

	open_pair(s, &p);
	must_hold(&p);
	close_pair(&p);
	return p.stats.bytes;
}

static void
contents_of_every_kind_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 255, 4096, 65536, 65537, 200001 };
	const struct scratch *s = *state;

	two_trees(s);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			fill(s, "old/f", sizes[i], 1);
			fill(s, "new/f", sizes[k], 1 + k % 3);
			(void)round_trip(s);
		}
}

static void
equal_bytes_and_self_overlap_come_back(void **state)
{
	const struct scratch *s = *state;
	uint8_t *flat = calloc(1, 300000);

	assert_non_null(flat);
	two_trees(s);
	put(s, "old/f", flat, 200000);
	put(s, "new/f", flat, 300000);
	assert_true(round_trip(s) < 200);
	for (size_t i = 0; i < 300000; i++)
		flat[i] = (uint8_t)(i % 7);
	put(s, "new/f", flat, 300000);
	(void)round_trip(s);
	put(s, "old/f", flat + 1, 250000);
	assert_true(round_trip(s) < 300);
	free(flat);
}

static void
a_byte_put_in_front_costs_next_to_nothing(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = bytes(500001, 5);

	two_trees(s);
	put(s, "old/f", data + 1, 500000);
	put(s, "new/f", data, 500001);
	assert_true(round_trip(s) < 200);
	free(data);
}

static void
an_unchanged_tree_costs_less_than_100_bytes(void **state)
{
	const struct scratch *s = *state;

	two_trees(s);
	fill(s, "old/f", 100000, 1);
	fill(s, "new/f", 100000, 1);
	assert_true(round_trip(s) < 100);
}

static void
a_mode_change_alone_sends_no_content(void **state)
{
	const struct scratch *s = *state;

	two_trees(s);
	fill(s, "old/f", 100000, 1);
	fill(s, "new/f", 100000, 1);
	assert_int_equal(fchmodat(s->dir, "new/f", 0755, 0), 0);
	assert_true(round_trip(s) < 150);
}

static void
renames_moves_and_duplicates_send_no_content(void **state)
{
	const struct scratch *s = *state;

	two_trees(s);
	scratch_dir(s, "old/a");
	scratch_dir(s, "new/b");
	fill(s, "old/a/f", 300000, 1);
	fill(s, "new/b/renamed", 300000, 1);
	fill(s, "new/copy", 300000, 1);
	assert_true(round_trip(s) < 300);
}

static void
a_new_content_that_stands_twice_is_sent_once(void **state)
{
	const struct scratch *s = *state;
	uint64_t once, twice;

	two_trees(s);
	fill(s, "old/f", 1000, 1);
	fill(s, "new/x", 300000, 9);
	once = round_trip(s);
	fill(s, "new/y", 300000, 9);
	twice = round_trip(s);
	assert_true(twice < once + 100);
}

static void
a_renamed_and_changed_file_finds_its_ancestor(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = bytes(400000, 3);

	two_trees(s);
	fill(s, "old/aaa", 400000, 8);
	put(s, "old/bbb", data, 400000);
	fill(s, "old/ccc", 400000, 7);
	data[200000] ^= 1;
	put(s, "new/zzz", data, 400000);
	assert_true(round_trip(s) < 400);
	free(data);
}

static void
hard_links_symlinks_and_empty_folders_come_back(void **state)
{
	const struct scratch *s = *state;

	two_trees(s);
	fill(s, "old/f", 1000, 1);
	scratch_dir(s, "new/empty");
	fill(s, "new/one", 50000, 2);
	assert_int_equal(linkat(s->dir, "new/one", s->dir, "new/two", 0), 0);
	scratch_link(s, "../../etc/passwd", "new/link");
	scratch_file(s, "new/none", "");
	(void)round_trip(s);
}

static void
thousands_of_tiny_files_come_back(void **state)
{
	const struct scratch *s = *state;
	char name[64], text[64];

	two_trees(s);
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(text, sizeof text, "file %d\n", i);
		(void)snprintf(name, sizeof name, "old/f%d", i);
		scratch_file(s, name, text);
		(void)snprintf(text, sizeof text, "file %d%s\n", i, i % 3 == 0 ? "!" : "");
		(void)snprintf(name, sizeof name, "new/f%d", i);
		scratch_file(s, name, text);
	}
	(void)round_trip(s);
}

static void
random_edits_of_trees_come_back(void **state)
{
	const struct scratch *s = *state;

	srand(3);
	two_trees(s);
	for (int round = 0; round < 25; round++) {
		char name[32];

		for (unsigned i = 0; i < 6; i++) {
			size_t n = (size_t)(rand() % 20000), cut = n == 0 ? 0 : (size_t)rand() % n;
			uint8_t *data = bytes(n + 100, (unsigned)rand() % 4);

			(void)snprintf(name, sizeof name, "old/%u", i);
			put(s, name, data, n);
			(void)snprintf(name, sizeof name, "new/%d", rand() % 6);
			for (int k = 0; k < 5; k++)
				data[(size_t)rand() % (n + 100)] ^= 0x55;
			memmove(data + cut, data + cut + 50, n - cut);
			put(s, name, data, n);
			free(data);
		}
		(void)round_trip(s);
	}
}

static void
the_same_trees_give_the_same_bytes_with_any_threads(void **state)
{
	const struct scratch *s = *state;
	struct pair p;
	static char one[500000], four[500000];
	ssize_t n;
	int fd;

	two_trees(s);
	for (unsigned i = 0; i < 8; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "old/%u", i);
		fill(s, name, 30000 + i, i % 3);
		(void)snprintf(name, sizeof name, "new/%u", i);
		fill(s, name, 29000 + i, i % 4);
	}
	open_pair(s, &p);
	fd = encode(&p, 1, 0);
	n = pread(fd, one, sizeof one, 0);
	(void)close(fd);
	fd = encode(&p, 4, 0);
	assert_true(n > 0 && n < (ssize_t)sizeof one);
	assert_int_equal(pread(fd, four, sizeof four, 0), n);
	assert_memory_equal(one, four, (size_t)n);
	(void)close(fd);
	close_pair(&p);
}

static void
little_memory_costs_bytes_not_correctness(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = bytes(6 << 20, 4);
	struct pair p;

	two_trees(s);
	put(s, "old/f", data, 6 << 20);
	memmove(data + 1000, data + 1100, (6 << 20) - 1100);
	put(s, "new/f", data, (6 << 20) - 100);
	free(data);
	open_pair(s, &p);
	(void)close(p.delta);
	p.delta = encode(&p, 1, 8 << 20);
	must_hold(&p);
	assert_true(p.stats.bytes < 20000);
	close_pair(&p);
}

static void
a_wrong_old_tree_is_refused_before_output(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct pair p;

	two_trees(s);
	fill(s, "old/f", 1000, 1);
	fill(s, "new/f", 1000, 2);
	open_pair(s, &p);
	assert_int_equal(delta_check(p.new, p.new_dir, p.new, p.delta, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	close_pair(&p);
}

static void
too_much_memory_is_refused_with_both_numbers(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct pair p;

	two_trees(s);
	fill(s, "old/f", 1000, 1);
	fill(s, "new/f", 1000, 2);
	open_pair(s, &p);
	assert_null(delta_open(p.delta, 100000, &e));
	assert_int_equal(e.code, ERR_ROOM);
	assert_non_null(strstr(e.text, "100000 "));
	close_pair(&p);
}

/* ---- damage ---- */

static int
memory_file(const uint8_t *data, size_t n)
{
	int fd = memfd_create("damaged", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, data, n), n);
	return fd;
}

static size_t
small_pair(const struct scratch *s, struct pair *p, uint8_t *out, size_t max)
{
	ssize_t n;

	two_trees(s);
	fill(s, "old/f", 3000, 1);
	fill(s, "new/f", 3500, 1);
	fill(s, "new/g", 100, 7);
	fill(s, "new/h", 100, 7);
	open_pair(s, p);
	n = pread(p->delta, out, max, 0);
	assert_true(n > 0 && n < (ssize_t)max);
	return (size_t)n;
}

static void
a_delta_cut_short_anywhere_is_refused(void **state)
{
	uint8_t data[8192];
	struct err e = ERR_INIT;
	struct pair p;
	size_t n = small_pair(*state, &p, data, sizeof data);

	for (size_t cut = 0; cut < n; cut++) {
		int fd = memory_file(data, cut);

		assert_int_equal(delta_check(p.old, p.old_dir, p.new, fd, &e), -1);
		(void)close(fd);
	}
	close_pair(&p);
}

static void
a_delta_with_a_byte_more_is_refused(void **state)
{
	uint8_t data[8192];
	struct err e = ERR_INIT;
	struct pair p;
	size_t n = small_pair(*state, &p, data, sizeof data);
	int fd;

	data[n] = 0;
	fd = memory_file(data, n + 1);
	assert_int_equal(delta_check(p.old, p.old_dir, p.new, fd, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	(void)close(fd);
	close_pair(&p);
}

/* Header numbers that bound memory and the ids may change without harm to the
 * content; whatever is accepted builds exactly the right tree. */
static void
every_flipped_byte_is_refused_or_harmless(void **state)
{
	uint8_t data[8192];
	struct err e = ERR_INIT;
	struct pair p;
	size_t n = small_pair(*state, &p, data, sizeof data), refused = 0;

	for (size_t at = 0; at < n; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			int fd;

			data[at] = (uint8_t)(data[at] ^ 1u << bit);
			fd = memory_file(data, n);
			refused += delta_check(p.old, p.old_dir, p.new, fd, &e) == -1;
			(void)close(fd);
			data[at] = (uint8_t)(data[at] ^ 1u << bit);
		}
	assert_true(refused > n * 6);
	close_pair(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(contents_of_every_kind_come_back),
		SCRATCH_TEST(equal_bytes_and_self_overlap_come_back),
		SCRATCH_TEST(a_byte_put_in_front_costs_next_to_nothing),
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
		SCRATCH_TEST(a_wrong_old_tree_is_refused_before_output),
		SCRATCH_TEST(too_much_memory_is_refused_with_both_numbers),
		SCRATCH_TEST(a_delta_cut_short_anywhere_is_refused),
		SCRATCH_TEST(a_delta_with_a_byte_more_is_refused),
		SCRATCH_TEST(every_flipped_byte_is_refused_or_harmless),
	};

	return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}
