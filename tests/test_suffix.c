#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mkdelta/bsdiff.h"
#include "mkdelta/suffix.h"

static size_t
longest_by_hand(const uint8_t *text, size_t n, const uint8_t *pattern, size_t m)
{
	size_t best = 0;

	for (size_t at = 0; at < n; at++) {
		size_t len = 0;

		while (len < m && at + len < n && text[at + len] == pattern[len])
			len++;
		best = len > best ? len : best;
	}
	return best;
}

static void
search_equals_looking_everywhere(void **state)
{
	uint8_t text[200], pattern[40];
	struct err e = ERR_INIT;

	(void)state;
	srand(5);
	for (int round = 0; round < 300; round++) {
		size_t n = (size_t)rand() % sizeof text;
		unsigned letters = 1 + (unsigned)rand() % 4;
		struct suffix *s;

		for (size_t i = 0; i < n; i++)
			text[i] = (uint8_t)((unsigned)rand() % letters);
		assert_non_null(s = suffix_new(text, n, &e));
		for (int k = 0; k < 20; k++) {
			size_t want, m = (size_t)rand() % sizeof pattern, rank, len;

			for (size_t i = 0; i < m; i++)
				pattern[i] = (uint8_t)((unsigned)rand() % letters);
			len = suffix_search(s, pattern, m, &rank);
			want = longest_by_hand(text, n, pattern, m);
			assert_int_equal(len, want < 2 ? 0 : want);
			if (len > 0)
				assert_memory_equal(text + suffix_place(s, rank,
				    len, 0), pattern, len);
		}
		suffix_free(s);
	}
}

static void
blocks_cover_the_new_file_and_stay_in_the_old(void **state)
{
	uint8_t old[600], new[600];
	struct err e = ERR_INIT;

	(void)state;
	srand(6);
	for (int round = 0; round < 500; round++) {
		struct blocks b = { 0 };
		struct suffix *s;
		size_t n_old = (size_t)rand() % sizeof old,
		    n_new = (size_t)rand() % sizeof new;
		unsigned letters = 1 + (unsigned)rand() % 200;
		uint64_t sum = 0;

		for (size_t i = 0; i < n_old; i++)
			old[i] = (uint8_t)((unsigned)rand() % letters);
		for (size_t i = 0; i < n_new; i++)
			new[i] = (uint8_t)(rand() % 4 != 0 && i < n_old ? old[i] :
			    (unsigned)rand() % letters);
		assert_non_null(s = suffix_new(old, n_old, &e));
		assert_int_equal(bsdiff_blocks(old, n_old, round % 2 == 0 ? s : NULL, new,
		    n_new, 8, 0, &b, &e), 0);
		suffix_free(s);
		for (size_t i = 0; i < b.n; i++) {
			assert_true(b.list[i].old_at <= n_old);
			assert_true(b.list[i].copy <= n_old - b.list[i].old_at);
			assert_true(b.list[i].copy + b.list[i].extra > 0);
			sum += b.list[i].copy + b.list[i].extra;
		}
		assert_int_equal(sum, n_new);
		blocks_free(&b);
	}
}

/* More than one window: what comes near is found exactly, what was moved far by its
 * long matches. */
static void
little_memory_finds_what_stayed_and_what_moved(void **state)
{
	enum { HALF = 4 << 20, FAR = 256 << 10 };
	uint8_t *old = malloc(2 * HALF), *new = malloc(2 * HALF);
	struct err e = ERR_INIT;
	struct blocks b = { 0 };
	uint64_t fresh = 0, at = 0;

	(void)state;
	assert_non_null(old);
	assert_non_null(new);
	srand(7);
	for (size_t i = 0; i < 2 * HALF; i++)
		old[i] = (uint8_t)rand();
	memcpy(new, old + 3, 2 * HALF - 3);
	memcpy(new + 2 * HALF - 3, "end", 3);
	memcpy(new + HALF / 2, old + 2 * HALF - FAR, FAR);
	for (size_t i = 0; i < HALF / 4; i += 90)
		new[i] ^= 1;
	assert_int_equal(bsdiff_blocks(old, 2 * HALF, NULL, new, 2 * HALF, 8, 1, &b, &e),
	    0);
	for (size_t i = 0; i < b.n; i++) {
		const struct block *k = &b.list[i];
		size_t wrong = 0;

		assert_true(k->old_at + k->copy <= 2 * HALF);
		for (uint64_t j = 0; j < k->copy; j++)
			wrong += old[k->old_at + j] != new[at + j];
		assert_true(wrong <= k->copy / 2);
		at += k->copy + k->extra;
		fresh += k->extra;
	}
	assert_int_equal(at, 2 * HALF);
	assert_true(fresh < 64);
	assert_true(b.n < 20);
	blocks_free(&b);
	free(old);
	free(new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_equals_looking_everywhere),
		cmocka_unit_test(little_memory_finds_what_stayed_and_what_moved),
		cmocka_unit_test(blocks_cover_the_new_file_and_stay_in_the_old),
	};

	return cmocka_run_group_tests_name("suffix", tests, NULL, NULL);
}
