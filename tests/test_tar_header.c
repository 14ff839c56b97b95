#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mkdelta/tar_header.h"

/* The headers of one file (and its second name) in a listing of its own. */
static void
headers_of(const struct entry *file, size_t i, bool owners, struct buf *out)
{
	struct entry root = { .path = (char []){ "." }, .type = ENTRY_DIR, .mode = 0755 };
	struct entry again = *file;
	struct err e = ERR_INIT;
	struct listing *l = listing_new(&e);

	again.path = (char []){ "zzz" };
	assert_int_equal(listing_add(l, &root, &e), 0);
	assert_int_equal(listing_add(l, file, &e), 0);
	if (file->group != 0)
		assert_int_equal(listing_add(l, &again, &e), 0);
	if (listing_finish(l, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(tar_header(out, l, i, owners, &e), 0);
	assert_int_equal(out->len % TAR_BLOCK, 0);
	listing_free(l);
}

static void
assert_sum_is_right(const uint8_t *h)
{
	unsigned sum = 0;
	char text[8];

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	(void)snprintf(text, sizeof text, "%06o", sum);
	assert_string_equal((const char *)h + 148, text);
	assert_int_equal(h[155], ' ');
}

static void
a_short_name_needs_one_block(void **state)
{
	struct entry x = { .path = (char []){ "f" }, .type = ENTRY_FILE, .mode = 04755,
		.size = 077777777777, .has_sha256 = true, .has_owner = true,
		.uid = 07777777, .gid = 5 };
	struct buf out = BUF_INIT(8192);

	(void)state;
	headers_of(&x, 1, true, &out);
	assert_int_equal(out.len, TAR_BLOCK);
	assert_string_equal((char *)out.data, "f");
	assert_string_equal((char *)out.data + 100, "0004755");
	assert_string_equal((char *)out.data + 108, "7777777");
	assert_string_equal((char *)out.data + 116, "0000005");
	assert_string_equal((char *)out.data + 124, "77777777777");
	assert_int_equal(out.data[156], '0');
	assert_memory_equal(out.data + 257, "ustar\0" "00", 8);
	assert_sum_is_right(out.data);
	buf_reset(&out);
	headers_of(&x, 1, false, &out);
	assert_string_equal((char *)out.data + 108, "0000000");
	buf_free(&out);
}

static void
large_numbers_go_to_the_extended_header(void **state)
{
	static const char records[] = "19 size=8589934592\n" "15 uid=2097152\n"
				      "18 gid=4294967295\n";
	struct entry x = { .path = (char []){ "f" }, .type = ENTRY_FILE, .mode = 0644,
		.size = (uint64_t)1 << 33, .has_sha256 = true, .has_owner = true,
		.uid = 010000000, .gid = UINT32_MAX };
	struct buf out = BUF_INIT(8192);

	(void)state;
	headers_of(&x, 1, true, &out);
	assert_int_equal(out.len, 3 * TAR_BLOCK);
	assert_string_equal((char *)out.data, "./PaxHeaders/1");
	assert_int_equal(out.data[156], 'x');
	assert_string_equal((char *)out.data + 124, "00000000064");
	assert_int_equal(strtoul("64", NULL, 8), sizeof records - 1);
	assert_string_equal((char *)out.data + TAR_BLOCK, records);
	assert_string_equal((char *)out.data + 2 * TAR_BLOCK + 124, "00000000000");
	assert_sum_is_right(out.data);
	assert_sum_is_right(out.data + 2 * TAR_BLOCK);
	buf_free(&out);
}

static void
the_length_of_a_record_counts_its_own_digits(void **state)
{
	struct buf out = BUF_INIT(65536);

	(void)state;
	for (size_t n = 101; n <= 255; n++) {
		char path[256], want[300];
		struct entry x = { .path = path, .type = ENTRY_FILE, .has_sha256 = true };
		const char *record;
		size_t len;

		memset(path, 'p', n);
		path[n] = '\0';
		buf_reset(&out);
		headers_of(&x, 1, false, &out);
		record = (const char *)out.data + TAR_BLOCK;
		len = strtoul(record, NULL, 10);
		(void)snprintf(want, sizeof want, "%zu path=%s\n", len, path);
		assert_string_equal(record, want);
		assert_int_equal(strlen(record), len);
	}
	buf_free(&out);
}

static void
long_names_that_are_not_ascii_are_said_to_be_bytes(void **state)
{
	char path[202];
	struct entry x = { .path = path, .type = ENTRY_LINK, .link = path };
	struct buf out = BUF_INIT(65536);

	(void)state;
	memset(path, '\377', 150);
	path[150] = '\0';
	headers_of(&x, 1, false, &out);
	assert_memory_equal(out.data + TAR_BLOCK, "21 hdrcharset=BINARY\n", 21);
	buf_reset(&out);
	path[50] = '/';
	x.path = path + 60;	/* short: only the target is long */
	headers_of(&x, 1, false, &out);
	assert_memory_equal(out.data + TAR_BLOCK + 21, "164 linkpath=", 13);
	buf_free(&out);
}

static void
a_second_name_is_a_link_without_content(void **state)
{
	struct entry x = { .path = (char []){ "f" }, .type = ENTRY_FILE, .size = 7,
		.has_sha256 = true, .group = 9 };
	struct buf out = BUF_INIT(8192);

	(void)state;
	headers_of(&x, 2, false, &out);
	assert_string_equal((char *)out.data, "zzz");
	assert_int_equal(out.data[156], '1');
	assert_string_equal((char *)out.data + 157, "f");
	assert_string_equal((char *)out.data + 124, "00000000000");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_name_needs_one_block),
		cmocka_unit_test(large_numbers_go_to_the_extended_header),
		cmocka_unit_test(the_length_of_a_record_counts_its_own_digits),
		cmocka_unit_test(long_names_that_are_not_ascii_are_said_to_be_bytes),
		cmocka_unit_test(a_second_name_is_a_link_without_content),
	};

	return cmocka_run_group_tests_name("tar_header", tests, NULL, NULL);
}
