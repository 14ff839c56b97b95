/*
 * test_deflate_prove.c - which parameters make streams again, whoever looks for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mkdelta/encode/deflate_find.h"
#include "tests/lab/streams.h"

enum { LARGE = 64 << 20, TEXT = 60000 };

static void
find(const struct buf *file, struct found *f)
{
	struct err e = ERR_INIT;

	assert_int_equal(deflate_find(file->data, file->len, LARGE, f, &e), 0);
	for (size_t i = 0; i < f->n; i++)
		f->v[i].use = true;
}

static void
threads_do_not_matter(void **state)
{
	struct buf file = BUF_INIT(LARGE);
	struct found f[3];
	struct err e = ERR_INIT;

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		uint8_t *text = streams_text(400 + i * 100, i);
		const struct deflate_params p = { (uint8_t)(1 + i % 9),
			(uint8_t)(8 + i % 2), DEFLATE_PLAIN, 15 };

		streams_zlib(&file, text, 400 + i * 100, &p);
		free(text);
	}
	for (unsigned i = 0; i < 3; i++) {
		find(&file, &f[i]);
		assert_int_equal(deflate_prove(file.data, &f[i], 4, i + 1, &e), 0);
		assert_int_equal(f[i].n, f[0].n);
		for (size_t k = 0; k < f[i].n; k++) {
			assert_int_equal(f[i].v[k].use, f[0].v[k].use);
			assert_int_equal(f[i].v[k].code, f[0].v[k].code);
		}
	}
	for (unsigned i = 0; i < 3; i++)
		found_free(&f[i]);
	buf_free(&file);
}

static void
no_more_kinds_of_parameters_than_allowed(void **state)
{
	struct buf file = BUF_INIT(LARGE);
	uint8_t *text = streams_text(TEXT, 7);
	bool seen[DEFLATE_CODES] = { false };
	struct err e = ERR_INIT;
	size_t kinds = 0;
	struct found f;

	(void)state;
	for (uint8_t level = 1; level <= 9; level++)
		streams_zlib(&file, text, TEXT,
		    &(struct deflate_params){ level, 8, DEFLATE_PLAIN, 15 });
	find(&file, &f);
	assert_int_equal(deflate_prove(file.data, &f, 3, 1, &e), 0);
	for (size_t i = 0; i < f.n; i++)
		if (f.v[i].use && !seen[f.v[i].code]) {
			seen[f.v[i].code] = true;
			kinds++;
		}
	assert_int_equal(kinds, 3);
	found_free(&f);
	buf_free(&file);
	free(text);
}

/* Room for what is unpacked is asked of a device: not for what is next to nothing. */
static void
bombs_stay_packed(void **state)
{
	enum { BOMB = 30 << 20 };
	struct buf file = BUF_INIT(LARGE);
	uint8_t *zeros = calloc(1, BOMB), *text = streams_text(TEXT, 3);
	struct found f;

	(void)state;
	assert_non_null(zeros);
	streams_zstd(&file, zeros, BOMB, 1, true, true);
	streams_zstd(&file, zeros, BOMB - 1, 1, true, true);
	streams_xz(&file, zeros, BOMB, 0, false);
	streams_zstd(&file, text, TEXT, 3, true, true);
	find(&file, &f);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.v[0].plain, BOMB);
	assert_int_equal(f.v[1].plain, TEXT);
	found_free(&f);
	buf_free(&file);
	free(zeros);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_do_not_matter),
		cmocka_unit_test(no_more_kinds_of_parameters_than_allowed),
		cmocka_unit_test(bombs_stay_packed),
	};

	return cmocka_run_group_tests_name("deflate_prove", tests, NULL, NULL);
}
