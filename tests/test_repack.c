/*
 * test_repack.c - a file made again out of its expanded form, by lists that are
 * right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/repack.h"
#include "manifest/base/bytes.h"
#include "tests/lab/streams.h"

enum { PLAIN = 50000, NUMBERS = 10 };

struct scene {
	struct buf file, form, list;
	uint64_t numbers[NUMBERS];
	struct arena arena;
};

static void
add(struct buf *b, const void *data, size_t n)
{
	struct err e = ERR_INIT;

	assert_int_equal(buf_add(b, data, n, &e), 0);
}

static void
list_is(struct scene *s, const uint64_t *v, size_t n)
{
	struct err e = ERR_INIT;

	buf_reset(&s->list);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_add_varint(&s->list, v[i], &e), 0);
}

/* Two entries of a zip with different parameters, behind one that is stored. */
static void
setup(struct scene *s)
{
	static const struct deflate_params other = { 1, 9, DEFLATE_FILTERED, 15 };
	uint8_t *a = streams_text(PLAIN, 1), *b = streams_text(PLAIN / 2, 2);
	size_t first;

	*s = (struct scene){ .file = BUF_INIT(1 << 20), .form = BUF_INIT(1 << 20),
		.list = BUF_INIT(1 << 20), .arena = { .limit = 2 << 20 } };
	add(&s->file, "PK\3\4....\10\0 no entry, and no stream \0\0\0\0", 38);
	streams_zip(&s->file, "a", a, PLAIN, false, &streams_usual);
	add(&s->form, s->file.data, 38 + 30 + 5);
	add(&s->form, a, PLAIN);
	first = s->file.len;
	streams_zip(&s->file, "bee", b, PLAIN / 2, true, &other);
	add(&s->form, s->file.data + first, 30 + 7);
	add(&s->form, b, PLAIN / 2);
	add(&s->form, s->file.data + s->file.len - 16, 16);
	memcpy(s->numbers, (uint64_t[NUMBERS]){ s->form.len, 2, 0, 0, 0, 0,
	    zigzag(PLAIN), zigzag(PLAIN / 2), 0, 1 + deflate_code(&other) },
	    sizeof s->numbers);
	list_is(s, s->numbers, NUMBERS);
	free(a);
	free(b);
}

static void
teardown(struct scene *s)
{
	assert_int_equal(s->arena.used, 0);
	buf_free(&s->file);
	buf_free(&s->form);
	buf_free(&s->list);
}

static int
feed(const struct scene *s, struct repack *r, size_t piece, struct err *e)
{
	for (size_t at = 0; at < s->form.len; at += piece)
		if (repack_write(r, s->form.data + at,
		    s->form.len - at < piece ? s->form.len - at : piece, e) == -1)
			return -1;
	return repack_end(r, e);
}

static int
run(struct scene *s, const struct expand_list *old, size_t piece, struct buf *got,
    struct err *e)
{
	struct streams_list at = { &s->list, 0 };
	struct numbers from = streams_numbers(&at);
	struct sink to = streams_sink(got);
	struct repack *r = NULL;
	struct repack_list l;
	int rc = repack_list_read(&l, old, &s->arena, &from, e);

	buf_reset(got);
	if (rc == 0 && (r = repack_open(&l, &to, &s->arena, e)) == NULL)
		rc = -1;
	if (rc == 0)
		rc = feed(s, r, piece, e);
	repack_close(r, &s->arena);
	repack_list_free(&l, &s->arena);
	assert_int_equal(s->arena.used, 0);
	return rc;
}

static void
assert_made(struct scene *s, const struct expand_list *old, size_t piece)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	if (run(s, old, piece, &got, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(got.len, s->file.len);
	assert_memory_equal(got.data, s->file.data, got.len);
	buf_free(&got);
}

static void
the_file_is_made_again_from_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = { 1, 2, 37, 4096, 32768, 1 << 20 };
	struct scene s;

	(void)state;
	setup(&s);
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
		assert_made(&s, NULL, pieces[i]);
	teardown(&s);
}

/* Nothing but the list's own figure stands for what is missing in the old file. */
static void
sizes_come_from_the_old_list(void **state)
{
	struct expand_stream v[] = { { .plain = 7 }, { .plain = PLAIN }, { .plain = 9 },
		{ .plain = PLAIN / 2 - 1 } };
	struct expand_list old = { 0, 4, v };
	struct scene s;

	(void)state;
	setup(&s);
	s.numbers[4] = zigzag(1);
	s.numbers[5] = zigzag(1);
	s.numbers[6] = 0;
	s.numbers[7] = zigzag(1);
	list_is(&s, s.numbers, NUMBERS);
	assert_made(&s, &old, 1000);
	s.numbers[5] = zigzag(-2);		/* back to the first */
	s.numbers[7] = zigzag(PLAIN / 2 - 7);
	list_is(&s, s.numbers, NUMBERS);
	assert_made(&s, &old, 1000);
	s.numbers[5] = zigzag(INT64_MIN);	/* nowhere */
	s.numbers[7] = zigzag(PLAIN / 2);
	list_is(&s, s.numbers, NUMBERS);
	assert_made(&s, &old, 1000);
	teardown(&s);
}

/* Either refused, or other bytes: which the hash of the output tells. */
static void
each_wrong_number_shows(void **state)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	for (size_t i = 0; i < NUMBERS; i++)
		for (int sign = -1; sign <= 1; sign += 2) {
			uint64_t v[NUMBERS];

			if (i == 4 || i == 5)
				continue;	/* no old list: says nothing */
			memcpy(v, s.numbers, sizeof v);
			v[i] += (uint64_t)(int64_t)sign;
			list_is(&s, v, NUMBERS);
			if (run(&s, NULL, 1000, &got, &e) == 0 &&
			    got.len == s.file.len &&
			    memcmp(got.data, s.file.data, got.len) == 0)
				fail_msg("number %zu %+d changes nothing", i, sign);
		}
	for (size_t n = 0; n < NUMBERS; n++) {
		list_is(&s, s.numbers, n);
		assert_int_equal(run(&s, NULL, 1000, &got, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	buf_free(&got);
	teardown(&s);
}

static void
numbers_beyond_all_bounds_are_refused(void **state)
{
	static const struct { size_t at; uint64_t v; } bad[] = { { 1, UINT64_MAX },
		{ 1, 1 << 20 }, { 6, UINT64_MAX }, { 6, UINT64_MAX - 1 }, { 6, 0 },
		{ 7, UINT64_MAX - 1 }, { 8, UINT64_MAX }, { 8, DEFLATE_CODES + 1 } };
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint64_t v[NUMBERS];

		memcpy(v, s.numbers, sizeof v);
		v[bad[i].at] = bad[i].v;
		list_is(&s, v, NUMBERS);
		e.code = ERR_NONE;
		assert_int_equal(run(&s, NULL, 1000, &got, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_int_equal(got.len, 0);
	}
	buf_free(&got);
	teardown(&s);
}

static void
what_is_missing_or_too_much_is_refused(void **state)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	for (size_t cut = 1; cut < 20000; cut += 500) {
		s.form.len -= cut;
		assert_int_equal(run(&s, NULL, 1000, &got, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		s.form.len += cut;
	}
	add(&s.form, "x", 1);
	assert_int_equal(run(&s, NULL, 1000, &got, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&got);
	teardown(&s);
}

static void
without_streams_all_passes_through(void **state)
{
	struct scene s;

	(void)state;
	setup(&s);
	buf_reset(&s.form);
	add(&s.form, s.file.data, s.file.len);
	list_is(&s, (uint64_t[]){ s.file.len, 0 }, 2);
	assert_made(&s, NULL, 777);
	teardown(&s);
}

static int
refuse(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	(void)arg;
	(void)data;
	(void)n;
	return err_set(e, ERR_ROOM, "the disk is full");
}

static void
an_error_of_the_next_sink_comes_through(void **state)
{
	struct sink full = { NULL, refuse };
	struct err e = ERR_INIT;
	struct repack_list l;
	struct repack *r;
	struct scene s;

	(void)state;
	setup(&s);
	l = (struct repack_list){ s.form.len, 0, NULL };
	r = repack_open(&l, &full, &s.arena, &e);
	assert_non_null(r);
	assert_int_equal(repack_write(r, s.form.data, 10, &e), -1);
	assert_int_equal(e.code, ERR_ROOM);
	repack_close(r, &s.arena);
	teardown(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_is_made_again_from_pieces_of_any_size),
		cmocka_unit_test(sizes_come_from_the_old_list),
		cmocka_unit_test(each_wrong_number_shows),
		cmocka_unit_test(numbers_beyond_all_bounds_are_refused),
		cmocka_unit_test(what_is_missing_or_too_much_is_refused),
		cmocka_unit_test(without_streams_all_passes_through),
		cmocka_unit_test(an_error_of_the_next_sink_comes_through),
	};

	return cmocka_run_group_tests_name("repack", tests, NULL, NULL);
}
