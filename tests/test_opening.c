/*
 * test_opening.c - the places where a deflate stream may begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/opening.h"
#include "tests/lab/streams.h"

enum { PLACES_MAX = 64 };

/* All places of data, fed in pieces. */
static size_t
places(const uint8_t *data, size_t n, size_t piece, size_t out[PLACES_MAX])
{
	struct opening a;
	size_t found = 0;

	opening_start(&a);
	for (size_t at = 0; at < n;) {
		bool here;
		size_t some = n - at < piece ? n - at : piece;

		some = opening_feed(&a, data + at, some, &here);
		at += some;
		if (here && found < PLACES_MAX)
			out[found++] = at;
	}
	return found;
}

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

struct header {
	const char *what;
	const uint8_t *data;
	size_t n;
	size_t place;		/* 0: none */
};

static const struct header headers[] = {
	{ "plain gzip", BYTES("..\x1f\x8b\x08\0tttt\2\3DATA"), 12 },
	{ "gzip with a name", BYTES("\x1f\x8b\x08\x08tttt\2\3name\0DATA"), 15 },
	{ "gzip with a name and a comment",
	    BYTES("\x1f\x8b\x08\x18tttt\2\3n\0co\0DATA"), 15 },
	{ "gzip with an extra field and a sum",
	    BYTES("\x1f\x8b\x08\x06tttt\2\3\3\0abcssDATA"), 17 },
	{ "gzip with an empty extra field", BYTES("\x1f\x8b\x08\x04tttt\2\3\0\0DATA"), 12 },
	{ "gzip with all of it", BYTES("\x1f\x8b\x08\x1ftttt\2\3\1\0xn\0c\0ssDATA"), 19 },
	{ "gzip with unknown flags", BYTES("\x1f\x8b\x08\x20tttt\2\3DATA"), 0 },
	{ "gzip, another method", BYTES("\x1f\x8b\x07\0tttt\2\3DATA"), 0 },
	{ "zip", BYTES("PK\3\4vvff\10\0ttddccccppppuuuu\3\0\2\0namxxDATA"), 35 },
	{ "zip without a name", BYTES("PK\3\4vvff\10\0ttddccccppppuuuu\0\0\0\0DATA"), 30 },
	{ "zstd", BYTES("..\x28\xb5\x2f\xfd" "DATA"), 6 },
	{ "zstd before 0.8", BYTES("..\x27\xb5\x2f\xfd" "DATA"), 0 },
	{ "xz", BYTES("\xfd" "7zXZ\0\0\4sssS\2\0\x21\1\x16\0\0\0ccccDATA"), 24 },
	{ "xz with a filter",
	    BYTES("\xfd" "7zXZ\0\0\4sssS\3\1\4\0\x21\1\x16\0\0\0\0\0ccccDATA"), 28 },
	{ "xz without a block", BYTES("\xfd" "7zXZ\0\0\4sssS\0\0\0\0ccccDATA....."), 0 },
	{ "xz with a long header",
	    BYTES("\xfd" "7zXZ\0\0\4sssS\x08.......:.......:.......:.......:"), 0 },
	{ "xz in xz", BYTES("\xfd" "7zX\xfd" "7zXZ\0\0\4sssS\1\0\x21\1ccccDATA"), 24 },
	{ "zip, stored", BYTES("PK\3\4vvff\0\0ttddccccppppuuuu\3\0\2\0namxxDATA"), 0 },
	{ "zip central directory", BYTES("PK\1\2vvff\10\0ttddccccppppuuuu\3\0\2\0namxx"), 0 },
	{ "zlib", BYTES("ab\x78\x9c" "DATA"), 4 },
	{ "zlib, fastest", BYTES("\x78\x01" "DATA"), 2 },
	{ "zlib, level 2 to 5", BYTES("\x78\x5e" "DATA"), 2 },
	{ "zlib, smallest", BYTES("\x78\xda" "DATA"), 2 },
	{ "zlib with a dictionary", BYTES("\x78\xbb" "DATA"), 0 },
	{ "zlib, a wrong check", BYTES("\x78\x9d" "DATA"), 0 },
	{ "zlib, a small window", BYTES("ab\x18\x19" "DATA"), 0 },
	{ "zlib in a PNG, a small window", BYTES("llllIDAT\x18\x19" "DATA"), 10 },
};

static void
each_kind_of_header_gives_its_place(void **state)
{
	size_t at[PLACES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		for (size_t piece = 1; piece < 9; piece++) {
			const struct header *h = &headers[i];
			size_t n = places(h->data, h->n, piece, at);

			if (n != (h->place != 0) || (n == 1 && at[0] != h->place))
				fail_msg("%s: %zu places, the first at %zu", h->what, n,
				    n == 0 ? 0 : at[0]);
		}
}

static void
a_header_inside_of_a_header_begins_anew(void **state)
{
	size_t at[PLACES_MAX];

	(void)state;
	assert_int_equal(places(BYTES("PK\3\4vvffPK\3\4vvff\10\0ttddccccppppuuuu"
	    "\0\0\0\0D"), 3, at), 1);
	assert_int_equal(at[0], 38);
	assert_int_equal(places(BYTES("\x1f\x8b\x08\x08tttt\2\3na\x1f\x8b\x08\0tttt"
	    "\2\3D"), 3, at), 1);
	assert_int_equal(at[0], 22);
}

static void
a_name_without_end_is_given_up(void **state)
{
	uint8_t *data = calloc(1, 9000);
	size_t at[PLACES_MAX];

	(void)state;
	assert_non_null(data);
	memset(data, 'n', 9000);
	memcpy(data, "\x1f\x8b\x08\x08tttt\2\3", 10);
	data[8000] = 0;
	assert_int_equal(places(data, 9000, 100, at), 0);
	data[4000] = 0;
	assert_int_equal(places(data, 9000, 100, at), 1);
	assert_int_equal(at[0], 4001);
	free(data);
}

static void
a_new_start_forgets_what_was(void **state)
{
	struct opening a;
	bool here;

	(void)state;
	opening_start(&a);
	assert_int_equal(opening_feed(&a, (const uint8_t *)"\x78", 1, &here), 1);
	opening_start(&a);
	assert_int_equal(opening_feed(&a, (const uint8_t *)"\x9c", 1, &here), 1);
	assert_false(here);
}

static void
pieces_do_not_matter(void **state)
{
	struct buf noise = BUF_INIT(1 << 20);
	size_t a[PLACES_MAX], b[PLACES_MAX], n;

	(void)state;
	streams_noise(&noise, 1 << 20, 3);
	n = places(noise.data, noise.len, noise.len, a);
	assert_in_range(n, 10, PLACES_MAX);
	for (size_t piece = 1; piece < 6; piece++) {
		assert_int_equal(places(noise.data, noise.len, piece, b), n);
		assert_memory_equal(a, b, n * sizeof a[0]);
	}
	buf_free(&noise);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_header_gives_its_place),
		cmocka_unit_test(a_header_inside_of_a_header_begins_anew),
		cmocka_unit_test(a_name_without_end_is_given_up),
		cmocka_unit_test(a_new_start_forgets_what_was),
		cmocka_unit_test(pieces_do_not_matter),
	};

	return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
