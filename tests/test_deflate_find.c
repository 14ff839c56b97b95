/*
 * test_deflate_find.c - from files to lists and back: find, prove, expand, repack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>

#include "apply/patch/repack.h"
#include "mkdelta/encode/deflate_list.h"
#include "tests/lab/streams.h"

enum { LARGE = 64 << 20, TEXT = 60000, KINDS = 8 };

static struct arena arena = { .limit = 16 << 20 };

static void
add(struct buf *b, const void *data, size_t n)
{
	struct err e = ERR_INIT;

	assert_int_equal(buf_add(b, data, n, &e), 0);
}

static void
find(const struct buf *file, struct found *f)
{
	struct err e = ERR_INIT;

	assert_int_equal(deflate_find(file->data, file->len, LARGE, f, &e), 0);
	for (size_t i = 0; i < f->n; i++)
		f->v[i].use = true;
}

static void
expand_by(const struct buf *file, const struct buf *list, struct expand_list *l,
    struct buf *out)
{
	struct streams_list at = { list, 0 };
	struct numbers from = streams_numbers(&at);
	struct old old = streams_old(file);
	struct buf kept_bytes = BUF_INIT(LARGE);
	struct sink to = streams_sink(&kept_bytes);
	struct old kept, form;
	struct expand_view v;
	struct err e = ERR_INIT;

	assert_int_equal(expand_list_read(l, &arena, &from, &e), 0);
	if (expand(&old, l, &arena, &to, &e) == -1)
		fail_msg("%s", e.text);
	kept = streams_old(&kept_bytes);
	v = (struct expand_view){ &old, &kept, 0, l };
	form = expand_view(&v);
	assert_int_equal(buf_reserve(out, (size_t)form.bytes, &e), 0);
	assert_int_equal(old_read(&form, out->data, (size_t)form.bytes, 0, &e), 0);
	out->len = (size_t)form.bytes;
	buf_free(&kept_bytes);
}

static void
repack_by(const struct buf *form, const struct buf *list, const struct expand_list *old,
    size_t piece, const struct sink *to)
{
	struct streams_list at = { list, 0 };
	struct numbers from = streams_numbers(&at);
	struct err e = ERR_INIT;
	struct repack_list l;
	struct repack *r;

	assert_int_equal(repack_list_read(&l, old, &arena, &from, &e), 0);
	assert_int_equal(at.at, list->len);
	assert_non_null(r = repack_open(&l, to, &arena, &e));
	for (size_t i = 0; i < form->len; i += piece)
		assert_int_equal(repack_write(r, form->data + i,
		    form->len - i < piece ? form->len - i : piece, &e), 0);
	assert_int_equal(repack_end(r, &e), 0);
	repack_close(r, &arena);
	repack_list_free(&l, &arena);
}

/* Find and prove all streams of a file; then its expanded form, and the file out of
 * that.  How many streams took part. */
static size_t
there_and_back(const struct buf *file, size_t piece, struct buf *form)
{
	struct buf old_list = BUF_INIT(LARGE), list = BUF_INIT(LARGE),
	    got = BUF_INIT(LARGE);
	struct sink to = streams_sink(&got);
	struct found f, none = { 0 };
	struct expand_list l;
	struct err e = ERR_INIT;
	size_t n;

	find(file, &f);
	assert_int_equal(deflate_prove(file->data, &f, KINDS, 2, &e), 0);
	assert_int_equal(deflate_list_new(file->data, file->len, &f, &none, &list, &e),
	    0);
	assert_int_equal(deflate_list_old(file->data, file->len, &f, &old_list, &e), 0);
	n = found_used(&f);
	expand_by(file, &old_list, &l, form);
	assert_int_equal(form->len, found_expanded(&f, file->len));
	repack_by(form, &list, NULL, piece, &to);
	assert_int_equal(got.len, file->len);
	assert_memory_equal(got.data, file->data, got.len);
	expand_list_free(&l, &arena);
	assert_int_equal(arena.used, 0);
	found_free(&f);
	buf_free(&old_list);
	buf_free(&list);
	buf_free(&got);
	return n;
}

static void
assert_there_and_back(const struct buf *file, size_t streams)
{
	struct buf form = BUF_INIT(LARGE);
	size_t n = there_and_back(file, 10000, &form);

	if (n != streams)
		fail_msg("%zu streams, %zu expected", n, streams);
	buf_free(&form);
}

static void
gz_of_each_level_is_made_again(void **state)
{
	uint8_t *text = streams_text(TEXT, 1);

	(void)state;
	for (uint8_t level = 1; level <= 9; level++)
		for (uint8_t mem = 8; mem <= 9; mem++) {
			struct buf file = BUF_INIT(LARGE);
			struct deflate_params p = { level, mem, DEFLATE_PLAIN, 15 };

			streams_gz(&file, "name", text, TEXT, &p);
			assert_there_and_back(&file, 1);
			buf_free(&file);
		}
	free(text);
}

static void
other_strategies_and_windows_are_made_again(void **state)
{
	static const struct deflate_params p[] = { { 6, 8, DEFLATE_FILTERED, 15 },
		{ 6, 8, DEFLATE_HUFFMAN, 15 }, { 6, 9, DEFLATE_RLE, 15 },
		{ 6, 8, DEFLATE_FIXED, 15 }, { 6, 5, DEFLATE_PLAIN, 15 } };
	uint8_t *text = streams_text(TEXT, 1);
	struct buf file = BUF_INIT(LARGE);

	(void)state;
	for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
		streams_zlib(&file, text, TEXT, &p[i]);
	add(&file, "....IDAT", 8);
	streams_zlib(&file, text, 2000, &(struct deflate_params){ 9, 8, 1, 11 });
	assert_there_and_back(&file, 6);
	buf_free(&file);
	free(text);
}

static void
frames_of_zstd_and_xz_are_made_again(void **state)
{
	static const uint32_t presets[] = { 0, 6, 9 | LZMA_PRESET_EXTREME, 4 };
	uint8_t *text = streams_text(TEXT, 1);
	struct buf file = BUF_INIT(LARGE);

	(void)state;
	for (int i = 0; i < 12; i++)
		streams_zstd(&file, text + i * 99, TEXT - 5000, 1 + i % 4 * 7, i > 0,
		    i % 2 == 0);
	assert_there_and_back(&file, 12);
	buf_reset(&file);
	for (uint32_t i = 0; i < 12; i++)
		streams_xz(&file, text, TEXT - i, presets[i % 4], i % 2 == 0);
	assert_there_and_back(&file, 12);
	buf_free(&file);
	free(text);
}

static void
a_zip_of_many_is_made_again_from_any_pieces(void **state)
{
	struct buf file = BUF_INIT(LARGE), form = BUF_INIT(LARGE);

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		uint8_t *text = streams_text(500 + i * 10, i);

		streams_zip(&file, "a/name", text, 500 + i * 10, i % 2 == 0,
		    &streams_usual);
		free(text);
	}
	assert_int_equal(there_and_back(&file, 1, &form), 300);
	buf_free(&form);
	assert_int_equal(there_and_back(&file, LARGE, &form), 300);
	buf_free(&form);
	buf_free(&file);
}

static void
noise_and_small_streams_stay_as_they_are(void **state)
{
	struct buf file = BUF_INIT(LARGE);

	(void)state;
	streams_noise(&file, 1 << 20, 5);
	streams_gz(&file, NULL, (const uint8_t *)"", 0, &streams_usual);
	streams_gz(&file, NULL, (const uint8_t *)"short", 5, &streams_usual);
	assert_there_and_back(&file, 0);
	buf_reset(&file);
	add(&file, "", 0);
	assert_there_and_back(&file, 0);
	buf_free(&file);
}

static void
a_stream_cut_off_at_the_end_stays_as_it_is(void **state)
{
	uint8_t *text = streams_text(TEXT, 1);
	struct buf file = BUF_INIT(LARGE);

	(void)state;
	streams_zlib(&file, text, TEXT, &streams_usual);
	streams_zlib(&file, text, TEXT, &streams_usual);
	for (size_t cut = 5; cut < 3000; cut = cut * 3 + 1) {
		file.len -= cut;
		assert_there_and_back(&file, 1);
		file.len += cut;
	}
	file.len -= 4;		/* the sum alone is missing */
	assert_there_and_back(&file, 2);
	buf_free(&file);
	free(text);
}

/* One that inflates but was not made by zlib: two streams, the first of which does
 * not end, glued at a byte. */
static void
what_zlib_does_not_make_stays_as_it_is(void **state)
{
	static const uint8_t stored[] = { 0x00, 0x64, 0x00, 0x9b, 0xff };
	uint8_t *text = streams_text(TEXT, 1);
	struct buf file = BUF_INIT(LARGE);

	(void)state;
	streams_zlib(&file, text, TEXT, &streams_usual);
	add(&file, "\x78\x9c", 2);
	add(&file, stored, sizeof stored);	/* 100 bytes, and another block */
	add(&file, text, 100);
	streams_raw(&file, text + 100, TEXT - 100, &streams_usual);
	streams_zlib(&file, text, TEXT / 2, &streams_usual);
	assert_there_and_back(&file, 2);
	buf_free(&file);
	free(text);
}

static void
a_stream_over_the_limit_is_none(void **state)
{
	uint8_t *text = streams_text(TEXT, 1);
	struct buf file = BUF_INIT(LARGE);
	struct err e = ERR_INIT;
	struct found f;

	(void)state;
	streams_zlib(&file, text, TEXT, &streams_usual);
	assert_int_equal(deflate_find(file.data, file.len, TEXT, &f, &e), 0);
	assert_int_equal(f.n, 1);
	found_free(&f);
	assert_int_equal(deflate_find(file.data, file.len, TEXT - 1, &f, &e), 0);
	assert_int_equal(f.n, 0);
	found_free(&f);
	buf_free(&file);
	free(text);
}

/* A header in a stream that stays as it is can hide the one behind it. */
static void
hidden_streams_are_left_out_of_the_list(void **state)
{
	uint8_t *text = streams_text(TEXT, 1);
	struct buf file = BUF_INIT(LARGE), list = BUF_INIT(LARGE), form = BUF_INIT(LARGE);
	struct err e = ERR_INIT;
	struct expand_list l;
	struct found f;

	(void)state;
	streams_zip(&file, "one", text, TEXT, false, &streams_usual);
	streams_zip(&file, "two", text, TEXT, false, &streams_usual);
	find(&file, &f);
	assert_int_equal(f.n, 2);
	f.v[1].at++;			/* no place of opening.h */
	assert_int_equal(deflate_list_old(file.data, file.len, &f, &list, &e), 0);
	assert_true(f.v[0].use);
	assert_false(f.v[1].use);
	expand_by(&file, &list, &l, &form);
	assert_int_equal(form.len, file.len + TEXT - f.v[0].packed);
	expand_list_free(&l, &arena);
	found_free(&f);
	buf_free(&file);
	buf_free(&list);
	buf_free(&form);
	free(text);
}

static void
the_same_on_both_sides_stays_packed(void **state)
{
	uint8_t *a = streams_text(TEXT, 1), *b = streams_text(TEXT, 2),
	    *c = streams_text(TEXT + 5, 2);
	struct buf old = BUF_INIT(LARGE), new = BUF_INIT(LARGE), form = BUF_INIT(LARGE),
	    old_list = BUF_INIT(LARGE), list = BUF_INIT(LARGE), got = BUF_INIT(LARGE);
	struct sink to = streams_sink(&got);
	struct found was, is;
	struct expand_list l;
	struct err e = ERR_INIT;

	(void)state;
	streams_zip(&old, "a", a, TEXT, false, &streams_usual);
	streams_zip(&old, "b", b, TEXT, false, &streams_usual);
	streams_zip(&new, "b", c, TEXT + 5, false, &streams_usual);
	streams_zip(&new, "a", a, TEXT, false, &streams_usual);
	find(&old, &was);
	find(&new, &is);
	assert_int_equal(found_differ(&was, &is, &e), 0);
	assert_false(was.v[0].use);
	assert_true(was.v[1].use);
	assert_true(is.v[0].use);
	assert_false(is.v[1].use);
	assert_int_equal(deflate_prove(new.data, &is, KINDS, 1, &e), 0);
	assert_int_equal(deflate_list_old(old.data, old.len, &was, &old_list, &e), 0);
	assert_int_equal(deflate_list_new(new.data, new.len, &is, &was, &list, &e), 0);
	expand_by(&old, &old_list, &l, &form);
	buf_reset(&form);
	add(&form, new.data, is.v[0].at);
	add(&form, c, TEXT + 5);
	add(&form, new.data + is.v[0].at + is.v[0].packed,
	    new.len - is.v[0].at - is.v[0].packed);
	repack_by(&form, &list, &l, 100, &to);
	assert_int_equal(got.len, new.len);
	assert_memory_equal(got.data, new.data, got.len);
	expand_list_free(&l, &arena);
	found_free(&was);
	found_free(&is);
	buf_free(&old);
	buf_free(&new);
	buf_free(&old_list);
	buf_free(&list);
	buf_free(&form);
	buf_free(&got);
	free(a);
	free(b);
	free(c);
}

/* A gz in a zip in a zip: three times expanded, three times repacked in a chain. */
static void
nested_streams_come_back_through_a_chain(void **state)
{
	enum { DEPTH = 3 };
	uint8_t *text = streams_text(TEXT, 1);
	struct buf form[DEPTH + 1], list[DEPTH];
	struct buf got = BUF_INIT(LARGE), tail = BUF_INIT(LARGE);
	struct sink to[DEPTH + 1] = { streams_sink(&got) };
	struct repack_list l[DEPTH];
	struct repack *r[DEPTH];
	struct found f, none = { 0 };
	struct expand_list el;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i <= DEPTH; i++)
		buf_init(&form[i], LARGE);
	streams_gz(&form[2], "inner", text, TEXT, &streams_usual);
	streams_noise(&tail, 5000, 1);
	add(&form[2], tail.data, tail.len);
	streams_zip(&form[1], "middle", form[2].data, form[2].len, true, &streams_usual);
	add(&form[1], text, 100);
	streams_zip(&form[0], "outer", form[1].data, form[1].len, false, &streams_usual);
	buf_reset(&form[1]);
	buf_reset(&form[2]);
	for (size_t i = 0; i < DEPTH; i++) {
		struct buf old_list = BUF_INIT(LARGE);
		struct streams_list at = { &list[i], 0 };
		struct numbers from = streams_numbers(&at);

		buf_init(&list[i], LARGE);
		find(&form[i], &f);
		assert_int_equal(deflate_prove(form[i].data, &f, KINDS, 2, &e), 0);
		assert_int_equal(deflate_list_new(form[i].data, form[i].len, &f, &none,
		    &list[i], &e), 0);
		assert_int_equal(deflate_list_old(form[i].data, form[i].len, &f,
		    &old_list, &e), 0);
		assert_int_equal(found_used(&f), 1);
		expand_by(&form[i], &old_list, &el, &form[i + 1]);
		assert_int_equal(repack_list_read(&l[i], NULL, &arena, &from, &e), 0);
		assert_non_null(r[i] = repack_open(&l[i], &to[i], &arena, &e));
		to[i + 1] = repack_sink(r[i]);
		expand_list_free(&el, &arena);
		found_free(&f);
		buf_free(&old_list);
	}
	assert_non_null(memmem(form[DEPTH].data, form[DEPTH].len, text, TEXT));
	for (size_t i = 0; i < form[DEPTH].len; i += 999)
		assert_int_equal(to[DEPTH].write(to[DEPTH].arg, form[DEPTH].data + i,
		    form[DEPTH].len - i < 999 ? form[DEPTH].len - i : 999, &e), 0);
	for (size_t i = DEPTH; i-- > 0;) {
		assert_int_equal(repack_end(r[i], &e), 0);
		repack_close(r[i], &arena);
		repack_list_free(&l[i], &arena);
	}
	assert_int_equal(got.len, form[0].len);
	assert_memory_equal(got.data, form[0].data, got.len);
	for (size_t i = 0; i <= DEPTH; i++)
		buf_free(&form[i]);
	for (size_t i = 0; i < DEPTH; i++)
		buf_free(&list[i]);
	buf_free(&got);
	buf_free(&tail);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gz_of_each_level_is_made_again),
		cmocka_unit_test(other_strategies_and_windows_are_made_again),
		cmocka_unit_test(frames_of_zstd_and_xz_are_made_again),
		cmocka_unit_test(a_zip_of_many_is_made_again_from_any_pieces),
		cmocka_unit_test(noise_and_small_streams_stay_as_they_are),
		cmocka_unit_test(a_stream_cut_off_at_the_end_stays_as_it_is),
		cmocka_unit_test(what_zlib_does_not_make_stays_as_it_is),
		cmocka_unit_test(a_stream_over_the_limit_is_none),
		cmocka_unit_test(hidden_streams_are_left_out_of_the_list),
		cmocka_unit_test(the_same_on_both_sides_stays_packed),
		cmocka_unit_test(nested_streams_come_back_through_a_chain),
	};

	return cmocka_run_group_tests_name("deflate_find", tests, NULL, NULL);
}
