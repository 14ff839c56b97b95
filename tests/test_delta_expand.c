/*
 * test_delta_expand.c - deltas between files with deflate streams in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/delta.h"
#include "manifest/base/bytes.h"
#include "mkdelta/encode/delta_check.h"

#include "tests/lab/delta_pair.h"
#include "tests/lab/streams.h"

enum { TEXT = 40000, MAX = 16 << 20 };

/* Prose of which one word differs. */
static uint8_t *
text_but_one(size_t n, uint32_t seed)
{
	uint8_t *text = streams_text(n, seed);

	memcpy(text + n / 2, "another word", 12);
	return text;
}

/* A zip of `n` texts; number `changed` differs. */
static void
put_zip(const struct scratch *s, const char *rel, uint32_t n, uint32_t changed, bool late)
{
	struct buf zip = BUF_INIT(MAX);

	for (uint32_t i = 0; i < n; i++) {
		uint8_t *text = i == changed ? text_but_one(TEXT, i) :
		    streams_text(TEXT, i);
		char name[16];

		(void)snprintf(name, sizeof name, "file-%u", i);
		streams_zip(&zip, name, text, TEXT, late, &streams_usual);
		free(text);
	}
	pair_put(s, rel, zip.data, zip.len);
	buf_free(&zip);
}

/* The bytes of the delta between the folders; what it needs in *p until closed. */
static uint64_t
make(const struct scratch *s, struct delta_pair *p)
{
	pair_open(s, p);
	pair_must_hold(p);
	return p->stats.bytes;
}

static void
a_changed_word_in_a_zip_costs_little(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;

	pair_folders(s);
	for (int late = 0; late < 2; late++) {
		put_zip(s, "old/z", 20, UINT32_MAX, late);
		put_zip(s, "new/z", 20, 13, late);
		assert_in_range(make(s, &p), 1, 300);
		assert_int_equal(p.stats.scratch_bytes, TEXT);
		/* Short streams are what GNU gzip makes too: no zlib is needed. */
		assert_int_equal(p.stats.n_codes, 0);
		assert_int_not_equal(pair_stream(&p, "lists"), 0);
		pair_close(&p);
	}
}

static void
streams_that_only_move_are_not_inflated(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;

	pair_folders(s);
	put_zip(s, "old/z", 5, UINT32_MAX, false);
	put_zip(s, "new/z", 4, UINT32_MAX, false);
	assert_in_range(make(s, &p), 1, 200);
	assert_int_equal(p.stats.scratch_bytes, 0);
	assert_int_equal(p.stats.n_codes, 0);
	assert_int_equal(pair_stream(&p, "lists"), 0);
	pair_close(&p);
}

/* A stream that only zlib makes: in gz short ones can be GNU gzip's. */
static void
put_zlib(const struct scratch *s, const char *rel, const uint8_t *text, size_t n,
    const struct deflate_params *params)
{
	struct buf f = BUF_INIT(MAX);

	streams_zlib(&f, text, n, params);
	pair_put(s, rel, f.data, f.len);
	buf_free(&f);
}

static void
put_gz(const struct scratch *s, const char *rel, const uint8_t *text, size_t n,
    const struct deflate_params *params)
{
	struct buf gz = BUF_INIT(MAX);

	streams_gz(&gz, "name", text, n, params);
	pair_put(s, rel, gz.data, gz.len);
	buf_free(&gz);
}

/* An executable of which LOADED bytes are loaded, with a stream in them or behind. */
static void
put_executable(const struct scratch *s, const char *rel, const uint8_t *text, bool behind)
{
	enum { LOADED = 128 << 10, INSIDE = 4096, ADDRESS = 1 << 22 };
	struct buf stream = BUF_INIT(MAX);
	uint8_t *data = streams_text(LOADED + MAX / 64, 9);
	size_t at = behind ? LOADED + 16 : INSIDE;

	streams_zlib(&stream, text, TEXT, &streams_usual);
	memset(data, 0, 120);
	memcpy(data, "\177ELF\2\1\1", 7);
	data[16] = 2;			/* an executable for x86-64 */
	data[18] = 62;
	data[20] = 1;
	data[32] = data[52] = 64;	/* the program header: where, how big, one */
	data[54] = 56;
	data[56] = 1;
	data[58] = 64;
	data[64] = 1;			/* to be loaded */
	le64_store(data + 64 + 16, ADDRESS);
	le64_store(data + 64 + 32, LOADED);
	le64_store(data + 64 + 40, LOADED);
	memcpy(data + at, stream.data, stream.len);
	pair_put(s, rel, data, LOADED + MAX / 64);
	free(data);
	buf_free(&stream);
}

static void
what_an_executable_loads_stays_packed(void **state)
{
	const struct scratch *s = *state;
	uint8_t *a = streams_text(TEXT, 1), *b = text_but_one(TEXT, 1);
	struct delta_pair p;

	pair_folders(s);
	for (int behind = 0; behind < 2; behind++) {
		put_executable(s, "old/f", a, behind);
		put_executable(s, "new/f", b, behind);
		(void)make(s, &p);
		assert_int_equal(p.stats.n_codes, behind);
		pair_close(&p);
	}
	free(a);
	free(b);
}

/* The old one needs no parameters: it is inflated only. */
static void
another_level_costs_only_its_name(void **state)
{
	static const struct deflate_params best = { 9, 9, DEFLATE_PLAIN, 15 };
	const struct scratch *s = *state;
	uint8_t *a = streams_text(TEXT, 1), *b = text_but_one(TEXT, 1);
	struct deflate_params params;
	struct delta_pair p;

	pair_folders(s);
	put_zlib(s, "old/f", a, TEXT, &streams_usual);
	put_zlib(s, "new/f", b, TEXT, &best);
	assert_in_range(make(s, &p), 1, 250);
	assert_int_equal(p.stats.n_codes, 1);
	assert_int_equal(deflate_decode(p.stats.codes[0], &params), 0);
	assert_int_equal(params.level, 9);
	pair_close(&p);
	free(a);
	free(b);
}

/* A zip of gzs in another zip, all changed within. */
static void
put_nested(const struct scratch *s, const char *rel, const uint8_t *text)
{
	struct buf gz = BUF_INIT(MAX), inner = BUF_INIT(MAX), outer = BUF_INIT(MAX);

	streams_gz(&gz, NULL, text, TEXT, &streams_usual);
	streams_zip(&inner, "a.gz", gz.data, gz.len, false, &streams_usual);
	streams_zip(&inner, "b.gz", gz.data, gz.len, true, &streams_usual);
	streams_zip(&outer, "in.zip", inner.data, inner.len, true, &streams_usual);
	pair_put(s, rel, outer.data, outer.len);
	buf_free(&gz);
	buf_free(&inner);
	buf_free(&outer);
}

static void
nested_streams_are_reached(void **state)
{
	const struct scratch *s = *state;
	uint8_t *a = streams_text(TEXT, 1), *b = text_but_one(TEXT, 1);
	struct delta_pair p;

	pair_folders(s);
	put_nested(s, "old/f.zip", a);
	put_nested(s, "new/f.zip", b);
	assert_in_range(make(s, &p), 1, 400);
	assert_true(p.stats.scratch_bytes > 2 * TEXT);
	pair_close(&p);
	free(a);
	free(b);
}

static void
what_zlib_cannot_make_again_comes_back_too(void **state)
{
	static const uint8_t stored[] = { 0x78, 0x9c, 0x00, 0x64, 0x00, 0x9b, 0xff };
	const struct scratch *s = *state;
	uint8_t *a = streams_text(TEXT, 1), *b = text_but_one(TEXT, 1);
	struct buf f = BUF_INIT(MAX);
	struct err e = ERR_INIT;
	struct delta_pair p;

	pair_folders(s);
	for (int i = 0; i < 2; i++) {
		const uint8_t *text = i == 0 ? a : b;

		buf_reset(&f);
		assert_int_equal(buf_add(&f, stored, sizeof stored, &e), 0);
		assert_int_equal(buf_add(&f, text, 100, &e), 0);
		streams_raw(&f, text + 100, TEXT - 100, &streams_usual);
		streams_zlib(&f, text, TEXT, &streams_usual);
		pair_put(s, i == 0 ? "old/f" : "new/f", f.data, f.len);
	}
	(void)make(s, &p);
	assert_int_equal(p.stats.n_codes, 1);
	pair_close(&p);
	buf_free(&f);
	free(a);
	free(b);
}

/* More sets of parameters than a delta may name: some files stay as they are. */
static void
many_kinds_of_parameters_come_back(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;

	pair_folders(s);
	for (uint8_t i = 0; i < 18; i++) {
		const struct deflate_params params = { (uint8_t)(1 + i % 9),
			(uint8_t)(8 + i / 9), DEFLATE_PLAIN, 15 };
		uint8_t *a = streams_text(TEXT, i), *b = text_but_one(TEXT, i);
		char name[16];

		(void)snprintf(name, sizeof name, "old/%u.gz", i);
		put_gz(s, name, a, TEXT, &params);
		memcpy(name, "new", 3);
		put_gz(s, name, b, TEXT, &params);
		free(a);
		free(b);
	}
	(void)make(s, &p);
	assert_in_range(p.stats.n_codes, 2, DELTA_NEEDS_DEFLATE_MAX);
	for (size_t i = 1; i < p.stats.n_codes; i++)
		assert_true(p.stats.codes[i - 1] < p.stats.codes[i]);
	pair_close(&p);
}

static uint8_t *
bytes_of(int fd, size_t *n)
{
	off_t end = lseek(fd, 0, SEEK_END);
	uint8_t *data = malloc((size_t)end);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)end, 0), end);
	*n = (size_t)end;
	return data;
}

static void
threads_do_not_matter(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;
	uint8_t *one, *three;
	size_t n, m;
	int fd;

	pair_folders(s);
	put_zip(s, "old/z", 12, UINT32_MAX, false);
	put_zip(s, "new/z", 12, 3, true);
	put_zip(s, "old/y", 3, UINT32_MAX, false);
	put_zip(s, "new/y", 3, 0, false);
	(void)make(s, &p);
	one = bytes_of(p.delta, &n);
	fd = pair_encode(&p, 3, 0);
	three = bytes_of(fd, &m);
	assert_int_equal(n, m);
	assert_memory_equal(one, three, n);
	(void)close(fd);
	pair_close(&p);
	free(one);
	free(three);
}

static size_t
small(const struct scratch *s, struct delta_pair *p, uint8_t **delta)
{
	size_t n;

	pair_folders(s);
	put_zip(s, "old/z", 3, UINT32_MAX, false);
	put_zip(s, "new/z", 3, 1, false);
	(void)make(s, p);
	*delta = bytes_of(p->delta, &n);
	return n;
}

/* Where scratch stands in the header: behind the memory, a varint. */
static void
too_little_scratch_is_refused(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct delta_pair p;
	uint8_t *delta;
	uint64_t v;
	size_t n = small(s, &p, &delta), at = 20;
	int fd;

	at += varint_load(delta + at, n - at, &v);
	assert_int_not_equal(varint_load(delta + at, n - at, &v), 0);
	assert_int_equal(v, TEXT);
	delta[at]--;
	fd = pair_memory_file(delta, n);
	assert_int_equal(delta_check(p.old, p.old_dir, p.new, fd, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, "scratch"));
	(void)close(fd);
	free(delta);
	pair_close(&p);
}

static int
full_disk(void *arg, int *fd, struct err *e)
{
	(void)arg;
	*fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	return *fd == -1 ? err_sys(e, "open /dev/full") : 0;
}

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	const struct delta_pair *p = arg;
	static int open_fd = -1;

	(void)e;
	if (open_fd != -1)
		(void)close(open_fd);
	open_fd = openat(p->old_dir, p->old->entries[index].path, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(open_fd, -1);
	*fd = open_fd;
	*bytes = p->old->entries[index].size;
	return 0;
}

static void
a_full_disk_says_what_is_full(void **state)
{
	const struct scratch *s = *state;
	struct buf old = BUF_INIT(MAX), text = BUF_INIT(MAX);
	struct delta_pair p;
	struct delta_io io = { .arg = &p, .open_old = open_old, .scratch = full_disk };
	struct err e = ERR_INIT;
	uint8_t *delta;
	struct delta *d;

	(void)small(s, &p, &delta);
	assert_non_null(d = delta_open(p.delta, UINT64_MAX, &e));
	assert_int_equal(listing_emit(p.old, &old, &e), 0);
	assert_int_equal(delta_listing(d, old.data, old.len, &text, &e), 0);
	assert_int_equal(delta_build(d, 1, &io, &e), -1);
	assert_int_equal(e.code, ERR_ROOM);
	assert_non_null(strstr(e.text, "scratch file"));
	delta_close(d);
	buf_free(&old);
	buf_free(&text);
	free(delta);
	pair_close(&p);
}

static void
damage_anywhere_does_not_pass(void **state)
{
	const struct scratch *s = *state;
	struct delta_pair p;
	uint8_t *delta;
	size_t n = small(s, &p, &delta), passed = 0;

	for (size_t i = 20; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct err e = ERR_INIT;
			int fd;

			delta[i] ^= (uint8_t)(1 << bit);
			fd = pair_memory_file(delta, n);
			/* What passes has made the signed bytes all the same: more
			 * memory declared than used, a name never looked at. */
			passed += delta_check(p.old, p.old_dir, p.new, fd, &e) == 0;
			(void)close(fd);
			delta[i] ^= (uint8_t)(1 << bit);
		}
	assert_true(passed < 50);
	free(delta);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_changed_word_in_a_zip_costs_little),
		SCRATCH_TEST(streams_that_only_move_are_not_inflated),
		SCRATCH_TEST(what_an_executable_loads_stays_packed),
		SCRATCH_TEST(another_level_costs_only_its_name),
		SCRATCH_TEST(nested_streams_are_reached),
		SCRATCH_TEST(what_zlib_cannot_make_again_comes_back_too),
		SCRATCH_TEST(many_kinds_of_parameters_come_back),
		SCRATCH_TEST(threads_do_not_matter),
		SCRATCH_TEST(too_little_scratch_is_refused),
		SCRATCH_TEST(a_full_disk_says_what_is_full),
		SCRATCH_TEST(damage_anywhere_does_not_pass),
	};

	return cmocka_run_group_tests_name("delta_expand", tests, NULL, NULL);
}
