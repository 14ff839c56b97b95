#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/buf.h"

static void
buf_grows_and_stays_a_string(void **state)
{
	struct buf b = BUF_INIT(100000);
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_add_text(&b, "0123456789", &e), 0);
	assert_int_equal(b.len, 100000);
	assert_int_equal(strlen(buf_text(&b)), 100000);
	assert_memory_equal(b.data + 99990, "0123456789", 11);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 100000);
}

static void
buf_refuses_what_passes_its_maximum_and_stays_as_it_was(void **state)
{
	struct buf b = BUF_INIT(4);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_add(&b, "abc", 3, &e), 0);
	assert_int_equal(buf_add(&b, "de", 2, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_string_equal(buf_text(&b), "abc");
	assert_int_equal(buf_addf(&b, &e, "%d", 42), -1);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, &e), -1);
	assert_string_equal(buf_text(&b), "abc");
	assert_int_equal(buf_add_byte(&b, 'd', &e), 0);
	assert_int_equal(buf_add_byte(&b, 'e', &e), -1);
	assert_string_equal(buf_text(&b), "abcd");
	buf_free(&b);
}

static void
buf_formats_and_packs(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_addf(&b, &e, "%s-%d", "v", 12), 0);
	assert_string_equal(buf_text(&b), "v-12");
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_add_varint(&b, 300, &e), 0);
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.data, "\xac\x02", 2);
	assert_int_equal(buf_add(&b, "", 0, &e), 0);
	assert_int_equal(b.len, 2);
	buf_free(&b);
	buf_free(&b);
}

static void
buf_reserved_room_is_the_callers_to_fill(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_reserve(&b, 500, &e), 0);
	memset(b.data + b.len, 'x', 500);
	b.len += 500;
	assert_int_equal(buf_add_byte(&b, 'y', &e), 0);
	assert_int_equal(b.len, 501);
	assert_int_equal(b.data[500], 'y');
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_grows_and_stays_a_string),
		cmocka_unit_test(buf_refuses_what_passes_its_maximum_and_stays_as_it_was),
		cmocka_unit_test(buf_formats_and_packs),
		cmocka_unit_test(buf_reserved_room_is_the_callers_to_fill),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
