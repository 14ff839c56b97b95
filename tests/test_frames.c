#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/frames.h"

#define TREE "#mtree\n. type=dir mode=0755\n" \
	"./a type=file mode=0644 size=600 sha256digest=" ZEROS "\n" \
	"./b type=file mode=0644 size=0 sha256digest=" ZEROS "\n" \
	"./c type=file mode=0644 size=5000 sha256digest=" ZEROS "\n" \
	"./d type=file mode=0644 size=1 sha256digest=" ZEROS "\n"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

enum { INDEX_MAX = 256, AT = 300 };

static struct listing *
tree(void)
{
	struct err e = ERR_INIT;
	struct listing *l = listing_parse(TREE, strlen(TREE), false, &e);

	assert_non_null(l);
	return l;
}

/* Three frames of 100 bytes that hold 3072, 3072 and 2560 of the tar: a at 512, c at
 * 2560, d at 8192. */
static size_t
make(uint8_t out[static INDEX_MAX])
{
	static const uint64_t contents[] = { 1, 1, 2, 2, 1, 1 };
	static const uint64_t plain[] = { 3072, 3072, 2560 };
	size_t n = 12;

	memset(out, 0, INDEX_MAX);
	le32_store(out, 0x184d2a5b);
	memcpy(out + 8, "dfi1", 4);
	n += varint_store(out + n, 3);
	for (int i = 0; i < 3; i++) {
		n += varint_store(out + n, 100);
		n += varint_store(out + n, plain[i]);
		n += 32;
	}
	n += varint_store(out + n, 3);
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
		n += varint_store(out + n, contents[i]);
	n += 8;
	le32_store(out + 4, (uint32_t)n - 8);
	le32_store(out + n - 8, (uint32_t)n);
	memcpy(out + n - 4, "dfi1", 4);
	return n;
}

static void
only_frames_that_hold_what_is_wanted_are_needed(void **state)
{
	struct listing *l = tree();
	uint8_t index[INDEX_MAX];
	size_t n = make(index);
	struct frames f;
	struct err e = ERR_INIT;
	bool want[5] = { false }, need[3];

	(void)state;
	assert_int_equal(frames_parse(index, n, AT, l, &f, &e), 0);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.n_contents, 3);
	assert_int_equal(f.contents[1].entry, 3);
	assert_int_equal(f.contents[1].at, 2560);
	assert_int_equal(f.list[2].part.offset, 200);
	assert_int_equal(frames_need(&f, l, want, need), 0);
	want[1] = true;
	assert_int_equal(frames_need(&f, l, want, need), 100);
	assert_true(need[0] && !need[1] && !need[2]);
	want[1] = false;
	want[3] = true;		/* cut over three of them */
	assert_int_equal(frames_need(&f, l, want, need), 300);
	want[3] = false;
	want[4] = true;
	assert_int_equal(frames_need(&f, l, want, need), 100);
	assert_true(!need[0] && !need[1] && need[2]);
	frames_clear(&f);
	listing_free(l);
}

static void
an_index_cut_or_changed_is_refused_or_means_something(void **state)
{
	struct listing *l = tree();
	uint8_t index[INDEX_MAX], bad[INDEX_MAX];
	size_t n = make(index);
	struct frames f;

	(void)state;
	for (size_t len = 0; len < n; len++) {
		struct err e = ERR_INIT;

		assert_int_equal(frames_parse(index, len, AT, l, &f, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct err e = ERR_INIT;

			memcpy(bad, index, n);
			bad[i] ^= (uint8_t)(1 << bit);
			if (frames_parse(bad, n, AT, l, &f, &e) == -1)
				continue;
			for (size_t k = 0; k < f.n_contents; k++) {
				const struct frame *last = &f.list[f.n - 1];

				assert_true(f.contents[k].entry < l->n);
				assert_true(f.contents[k].at +
				    l->entries[f.contents[k].entry].size <=
				    last->plain_at + last->plain_bytes);
			}
			frames_clear(&f);
		}
	listing_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_frames_that_hold_what_is_wanted_are_needed),
		cmocka_unit_test(an_index_cut_or_changed_is_refused_or_means_something),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
