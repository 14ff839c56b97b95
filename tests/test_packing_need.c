/*
 * test_packing_need.c - the names of what libraries do with zstd and xz.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/packing.h"

static void
a_name_tells_levels_and_sizes_apart(void **state)
{
	static const struct {
		struct frame_params p;
		unsigned log;
	} sets[] = { { { FRAME_ZSTD, 3, true, false }, 17 },
		{ { FRAME_ZSTD, 3, true, false }, 16 },
		{ { FRAME_ZSTD, 3, false, false }, 17 },
		{ { FRAME_ZSTD, 15, true, false }, 17 },
		{ { FRAME_XZ, 6, false, false }, 17 },
		{ { FRAME_XZ, 6, true, false }, 17 },
		{ { FRAME_XZ, 1, false, false }, 12 } };
	enum { N = sizeof sets / sizeof *sets };
	char name[N][PACKING_NEED_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(packing_need(DEFLATE_CODES + frame_code(&sets[i].p),
		    sets[i].log, name[i], &e), 0);
		assert_true(packing_names(name[i]));
		assert_int_equal(packing_meets(name[i], &e), 1);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(strchr(name[i], ':'),
			    strchr(name[k], ':'));
		name[i][strlen(name[i]) - 1] ^= 1;
		assert_int_equal(packing_meets(name[i], &e), 0);
	}
	assert_int_equal(strncmp(name[3], "zstd-15-1-17:", 13), 0);
	assert_int_equal(strncmp(name[5], "xz-6-1-17:", 10), 0);
}

static void
names_of_nothing_are_not_met(void **state)
{
	static const char *const bad[] = { "zstd-0-1-17:0000000000000000",
		"zstd-23-1-17:00", "zstd-3-2-17:00", "zstd-3-1-11:00", "zstd-3-1-21:00",
		"zstd-3-1:00", "zstd-3-1-17-1:00", "zstd-3-1-17", "zstd-", "xz-10-0-17:00",
		"xz-6-0-:00", "xz-6-0-17:", "xz-6-0-17:00", "lz4-1-1-17:00" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(packing_meets(bad[i], &e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_tells_levels_and_sizes_apart),
		cmocka_unit_test(names_of_nothing_are_not_met),
	};

	return cmocka_run_group_tests_name("packing_need", tests, NULL, NULL);
}
