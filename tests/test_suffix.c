#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mkdelta/encode/bsdiff.h"
#include "mkdelta/encode/hints.h"
#include "mkdelta/encode/suffix.h"
#include "mkdelta/encode/suffix_sort.h"
#include "mkdelta/encode/windows.h"

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

/* Few enough windows are wanted that only their suffixes are sorted. */
static void
the_wanted_suffixes_find_what_all_would(void **state)
{
	enum { OLD = 40000, NEW = 600 };
	static uint8_t old[OLD], new[NEW];
	struct err e = ERR_INIT;

	(void)state;
	srand(8);
	for (int round = 0; round < 20; round++) {
		struct windows *wanted;
		struct suffix *some;
		size_t rank = 0, long_ones = 0;

		for (size_t i = 0; i < OLD; i++)
			old[i] = (uint8_t)(rand() % 256);
		for (size_t i = 0; i < NEW; i++)
			new[i] = (uint8_t)(rand() % 256);
		for (size_t i = 0; i + 50 < NEW; i += 60)
			memcpy(new + i, old + (size_t)rand() % (OLD - 50),
			    2 + (size_t)rand() % 48);
		memcpy(old + OLD - 30, old + 500, 30);	/* one ends at the end */
		assert_non_null(wanted = windows_new(new, NEW, &e));
		assert_non_null(some = suffix_of(old, OLD, wanted, &e));
		for (size_t at = 0; at < NEW; at++) {
			size_t want = longest_by_hand(old, OLD, new + at, NEW - at), len;

			if (want < WINDOWS_BYTES)
				continue;
			long_ones++;
			assert_true(suffix_may_have(some, new, at, NEW));
			len = suffix_search(some, new + at, NEW - at, &rank);
			assert_int_equal(len, want);
			assert_memory_equal(old + suffix_place(some, rank, len, 0),
			    new + at, len);
		}
		assert_true(long_ones > 50);
		suffix_free(some);
		windows_free(wanted);
	}
}

/* What many suffixes have in common is longer than they are in order. */
static void
no_match_is_longer_than_what_is_there(void **state)
{
	enum { OLD = 40000, HEAD = 300, TAIL = 100, COPIES = 60 };
	uint8_t *old = malloc(OLD), *new = malloc(HEAD + TAIL), head[HEAD];
	struct err e = ERR_INIT;

	(void)state;
	assert_true(old != NULL && new != NULL);
	srand(11);
	for (size_t i = 0; i < OLD; i++)
		old[i] = (uint8_t)rand();
	for (size_t i = 0; i < HEAD; i++)
		head[i] = i < 8 ? (uint8_t)rand() : 0;
	for (size_t k = 0; k < COPIES; k++)
		memcpy(old + k * 650, head, HEAD);
	memcpy(old + OLD - HEAD / 2, head, HEAD / 2);
	for (int round = 0; round < 200; round++) {
		struct windows *wanted;
		struct suffix *some;
		size_t other = (size_t)rand() % COPIES * 650, rank, cut;

		memcpy(new, old + other, HEAD + TAIL);
		cut = 64 + (size_t)rand() % (HEAD + TAIL - 64);
		memset(new + cut, rand(), HEAD + TAIL - cut);
		assert_non_null(wanted = windows_new(new, HEAD + TAIL, &e));
		assert_non_null(some = suffix_of(old, OLD, wanted, &e));
		for (size_t at = 0; at + 1 < HEAD + TAIL; at++) {
			size_t n = HEAD + TAIL - at;
			size_t len = suffix_search(some, new + at, n, &rank);
			size_t place = len == 0 ? 0 : suffix_place(some, rank, len, at);

			assert_true(len <= n && place + len <= OLD);
			assert_memory_equal(old + place, new + at, len);
		}
		suffix_free(some);
		windows_free(wanted);
	}
	free(old);
	free(new);
}

static void
some_suffixes_are_in_order_as_deep_as_asked(void **state)
{
	enum { N = 5000, DEPTH = 40 };
	static uint8_t text[N];
	static uint32_t places[N];
	struct err e = ERR_INIT;

	(void)state;
	srand(9);
	for (unsigned letters = 1; letters < 300; letters += letters) {
		size_t n = 0;

		for (size_t i = 0; i < N; i++)
			text[i] = (uint8_t)((unsigned)rand() % letters);
		memset(text + N / 2, 1, 300);
		for (uint32_t i = 0; i < N; i++)
			if (rand() % 3 == 0)
				places[n++] = i;
		assert_int_equal(suffix_sort(text, N, places, n, DEPTH, &e), 0);
		for (size_t i = 1; i < n; i++) {
			const uint32_t a = places[i - 1], b = places[i];
			const size_t most = N - (a > b ? a : b);
			const size_t max = most < DEPTH ? most : DEPTH;
			int order = memcmp(text + a, text + b, max);

			assert_true(order <= 0);
			if (order == 0 && memcmp(text + a, text + b,
			    most < DEPTH + 8 ? most : DEPTH + 8) == 0 &&
			    most >= DEPTH + 8)
				assert_true(a < b);
		}
	}
}

static void
hints_lead_where_the_blocks_say(void **state)
{
	struct block list[] = { { 100, 10, 5 }, { 7, 0, 3 }, { 50, 4, 0 } };
	const struct blocks b = { list, 3, 3 };
	struct hints h = { .blocks = &b }, none = { .blocks = NULL };
	size_t at;

	(void)state;
	assert_true(hints_place(&h, 0, &at));
	assert_int_equal(at, 100);
	assert_true(hints_place(&h, 9, &at));
	assert_int_equal(at, 109);
	for (size_t fresh = 10; fresh < 18; fresh++)
		assert_false(hints_place(&h, fresh, &at));
	assert_true(hints_place(&h, 18, &at));
	assert_int_equal(at, 50);
	assert_true(hints_place(&h, 21, &at));
	assert_int_equal(at, 53);
	assert_false(hints_place(&h, 22, &at));
	assert_false(hints_place(&none, 0, &at));
}

static void
windows_are_wanted_where_no_hint_leads(void **state)
{
	enum { N = 4000, AT = 1000, CHANGED = 2000, FRESH = 3000 };
	static uint8_t old[N], new[N];
	struct block list[] = { { AT, FRESH, N - FRESH } };
	const struct blocks b = { list, 1, 1 };
	struct err e = ERR_INIT;
	struct windows *w;

	(void)state;
	srand(10);
	for (size_t i = 0; i < N; i++)
		old[i] = (uint8_t)rand();
	memcpy(new, old + AT, FRESH);
	for (size_t i = FRESH; i < N; i++)
		new[i] = (uint8_t)rand();
	new[CHANGED] ^= 1;
	assert_int_equal(hints_wanted(&b, old, new, N, &w, &e), 0);
	assert_non_null(w);
	for (size_t i = 0; i + WINDOWS_BYTES <= N; i++) {
		bool leads = i + HINT_BYTES <= CHANGED ||
		    (i > CHANGED && i + HINT_BYTES <= FRESH);

		if (!leads)
			assert_true(windows_have(w, new, i, N));
	}
	assert_false(windows_have(w, new, 0, N) && windows_have(w, new, 300, N) &&
	    windows_have(w, new, 600, N) && windows_have(w, new, 2500, N));
	windows_free(w);
	list[0] = (struct block){ 0, 0, N };
	assert_int_equal(hints_wanted(&b, old, new, N, &w, &e), 0);
	assert_null(w);
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
		    n_new, 8, 0, NULL, &b, &e), 0);
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
	assert_int_equal(bsdiff_blocks(old, 2 * HALF, NULL, new, 2 * HALF, 8, 1, NULL,
	    &b, &e), 0);
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
		cmocka_unit_test(the_wanted_suffixes_find_what_all_would),
		cmocka_unit_test(no_match_is_longer_than_what_is_there),
		cmocka_unit_test(some_suffixes_are_in_order_as_deep_as_asked),
		cmocka_unit_test(hints_lead_where_the_blocks_say),
		cmocka_unit_test(windows_are_wanted_where_no_hint_leads),
		cmocka_unit_test(little_memory_finds_what_stayed_and_what_moved),
		cmocka_unit_test(blocks_cover_the_new_file_and_stay_in_the_old),
	};

	return cmocka_run_group_tests_name("suffix", tests, NULL, NULL);
}
