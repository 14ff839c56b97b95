#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"

static void
utc_goes_there_and_back(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 1700000000, "2023-11-14T22:13:20Z" },
		{ 2147483648, "2038-01-19T03:14:08Z" },
		{ INT64_C(253402300799), "9999-12-31T23:59:59Z" },
	};
	char out[UTC_TEXT_MAX];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_string_equal(utc_text(out, cases[i].seconds), cases[i].text);
		assert_int_equal(utc_parse(cases[i].text, &back), 0);
		assert_true(back == cases[i].seconds);
	}
}

static void
utc_agrees_with_the_calendar_on_every_day(void **state)
{
	char out[UTC_TEXT_MAX];
	int64_t back;

	(void)state;
	for (int64_t day = 0; day < 100000; day++) {
		int64_t at = day * 86400 + 45296;

		assert_int_equal(utc_parse(utc_text(out, at), &back), 0);
		assert_true(back == at);
	}
}

static void
utc_refuses_other_forms(void **state)
{
	static const char *const bad[] = { "", "2026-11-21", "2026-11-21T03:51:00",
		"2026-11-21T03:51:00+00:00", "2026-11-21t03:51:00Z",
		"2026-11-21 03:51:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
		"1969-12-31T23:59:59Z", "2026-1-001T00:00:00Z",
		"2026-01-01T00:00:00.5Z", "+026-01-01T00:00:00Z",
		"2026-01-01T00:00:00Z0", "2026-01-01T00:00:00ZZ",
		"2026-01-01T00:00:00+", "2026-01-01T00:00:00z",
		"2026/01-01T00:00:00Z", "2026-01/01T00:00:00Z",
		"2026-01-01T00.00:00Z", "2026-01-01T00:00.00Z" };
	int64_t out;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(utc_parse(bad[i], &out), -1);
}

static void
utc_now_is_after_this_was_written(void **state)
{
	(void)state;
	assert_true(utc_now() > 1700000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utc_goes_there_and_back),
		cmocka_unit_test(utc_agrees_with_the_calendar_on_every_day),
		cmocka_unit_test(utc_refuses_other_forms),
		cmocka_unit_test(utc_now_is_after_this_was_written),
	};

	return cmocka_run_group_tests_name("utc", tests, NULL, NULL);
}
