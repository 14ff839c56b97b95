/*
 * test_embedded.c - deltas between files that hold executables at any place: images of
 * filesystems, archives, and what only looks like it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"

#include "tests/lab/delta_pair.h"
#include "tests/lab/elf_fields.h"
#include "tests/lab/golden.h"
#include "tests/lab/seed.h"

enum { MAX = 64 << 20, PROGRAMS = 5 };

static const char *const programs[PROGRAMS] = { "x86-64", "aarch64", "thumb", "i386",
	"module-x86-64" };

struct side {
	uint8_t *data[PROGRAMS];
	size_t n[PROGRAMS];
};

static struct side old, new;

static int
load(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROGRAMS; i++) {
		old.data[i] = golden_read(programs[i], "old/program", &old.n[i]);
		new.data[i] = golden_read(programs[i], "new/program", &new.n[i]);
	}
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROGRAMS; i++) {
		free(old.data[i]);
		free(new.data[i]);
	}
	return 0;
}

static void
add(struct buf *b, const void *data, size_t n)
{
	struct err e;

	assert_int_equal(buf_add(b, data, n, &e), 0);
}

static void
add_noise(struct buf *b, size_t n, unsigned seed)
{
	uint8_t *noise = pair_bytes(n, seed);

	add(b, noise, n);
	free(noise);
}

/* The programs in this order, behind noise of odd length. */
static void
put_image(const struct scratch *s, const char *rel, const struct side *from,
    const unsigned *order, size_t n)
{
	struct buf b = BUF_INIT(MAX);

	for (size_t i = 0; i < n; i++) {
		add_noise(&b, 1001 + 17 * order[i], order[i]);
		add(&b, from->data[order[i]], from->n[order[i]]);
	}
	add_noise(&b, 3000, 99);
	pair_put(s, rel, b.data, b.len);
	buf_free(&b);
}

/* Bytes of the delta; does it rewrite operands? */
static uint64_t
make(const struct scratch *s, uint32_t *rules)
{
	struct delta_pair p;
	uint64_t bytes;

	pair_open(s, &p);
	pair_must_hold(&p);
	bytes = p.stats.bytes;
	*rules = p.stats.rules;
	pair_close(&p);
	return bytes;
}

static const unsigned in_order[PROGRAMS] = { 0, 1, 2, 3, 4 };

/* What the programs cost as files of a tree. */
static uint64_t
cost_of_files(const struct scratch *s)
{
	uint32_t rules;
	uint64_t bytes;

	pair_folders(s);
	for (size_t i = 0; i < PROGRAMS; i++) {
		char rel[32];

		(void)snprintf(rel, sizeof rel, "old/%zu", i);
		pair_put(s, rel, old.data[i], old.n[i]);
		(void)snprintf(rel, sizeof rel, "new/%zu", i);
		pair_put(s, rel, new.data[i], new.n[i]);
	}
	bytes = make(s, &rules);
	for (size_t i = 0; i < PROGRAMS; i++) {
		char rel[32];

		(void)snprintf(rel, sizeof rel, "old/%zu", i);
		assert_int_equal(unlinkat(s->dir, rel, 0), 0);
		(void)snprintf(rel, sizeof rel, "new/%zu", i);
		assert_int_equal(unlinkat(s->dir, rel, 0), 0);
	}
	return bytes;
}

static void
programs_in_an_image_cost_what_they_cost_as_files(void **state)
{
	uint64_t files = cost_of_files(*state), image;
	uint32_t rules;

	put_image(*state, "old/image", &old, in_order, PROGRAMS);
	put_image(*state, "new/image", &new, in_order, PROGRAMS);
	image = make(*state, &rules);
	assert_true(image < files + files / 10);
	assert_int_not_equal(rules, 0);
}

static void
programs_in_another_order_cost_the_same(void **state)
{
	static const unsigned others[PROGRAMS] = { 3, 0, 4, 2, 1 };
	uint64_t files = cost_of_files(*state), image;
	uint32_t rules;

	put_image(*state, "old/image", &old, in_order, PROGRAMS);
	put_image(*state, "new/image", &new, others, PROGRAMS);
	image = make(*state, &rules);
	assert_true(image < files + files / 5);
	assert_int_not_equal(rules, 0);
}

static void
programs_that_come_and_go_do_not_matter_to_others(void **state)
{
	static const unsigned fewer[3] = { 1, 2, 4 }, more[4] = { 0, 1, 2, 4 };
	uint32_t rules;

	pair_folders(*state);
	put_image(*state, "old/image", &old, fewer, 3);
	put_image(*state, "new/image", &new, more, 4);
	(void)make(*state, &rules);
	assert_int_not_equal(rules, 0);
	put_image(*state, "old/image", &old, more, 4);
	put_image(*state, "new/image", &new, fewer, 3);
	(void)make(*state, &rules);
	assert_int_not_equal(rules, 0);
}

static void
an_image_that_ends_in_a_program_comes_back(void **state)
{
	struct buf a = BUF_INIT(MAX), b = BUF_INIT(MAX);
	uint32_t rules;

	for (size_t i = 0; i < PROGRAMS; i++) {
		size_t cut = (size_t)seed_below(old.n[i]);

		seed_note("program %zu, cut to %zu", i, cut);
		a.len = b.len = 0;
		add_noise(&a, 501, 1);
		add(&a, old.data[0], old.n[0]);
		add(&a, old.data[i], cut);
		add_noise(&b, 501, 1);
		add(&b, new.data[0], new.n[0]);
		add(&b, new.data[i], cut < new.n[i] ? cut : new.n[i]);
		pair_folders(*state);
		pair_put(*state, "old/image", a.data, a.len);
		pair_put(*state, "new/image", b.data, b.len);
		(void)make(*state, &rules);
		assert_int_not_equal(rules, 0);
		assert_int_equal(unlinkat(((struct scratch *)*state)->dir, "old/image", 0),
		    0);
		assert_int_equal(unlinkat(((struct scratch *)*state)->dir, "new/image", 0),
		    0);
		assert_int_equal(unlinkat(((struct scratch *)*state)->dir, "old",
		    AT_REMOVEDIR), 0);
		assert_int_equal(unlinkat(((struct scratch *)*state)->dir, "new",
		    AT_REMOVEDIR), 0);
	}
	buf_free(&a);
	buf_free(&b);
}

/* A program whose second half is not where it should be: another one is. */
static void
programs_in_fragments_come_back(void **state)
{
	struct buf a = BUF_INIT(MAX), b = BUF_INIT(MAX);
	size_t half_a = old.n[0] / 2, half_b = new.n[0] / 2;
	uint32_t rules;

	add_noise(&a, 4096, 1);
	add(&a, old.data[0], half_a);
	add(&a, old.data[1], old.n[1]);
	add(&a, old.data[0] + half_a, old.n[0] - half_a);
	add_noise(&b, 4096, 1);
	add(&b, new.data[0], half_b);
	add_noise(&b, 100, 2);
	add(&b, new.data[0] + half_b, new.n[0] - half_b);
	add(&b, new.data[1], new.n[1]);
	pair_folders(*state);
	pair_put(*state, "old/image", a.data, a.len);
	pair_put(*state, "new/image", b.data, b.len);
	(void)make(*state, &rules);
	buf_free(&a);
	buf_free(&b);
}

/* Headers with nothing behind them that is a program, in each other's segments. */
static void
a_thousand_headers_without_programs_come_back(void **state)
{
	struct buf a = BUF_INIT(MAX), b = BUF_INIT(MAX);
	uint32_t rules;

	for (unsigned i = 0; i < 1000; i++) {
		size_t which = (size_t)seed_below(PROGRAMS), n = 64 +
		    (size_t)seed_below(400), gap = (size_t)seed_below(3000);

		add(&a, old.data[which], n);
		add_noise(&a, gap, i);
		add(&b, new.data[which], n);
		add_noise(&b, gap, i + i % 2);
		if (i % 10 == 0) {
			add(&a, "\177ELF\177ELF\2\1\1", 11);
			add(&b, "ARM\x64\177ELF", 8);
		}
	}
	pair_folders(*state);
	pair_put(*state, "old/image", a.data, a.len);
	pair_put(*state, "new/image", b.data, b.len);
	(void)make(*state, &rules);
	buf_free(&a);
	buf_free(&b);
}

/* Headers that say anything, in an image. */
static void
headers_in_an_image_may_lie(void **state)
{
	static struct elf_field fields[1000];
	size_t n = elf_fields(old.data[0], old.n[0], fields, 1000);
	uint32_t rules;

	pair_folders(*state);
	for (unsigned i = 0; i < 40; i++) {
		const struct elf_field *f = &fields[seed_below(n)];
		uint64_t was = elf_field_get(old.data[0], f);
		bool both = seed_below(2) == 1;
		uint64_t is_new = elf_field_get(new.data[0], f), v = seed_next() >>
		    seed_below(64);

		seed_note("field at %zu is %llx, both: %d", f->at, (unsigned long long)v,
		    both);
		elf_field_set(old.data[0], f, v);
		if (both)
			elf_field_set(new.data[0], f, v);
		put_image(*state, "old/image", &old, in_order, 3);
		put_image(*state, "new/image", &new, in_order, 3);
		(void)make(*state, &rules);
		elf_field_set(old.data[0], f, was);
		elf_field_set(new.data[0], f, is_new);
	}
}

/* Files of a filesystem have holes where they are all zeros, and no order. */
static void
make_filesystem(const struct scratch *s, const char *image, const char *from)
{
	char command[1024];

	(void)snprintf(command, sizeof command, "cd %s && truncate -s 8M %s && "
	    "PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -F -E hash_seed=%s -U %s -d %s %s "
	    "2>/dev/null", s->path, image, "11111111-2222-3333-4444-555555555555",
	    "11111111-2222-3333-4444-555555555555", from, image);
	assert_int_equal(system(command), 0);
}

static void
put_program_with_a_hole(const struct scratch *s, const char *rel, const struct side *from,
    size_t which)
{
	struct buf b = BUF_INIT(MAX);
	static const uint8_t zeros[65536];

	add(&b, from->data[which], from->n[which]);
	add(&b, zeros, sizeof zeros);
	add(&b, "end", 3);
	pair_put(s, rel, b.data, b.len);
	buf_free(&b);
}

static void
programs_in_a_filesystem_are_found_by_its_inodes(void **state)
{
	const struct scratch *s = *state;
	uint32_t rules;
	uint64_t bytes;

	if (system("PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -V >/dev/null 2>&1") != 0)
		skip();
	scratch_dir(s, "a");
	scratch_dir(s, "b");
	for (size_t i = 0; i < PROGRAMS; i++) {
		char rel[32];

		(void)snprintf(rel, sizeof rel, "a/%zu", i);
		put_program_with_a_hole(s, rel, &old, i);
		(void)snprintf(rel, sizeof rel, "b/%zu", i);
		put_program_with_a_hole(s, rel, &new, i);
	}
	pair_folders(s);
	make_filesystem(s, "old/image", "a");
	make_filesystem(s, "new/image", "b");
	bytes = make(s, &rules);
	assert_int_not_equal(rules, 0);
	assert_true(bytes < 16000);
}

static void
threads_and_memory_do_not_change_the_delta(void **state)
{
	struct delta_pair p;
	uint8_t a[4096], b[4096];
	int other;
	ssize_t n;

	pair_folders(*state);
	put_image(*state, "old/image", &old, in_order, PROGRAMS);
	put_image(*state, "new/image", &new, in_order, PROGRAMS);
	pair_open(*state, &p);
	other = pair_encode(&p, 7, (uint64_t)1 << 30);
	for (off_t at = 0; (n = pread(p.delta, a, sizeof a, at)) > 0; at += n) {
		assert_int_equal(pread(other, b, sizeof b, at), n);
		assert_memory_equal(a, b, (size_t)n);
	}
	(void)close(other);
	pair_close(&p);
}

/* What the program took at most, in KiB. */
static long
memory_of(const struct scratch *s)
{
	const char *bin = getenv("BIN");
	char program[4096];
	struct rusage use;
	int status;
	pid_t pid;

	(void)snprintf(program, sizeof program, "%s/mkdelta",
	    bin == NULL ? "build/bin" : bin);
	if ((pid = fork()) == 0) {
		if (chdir(s->path) == 0)
			(void)execl(program, "mkdelta", "diff", "-q", "--memory", "16M",
			    "old/image", "new/image", "delta", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(wait4(pid, &status, 0, &use), pid);
	assert_int_equal(status, 0);
	return use.ru_maxrss;
}

/* Of all that is mapped a part is looked at at once; noise without programs is what
 * remains of either side. */
static void
images_larger_than_the_memory_leave_it(void **state)
{
	struct buf a = BUF_INIT(3 * MAX), b = BUF_INIT(3 * MAX);

#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	add_noise(&a, MAX, 7);
	add(&b, a.data, MAX / 2);
	add(&b, "more", 4);
	add(&b, a.data + MAX / 2, MAX / 2);
	add(&a, old.data[0], old.n[0]);
	add(&b, new.data[0], new.n[0]);
	pair_folders(*state);
	pair_put(*state, "old/image", a.data, a.len);
	pair_put(*state, "new/image", b.data, b.len);
	buf_free(&a);
	buf_free(&b);
	assert_true(memory_of(*state) < 3 * (MAX >> 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(programs_in_an_image_cost_what_they_cost_as_files),
		SCRATCH_TEST(programs_in_another_order_cost_the_same),
		SCRATCH_TEST(programs_that_come_and_go_do_not_matter_to_others),
		SCRATCH_TEST(an_image_that_ends_in_a_program_comes_back),
		SCRATCH_TEST(programs_in_fragments_come_back),
		SCRATCH_TEST(a_thousand_headers_without_programs_come_back),
		SCRATCH_TEST(headers_in_an_image_may_lie),
		SCRATCH_TEST(programs_in_a_filesystem_are_found_by_its_inodes),
		SCRATCH_TEST(images_larger_than_the_memory_leave_it),
		SCRATCH_TEST(threads_and_memory_do_not_change_the_delta),
	};

	seed_start();
	return cmocka_run_group_tests_name("embedded", tests, load, unload);
}
