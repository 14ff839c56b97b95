#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/bytes.h"

static void
integers_are_little_endian(void **state)
{
	const uint8_t p[8] = { 1, 2, 3, 4, 5, 6, 7, 0xff };
	uint8_t q[8];

	(void)state;
	assert_int_equal(le32_load(p), 0x04030201);
	assert_true(le64_load(p) == UINT64_C(0xff07060504030201));
	le64_store(q, UINT64_C(0xff07060504030201));
	assert_memory_equal(q, p, 8);
	le32_store(q, 0xfffefdfc);
	assert_memory_equal(q, "\xfc\xfd\xfe\xff", 4);
}

static void
hex_goes_there_and_back(void **state)
{
	const uint8_t p[4] = { 0x00, 0x9a, 0xff, 0x10 };
	uint8_t back[4];
	char text[9];

	(void)state;
	hex_encode(text, p, 4);
	assert_string_equal(text, "009aff10");
	assert_int_equal(hex_decode(back, 4, text), 0);
	assert_memory_equal(back, p, 4);
	assert_int_equal(hex_decode(back, 4, "009AFf10"), 0);
	assert_memory_equal(back, p, 4);
}

static void
hex_refuses_another_length_and_other_letters(void **state)
{
	static const char *const bad[] = { "", "0", "009aff1", "009aff101",
		"009aff1g", "009aff 0", "0x9aff10", "009aff1\n" };
	uint8_t out[4];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(hex_decode(out, 4, bad[i]), -1);
}

static void
varint_goes_there_and_back(void **state)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384,
		UINT32_MAX, INT64_MAX, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		uint8_t p[VARINT_MAX];
		uint64_t back = 1;
		size_t n = varint_store(p, values[i]);

		assert_int_equal(varint_load(p, n, &back), n);
		assert_true(back == values[i]);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(varint_load(p, cut, &back), 0);
	}
}

static void
varint_refuses_long_forms_and_overflow(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "\x80\x00", 2 },	/* 0 in two bytes */
		{ "\xff\x80\x00", 3 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },	/* 2^64 */
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11 },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(varint_load((const uint8_t *)bad[i].bytes,
		    bad[i].n, &v), 0);
}

static void
zigzag_keeps_small_numbers_small(void **state)
{
	static const int64_t values[] = { 0, -1, 1, -2, 2 };

	(void)state;
	for (uint64_t i = 0; i < 5; i++) {
		assert_true(zigzag(values[i]) == i);
		assert_true(unzigzag(i) == values[i]);
	}
	assert_true(unzigzag(zigzag(INT64_MIN)) == INT64_MIN);
	assert_true(unzigzag(zigzag(INT64_MAX)) == INT64_MAX);
}

static void
sums_and_products_refuse_overflow(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(u64_add(UINT64_MAX, 1, &v), -1);
	assert_int_equal(u64_mul(UINT64_MAX / 2 + 1, 2, &v), -1);
	assert_true(v == 7);
	assert_int_equal(u64_add(UINT64_MAX - 1, 1, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(u64_mul(UINT64_MAX, 0, &v), 0);
	assert_true(v == 0);
}

static void
numbers_are_decimal_and_bounded(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1k",
		"18446744073709551616", "99999999999999999999999" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(u64_parse(bad[i], UINT64_MAX, &v), -1);
	assert_int_equal(u64_parse("18446744073709551615", UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(u64_parse("11", 10, &v), -1);
	assert_int_equal(u64_parse("10", 10, &v), 0);
}

static void
sizes_take_units_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "123", 123 }, { "64K", 65536 }, { "16M", 16777216 },
		{ "2G", UINT64_C(2147483648) }, { "1T", UINT64_C(1099511627776) },
	};
	static const char *const bad[] = { "", "K", "1k", "1KB", "1.5M", "-1M",
		"99999999999999999T" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(bytes_parse(good[i].text, &v), 0);
		assert_true(v == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(bytes_parse(bad[i], &v), -1);
}

static void
sizes_read_well(void **state)
{
	char out[BYTES_TEXT_MAX];

	(void)state;
	assert_string_equal(bytes_text(out, 0), "0 B");
	assert_string_equal(bytes_text(out, 999), "999 B");
	assert_string_equal(bytes_text(out, 1000), "1.0 kB");
	assert_string_equal(bytes_text(out, 12345678), "12.3 MB");
	assert_string_equal(bytes_text(out, UINT64_MAX), "18.4 EB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_little_endian),
		cmocka_unit_test(hex_goes_there_and_back),
		cmocka_unit_test(hex_refuses_another_length_and_other_letters),
		cmocka_unit_test(varint_goes_there_and_back),
		cmocka_unit_test(varint_refuses_long_forms_and_overflow),
		cmocka_unit_test(zigzag_keeps_small_numbers_small),
		cmocka_unit_test(sums_and_products_refuse_overflow),
		cmocka_unit_test(numbers_are_decimal_and_bounded),
		cmocka_unit_test(sizes_take_units_of_1024),
		cmocka_unit_test(sizes_read_well),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
