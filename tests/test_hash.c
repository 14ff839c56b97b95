#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

/* FIPS 180 examples: "", "abc" and a million times "a". */
#define EMPTY_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_HEX "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
#define ABC_512_HEX \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static void
sha256_of_known_texts(void **state)
{
	char hex[SHA256_HEX_MAX];
	struct sha256 id;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sha256_of("", 0, &id, &e), 0);
	assert_string_equal(sha256_hex(&id, hex), EMPTY_HEX);
	assert_int_equal(sha256_of("abc", 3, &id, &e), 0);
	assert_string_equal(sha256_hex(&id, hex), ABC_HEX);
}

static void
hash_in_pieces_is_the_hash_of_the_whole_and_starts_anew(void **state)
{
	struct err e = ERR_INIT;
	struct hash *h = hash_new(HASH_SHA256, &e);
	char hex[SHA256_HEX_MAX];
	struct sha256 id;

	(void)state;
	assert_non_null(h);
	for (int i = 0; i < 1000; i++) {
		char piece[1000];

		memset(piece, 'a', sizeof piece);
		assert_int_equal(hash_add(h, piece, sizeof piece, &e), 0);
	}
	assert_int_equal(hash_end(h, id.bytes, &e), 0);
	assert_string_equal(sha256_hex(&id, hex), MILLION_HEX);
	assert_int_equal(hash_add(h, "abc", 3, &e), 0);
	assert_int_equal(hash_end(h, id.bytes, &e), 0);
	assert_string_equal(sha256_hex(&id, hex), ABC_HEX);
	hash_free(h);
	hash_free(NULL);
}

static void
sha512_is_there_too(void **state)
{
	struct err e = ERR_INIT;
	struct hash *h = hash_new(HASH_SHA512, &e);
	uint8_t out[SHA512_BYTES];
	char hex[2 * SHA512_BYTES + 1];

	(void)state;
	assert_non_null(h);
	assert_int_equal(hash_add(h, "abc", 3, &e), 0);
	assert_int_equal(hash_end(h, out, &e), 0);
	hex_encode(hex, out, sizeof out);
	assert_string_equal(hex, ABC_512_HEX);
	hash_free(h);
}

static void
hash_of_a_descriptor_leaves_its_offset(void **state)
{
	FILE *f = tmpfile();
	char hex[SHA256_HEX_MAX];
	uint64_t bytes = 0;
	struct sha256 id;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(fputc('a', f), 'a');
	assert_int_equal(fflush(f), 0);
	assert_int_equal(lseek(fileno(f), 17, SEEK_SET), 17);
	assert_int_equal(sha256_of_fd(fileno(f), &id, &bytes, &e), 0);
	assert_string_equal(sha256_hex(&id, hex), MILLION_HEX);
	assert_int_equal(bytes, 1000000);
	assert_int_equal(lseek(fileno(f), 0, SEEK_CUR), 17);
	(void)fclose(f);
	assert_int_equal(sha256_of_fd(-1, &id, NULL, &e), -1);
	assert_int_equal(e.code, ERR_IO);
}

static void
a_name_of_64_digits_is_read_and_nothing_else(void **state)
{
	struct sha256 id, abc;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sha256_of("abc", 3, &abc, &e), 0);
	assert_int_equal(sha256_parse(&id, ABC_HEX), 0);
	assert_true(sha256_equal(&id, &abc));
	id.bytes[31] ^= 1;
	assert_false(sha256_equal(&id, &abc));
	assert_int_equal(sha256_parse(&id, ABC_HEX "0"), -1);
	assert_int_equal(sha256_parse(&id, "abc"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_of_known_texts),
		cmocka_unit_test(hash_in_pieces_is_the_hash_of_the_whole_and_starts_anew),
		cmocka_unit_test(sha512_is_there_too),
		cmocka_unit_test(hash_of_a_descriptor_leaves_its_offset),
		cmocka_unit_test(a_name_of_64_digits_is_read_and_nothing_else),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
