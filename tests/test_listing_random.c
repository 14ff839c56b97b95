/* Listings of random trees: what holds for all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/listing.h"

static void
assert_same_text(const struct listing *l, const char *text)
{
	struct buf out = BUF_INIT(LISTING_TEXT_MAX);
	struct err e = ERR_INIT;

	assert_int_equal(listing_emit(l, &out, &e), 0);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
}

/* A small generator, so that a failure can be repeated. */
static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
random_name(char *name, uint32_t *seed)
{
	size_t n = 1 + next_random(seed) % 6;

	do {
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)(1 + next_random(seed) % 255);

			name[i] = (char)(c == '/' ? 'x' : c);
		}
		name[n] = '\0';
	} while (strcmp(name, ".") == 0 || strcmp(name, "..") == 0);
}

static void
random_content(struct entry *x, uint32_t *seed)
{
	x->size = next_random(seed) % 3;
	x->has_sha256 = true;
	memset(&x->sha256, (int)(next_random(seed) % 5), sizeof x->sha256);
}

static struct listing *
random_listing(uint32_t *seed)
{
	struct err e = ERR_INIT;
	struct listing *l = listing_new(&e);
	struct entry root = { .path = (char []){ "." }, .type = ENTRY_DIR, .mode = 0755 };
	struct entry linked = { .type = ENTRY_FILE, .mode = 0644, .group = 77 };
	size_t n = next_random(seed) % 30;

	assert_non_null(l);
	random_content(&linked, seed);
	assert_int_equal(listing_add(l, &root, &e), 0);
	for (size_t i = 0; i < n; i++) {
		struct entry x = { .mode = next_random(seed) % 010000 };
		char name[16], path[512], value[] = "value";
		struct entry_xattr a = { (char []){ "user.x y" }, (uint8_t *)value,
			next_random(seed) % 6, NULL };
		const struct entry *dir = &l->entries[next_random(seed) % l->n];

		random_name(name, seed);
		if (dir->type != ENTRY_DIR || strlen(dir->path) > 400)
			dir = &l->entries[0];
		(void)snprintf(path, sizeof path, "%s%s%s",
		    dir == &l->entries[0] ? "" : dir->path,
		    dir == &l->entries[0] ? "" : "/", name);
		x.type = (enum entry_type)(next_random(seed) % 3);
		x.link = name;
		random_content(&x, seed);
		if (next_random(seed) % 4 == 0)
			x = linked;
		else if (next_random(seed) % 4 == 0)
			x.xattrs = &a;
		x.path = path;
		for (size_t k = 0; k < l->n; k++)
			if (strcmp(l->entries[k].path, path) == 0)
				x.path = NULL;
		if (x.path != NULL)
			assert_int_equal(listing_add(l, &x, &e), 0);
	}
	if (listing_finish(l, &e) == -1)
		fail_msg("%s", e.text);
	return l;
}

static void
parse_of_emit_is_the_same_listing(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct listing *l = random_listing(&seed), *back;
		struct buf out = BUF_INIT(LISTING_TEXT_MAX);
		struct err e = ERR_INIT;
		struct sha256 a, b;

		assert_int_equal(listing_emit(l, &out, &e), 0);
		back = listing_parse(out.data, out.len, false, &e);
		if (back == NULL)
			fail_msg("%s: %s", e.text, buf_text(&out));
		assert_same_text(back, buf_text(&out));
		assert_int_equal(listing_id(back, &a, &e), 0);
		assert_int_equal(sha256_of(out.data, out.len, &b, &e), 0);
		assert_true(sha256_equal(&a, &b));
		assert_int_equal(back->files, l->files);
		assert_true(back->content_bytes == l->content_bytes);
		listing_free(l);
		listing_free(back);
		buf_free(&out);
	}
}

static void
find_content_gives_the_first_file_or_none(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct listing *l = random_listing(&seed);

		for (size_t k = 0; k < l->n; k++) {
			const struct entry *x = &l->entries[k];
			size_t first = 0;

			if (x->type != ENTRY_FILE)
				continue;
			while (l->entries[first].type != ENTRY_FILE ||
			    l->entries[first].size != x->size ||
			    !sha256_equal(&l->entries[first].sha256, &x->sha256))
				first++;
			assert_int_equal(listing_find_content(l, &x->sha256, x->size),
			    first);
			assert_int_equal(listing_find_content(l, &x->sha256, 99), -1);
		}
		listing_free(l);
	}
}

/* Without its new hashes, given them again as a decoder does: the same text. */
static void
reduced_listing_comes_back_whole(void **state)
{
	uint32_t seed = 3;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct listing *from = random_listing(&seed), *to = random_listing(&seed);
		struct buf whole = BUF_INIT(LISTING_TEXT_MAX);
		struct buf part = BUF_INIT(LISTING_TEXT_MAX);
		struct err e = ERR_INIT;
		struct listing *l;
		size_t *outputs, n;

		assert_int_equal(listing_emit(to, &whole, &e), 0);
		assert_int_equal(listing_emit_reduced(to, i % 9 ? from : NULL, &part, &e),
		    0);
		l = listing_parse(part.data, part.len, true, &e);
		if (l == NULL)
			fail_msg("%s", e.text);
		assert_int_equal(l->n, to->n);
		outputs = calloc(l->n, sizeof *outputs);
		n = listing_outputs(l, outputs);
		if (n > 0)
			assert_null(listing_parse(part.data, part.len, false, &e));
		for (size_t k = 0; k < n; k++) {
			const struct entry *x = &to->entries[outputs[k]];

			if (i % 9 != 0)
				assert_int_equal(listing_find_content(from, &x->sha256,
						     x->size), -1);
			listing_set_hash(l, outputs[k], &x->sha256);
		}
		assert_same_text(l, buf_text(&whole));
		free(outputs);
		buf_free(&whole);
		buf_free(&part);
		listing_free(l);
		listing_free(from);
		listing_free(to);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_of_emit_is_the_same_listing),
		cmocka_unit_test(find_content_gives_the_first_file_or_none),
		cmocka_unit_test(reduced_listing_comes_back_whole),
	};

	return cmocka_run_group_tests_name("listing_random", tests, NULL, NULL);
}
