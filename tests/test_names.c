#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/names.h"

static void
channels_are_lower_case_words_and_never_reserved(void **state)
{
	static const char *const good[] = { "stable", "beta2", "a",
		"abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "", "root", "../x", "Stable", "2x", "a.b",
		"a-b", "targets", "halt", "policy", "fleet", "timestamp", "snapshot",
		"st able", "abcdefghijklmnopqrstuvwxyz0123456", "caf\xc3\xa9" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(name_check_channel(good[i], &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(name_check_channel(bad[i], &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
}

static void
platforms_are_words_with_dashes(void **state)
{
	static const char *const good[] = { "any", "linux-arm64", "linux-x86_64", "a" };
	static const char *const bad[] = { "", "-a", "a-", "a--b", "Linux", "a.b", "a/b",
		"_a", "abcdefghijklmnopqrstuvwxyz0123456" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(name_check_platform(good[i], &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(name_check_platform(bad[i], &e), -1);
}

static void
versions_have_no_spaces_or_controls(void **state)
{
	static const char *const good[] = { "1", "v1.4.2", "1.0~rc1", "2024-01-01+git" };
	static const char *const bad[] = { "", ".1", "1 2", "1\n", "1\x1b[0m", "1/2",
		"-1" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(name_check_version(good[i], &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(name_check_version(bad[i], &e), -1);
}

static void
release_numbers_go_from_1_to_2_63_less_1(void **state)
{
	static const char *const bad[] = { "0", "-1", "9223372036854775808", "", "1x",
		" 1", "18446744073709551616" };
	struct err e;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(name_parse_release("1", &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(name_parse_release("9223372036854775807", &n, &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(name_parse_release(bad[i], &n, &e), -1);
}

static void
versions_compare_by_numbers(void **state)
{
	static const char *const order[] = { "0.9", "1.0~rc1", "1.0", "v1.0.1", "1.2",
		"1.10", "1.10a", "1.10.1", "2", "10" };
	size_t n = sizeof order / sizeof *order;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			int got = version_compare(order[i], order[k]);

			assert_int_equal((got > 0) - (got < 0), (i > k) - (i < k));
		}
	assert_int_equal(version_compare("v1.0", "1.0"), 0);
	assert_true(version_compare("2.0.0-rc.1", "2.0.0") < 0);
	assert_true(version_compare("2.0.0-rc.2", "2.0.0-rc.10") < 0);
	assert_true(version_compare("2.0.0-rcx", "2.0.0") > 0);
	assert_true(version_compare("2.0.0-5-gabc", "2.0.0") > 0);
	assert_int_equal(version_compare("1.01", "1.1"), 0);
}

static void
target_paths_come_back_as_they_were(void **state)
{
	static const char *const paths[] = { "42/linux-arm64.tree.zst", "1/any.tar.zst",
		"42/linux-arm64.from-41.delta", "42/any.notes.md",
		"9223372036854775807/a.from-1.delta" };
	char out[NAME_MAX_PATH];
	struct target_name t;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		assert_int_equal(target_parse(paths[i], &t), 0);
		assert_string_equal(target_path(&t, out), paths[i]);
	}
}

static void
foreign_target_paths_are_refused(void **state)
{
	static const char *const bad[] = { "", "42", "42/", "0/any.tar.zst",
		"01/any.tar.zst", "42/any.tar.gz", "42/any.from-0.delta",
		"42/any.from-1.delta.x", "42/../any.tar.zst", "x/any.tar.zst",
		"42/any.from-.delta", "42/.tar.zst", "42/Any.tar.zst",
		"9223372036854775808/any.tar.zst", "42/any", "42/any." };
	struct target_name t;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(target_parse(bad[i], &t), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_are_lower_case_words_and_never_reserved),
		cmocka_unit_test(platforms_are_words_with_dashes),
		cmocka_unit_test(versions_have_no_spaces_or_controls),
		cmocka_unit_test(release_numbers_go_from_1_to_2_63_less_1),
		cmocka_unit_test(versions_compare_by_numbers),
		cmocka_unit_test(target_paths_come_back_as_they_were),
		cmocka_unit_test(foreign_target_paths_are_refused),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
