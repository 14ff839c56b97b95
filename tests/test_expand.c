/*
 * test_expand.c - the expanded form of a file, by lists that are right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/expand.h"
#include "tests/lab/streams.h"

enum { PLAIN = 50000 };

struct scene {
	struct buf file, want, list;
	uint8_t *a, *b;
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

/* A gz and a zlib stream, with a place before the second that is none. */
static void
setup(struct scene *s)
{
	*s = (struct scene){ .file = BUF_INIT(1 << 20), .want = BUF_INIT(1 << 20),
		.list = BUF_INIT(1 << 20), .arena = { .limit = 1 << 20 } };
	s->a = streams_text(PLAIN, 1);
	s->b = streams_text(PLAIN, 2);
	streams_gz(&s->file, "a", s->a, PLAIN, &streams_usual);
	add(&s->want, s->file.data, 12);
	add(&s->want, s->a, PLAIN);
	add(&s->want, s->file.data + s->file.len - 8, 8);
	add(&s->file, "\x78\x9c no stream", 12);
	add(&s->want, "\x78\x9c no stream", 12);
	streams_zlib(&s->file, s->b, PLAIN, &streams_usual);
	add(&s->want, "\x78\x9c", 2);
	add(&s->want, s->b, PLAIN);
	add(&s->want, s->file.data + s->file.len - 4, 4);
	add(&s->file, "the end", 7);
	add(&s->want, "the end", 7);
	list_is(s, (uint64_t[]){ s->want.len, 2, 0, 1 }, 4);
}

static void
teardown(struct scene *s)
{
	assert_int_equal(s->arena.used, 0);
	buf_free(&s->file);
	buf_free(&s->want);
	buf_free(&s->list);
	free(s->a);
	free(s->b);
}

/* All of the form, in reads of many lengths. */
static void
read_form(const struct old *file, const struct buf *kept_bytes,
    const struct expand_list *l, struct buf *got)
{
	struct old kept = streams_old(kept_bytes);
	struct expand_view v = { file, &kept, 0, l };
	struct old form = expand_view(&v);
	struct err e = ERR_INIT;
	uint8_t block[9000];

	assert_int_equal(form.bytes, l->bytes);
	for (uint64_t at = 0, n = 1; at < form.bytes; at += n, n = n * 7 % 9000 + 1) {
		n = form.bytes - at < n ? form.bytes - at : n;
		assert_int_equal(old_read(&form, block, n, at, &e), 0);
		add(got, block, n);
	}
	if (l->n > 0) {		/* the last byte of a stream and the first behind it */
		uint64_t end = l->streams[0].form_at + l->streams[0].plain;

		assert_int_equal(old_read(&form, block, 2, end - 1, &e), 0);
		assert_memory_equal(block, got->data + end - 1, 2);
	}
}

/* Expanded into got; the list's sizes in plain when it worked. */
static int
run(struct scene *s, struct buf *got, uint64_t plain[2], struct err *e)
{
	struct streams_list at = { &s->list, 0 };
	struct numbers from = streams_numbers(&at);
	struct old old = streams_old(&s->file);
	struct buf kept_bytes = BUF_INIT(1 << 20);
	struct sink to = streams_sink(&kept_bytes);
	struct expand_list l;
	int rc = expand_list_read(&l, &s->arena, &from, e);

	if (rc == 0)
		rc = expand(&old, &l, &s->arena, &to, e);
	assert_true(kept_bytes.len <= l.bytes);
	if (rc == 0)
		read_form(&old, &kept_bytes, &l, got);
	buf_free(&kept_bytes);
	for (size_t i = 0; rc == 0 && plain != NULL && i < 2 && i < l.n; i++)
		plain[i] = l.streams[i].plain;
	expand_list_free(&l, &s->arena);
	assert_int_equal(s->arena.used, 0);
	return rc;
}

static void
streams_become_what_they_hold(void **state)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	uint64_t plain[2] = { 0 };
	struct scene s;

	(void)state;
	setup(&s);
	assert_int_equal(run(&s, &got, plain, &e), 0);
	assert_int_equal(got.len, s.want.len);
	assert_memory_equal(got.data, s.want.data, got.len);
	assert_int_equal(plain[0], PLAIN);
	assert_int_equal(plain[1], PLAIN);
	buf_free(&got);
	teardown(&s);
}

static void
an_empty_list_gives_the_file(void **state)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	list_is(&s, (uint64_t[]){ s.file.len, 0 }, 2);
	assert_int_equal(run(&s, &got, NULL, &e), 0);
	assert_int_equal(got.len, s.file.len);
	assert_memory_equal(got.data, s.file.data, got.len);
	buf_reset(&s.file);
	buf_reset(&got);
	list_is(&s, (uint64_t[]){ 0, 0 }, 2);
	assert_int_equal(run(&s, &got, NULL, &e), 0);
	assert_int_equal(got.len, 0);
	buf_free(&got);
	teardown(&s);
}

static void
each_wrong_number_is_refused(void **state)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	for (size_t i = 0; i < 4; i++)
		for (int sign = -1; sign <= 1; sign += 2) {
			uint64_t v[] = { s.want.len, 2, 0, 1 };

			v[i] += (uint64_t)(int64_t)sign;
			list_is(&s, v, 4);
			buf_reset(&got);
			e.code = ERR_NONE;
			assert_int_equal(run(&s, &got, NULL, &e), -1);
			assert_int_equal(e.code, ERR_FORMAT);
			assert_true(got.len <= s.want.len + 1);
		}
	list_is(&s, (uint64_t[]){ s.want.len, 2, 0 }, 3);
	assert_int_equal(run(&s, &got, NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&got);
	teardown(&s);
}

static void
a_long_list_is_refused_before_it_costs(void **state)
{
	static const uint64_t lists[][2] = { { 100, 70000 }, { 100, UINT64_MAX },
		{ 100, UINT64_MAX / 40 + 2 } };
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		list_is(&s, lists[i], 2);
		e.code = ERR_NONE;
		assert_int_equal(run(&s, &got, NULL, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_int_equal(s.arena.peak, 0);
	}
	buf_free(&got);
	teardown(&s);
}

static void
a_stream_cut_off_or_damaged_is_refused(void **state)
{
	struct buf got = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	setup(&s);
	s.file.len -= 100;
	assert_int_equal(run(&s, &got, NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	s.file.len += 100;
	s.file.data[12] = 0xff;
	buf_reset(&got);
	assert_int_equal(run(&s, &got, NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&got);
	teardown(&s);
}

/* What inflates to a thousand times its size never gets further than was said. */
static void
a_bomb_stops_at_what_is_said(void **state)
{
	uint8_t *zeros = calloc(1, 4 << 20);
	struct buf got = BUF_INIT(64 << 20);
	struct err e = ERR_INIT;
	struct scene s;

	(void)state;
	assert_non_null(zeros);
	setup(&s);
	s.arena.limit = 8 << 20;
	for (int kind = 0; kind < 3; kind++) {
		buf_reset(&s.file);
		buf_reset(&got);
		if (kind == 0)
			streams_zlib(&s.file, zeros, 4 << 20, &streams_usual);
		else if (kind == 1)
			streams_zstd(&s.file, zeros, 4 << 20, 1, false, false);
		else
			streams_xz(&s.file, zeros, 4 << 20, 6, false);
		list_is(&s, (uint64_t[]){ 1000, 1, 0 }, 3);
		assert_int_equal(run(&s, &got, NULL, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_true(got.len <= 1000);
	}
	buf_free(&got);
	teardown(&s);
	free(zeros);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_become_what_they_hold),
		cmocka_unit_test(an_empty_list_gives_the_file),
		cmocka_unit_test(each_wrong_number_is_refused),
		cmocka_unit_test(a_long_list_is_refused_before_it_costs),
		cmocka_unit_test(a_stream_cut_off_or_damaged_is_refused),
		cmocka_unit_test(a_bomb_stops_at_what_is_said),
	};

	return cmocka_run_group_tests_name("expand", tests, NULL, NULL);
}
