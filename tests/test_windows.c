#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mkdelta/encode/seeds.h"
#include "mkdelta/encode/windows.h"

static void
fill(uint8_t *p, size_t n, unsigned letters)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((unsigned)rand() % letters);
}

static void
no_window_of_the_text_is_missed(void **state)
{
	uint8_t text[3000];
	struct err e = ERR_INIT;

	(void)state;
	srand(1);
	for (size_t n = 0; n < sizeof text; n = n * 2 + 3) {
		struct windows *w;

		fill(text, n, 200);
		assert_non_null(w = windows_new(text, n, &e));
		for (size_t at = 0; at < n; at++)
			assert_int_equal(windows_have(w, text, at, n),
			    at + WINDOWS_BYTES <= n);
		windows_free(w);
	}
}

static void
most_other_windows_are_told_apart(void **state)
{
	static uint8_t text[100000], other[100000];
	struct err e = ERR_INIT;
	struct windows *w;
	size_t wrong = 0;

	(void)state;
	srand(2);
	fill(text, sizeof text, 256);
	fill(other, sizeof other, 256);
	assert_non_null(w = windows_new(text, sizeof text, &e));
	for (size_t at = 0; at + WINDOWS_BYTES <= sizeof other; at++)
		wrong += windows_have(w, other, at, sizeof other);
	assert_true(wrong < sizeof other / 4);
	windows_free(w);
}

static void
seeds_find_what_was_moved_wherever_they_are_asked(void **state)
{
	static uint8_t old[20000], new[20000];
	struct err e = ERR_INIT;
	struct seeds *s;
	size_t place, found = 0;

	(void)state;
	srand(3);
	fill(old, sizeof old, 256);
	fill(new, sizeof new, 256);
	memcpy(new + 777, old + 5000, 3000);
	assert_non_null(s = seeds_new(old, sizeof old, UINT64_MAX, &e));
	for (size_t at = 777; at < 3777; at += 1 + (size_t)rand() % 30) {
		size_t n = seeds_search(s, new, at, sizeof new, 0, &place);

		if (n == 0)
			continue;
		found++;
		assert_int_equal(place, at - 777 + 5000);
		assert_int_equal(n, 3777 - at);
	}
	assert_true(found > 20);
	for (size_t at = sizeof new - 100; at < sizeof new; at++)
		assert_int_equal(seeds_search(s, new, at, sizeof new, 0, &place), 0);
	seeds_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_of_the_text_is_missed),
		cmocka_unit_test(most_other_windows_are_told_apart),
		cmocka_unit_test(seeds_find_what_was_moved_wherever_they_are_asked),
	};

	return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
