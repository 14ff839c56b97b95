/*
 * test_match.c - which old file is taken for a new one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mkdelta/encode/delta_plan.h"
#include "mkdelta/encode/match_name.h"

#include "tests/lab/delta_pair.h"

static struct listing *
listing_of(const char *const *paths)
{
	struct err e = ERR_INIT;
	struct listing *l = listing_new(&e);
	char dot[] = ".";
	struct entry root = { .path = dot, .type = ENTRY_DIR, .mode = 0755, .nlink = 1 };

	assert_non_null(l);
	assert_int_equal(listing_add(l, &root, &e), 0);
	for (; *paths != NULL; paths++) {
		char path[256];
		struct entry x = { .path = path, .type = ENTRY_FILE, .mode = 0644,
		    .nlink = 1,
			.has_sha256 = true };
		size_t n = strlen(*paths);

		(void)snprintf(path, sizeof path, "%s", *paths);
		if (path[n - 1] == '/') {
			path[n - 1] = '\0';
			x.type = ENTRY_DIR;
			x.has_sha256 = false;
		}
		assert_int_equal(listing_add(l, &x, &e), 0);
	}
	assert_int_equal(listing_finish(l, &e), 0);
	return l;
}

static void
names_match_by_their_end_and_not_by_numbers(void **state)
{
	static const char *const paths[] = { "a/", "a/index.js", "a/lib/",
	    "a/lib/index.js",
		"libx.so.1.2.3", "mod/", "mod/6.1.0-50/", "mod/6.1.0-50/fs/",
		"mod/6.1.0-50/fs/x.ko", "mod/6.1.0-50/net/", "mod/6.1.0-50/net/x.ko", "x",
		    NULL };
	static const struct {
		const char *path, *found;
	} cases[] = {
		{ "libx.so.1.3", NULL },	/* another count of numbers */
		{ "libx.so.10.20.30", "libx.so.1.2.3" },
		{ "deep/libx.so.1.2.4", "libx.so.1.2.3" },
		{ "mod/6.1.0-56/net/x.ko", "mod/6.1.0-50/net/x.ko" },
		{ "mod/6.1.0-56/fs/x.ko", "mod/6.1.0-50/fs/x.ko" },
		{ "b/lib/index.js", "a/lib/index.js" },
		{ "dex.js", NULL },
		{ "my-index.js", NULL },
		{ "q/x", "x" },
		{ "yx", NULL },
		{ "a/lib", NULL },	/* a folder */
	};
	struct listing *l = listing_of(paths);
	struct err e = ERR_INIT;
	struct match_names *m = match_names_new(l, &e);

	(void)state;
	assert_non_null(m);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		long at = match_names_find(m, cases[i].path);

		if (cases[i].found == NULL)
			assert_int_equal(at, -1);
		else {
			assert_true(at >= 0);
			assert_string_equal(l->entries[at].path, cases[i].found);
		}
	}
	match_names_free(m);
	listing_free(l);
}

/* The path of the first source of the only output. */
static const char *
ancestor(const struct scratch *s, const char *path)
{
	static char found[256];
	struct delta_pair p;
	struct delta_plan plan;
	struct err e = ERR_INIT;
	struct delta_job job = { .effort = 1 };

	pair_open(s, &p);
	job.from = p.old;
	job.to = p.new;
	job.from_dir = p.old_dir;
	job.to_dir = p.new_dir;
	assert_int_equal(delta_plan_make(&plan, &job, &e), 0);
	*found = '\0';
	for (size_t i = 0; i < plan.n; i++)
		if (strcmp(p.new->entries[plan.outputs[i].entry].path, path) == 0 &&
		    plan.outputs[i].n_sources > 0)
			(void)snprintf(found, sizeof found, "%s",
			    p.old->entries[plan.outputs[i].sources[0]].path);
	delta_plan_free(&plan);
	pair_close(&p);
	return found;
}

static void
path_goes_before_name_and_name_before_little_content(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	scratch_dir(s, "new/sub");
	pair_fill(s, "old/same", 30000, 1);
	pair_fill(s, "old/other", 30000, 2);
	pair_fill(s, "new/same", 30001, 2);
	assert_string_equal(ancestor(s, "same"), "same");
	pair_fill(s, "new/sub/other", 30002, 5);
	assert_string_equal(ancestor(s, "sub/other"), "other");
}

static void
much_more_content_goes_before_the_name(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(60000, 7);

	pair_folders(s);
	scratch_dir(s, "new/sub");
	pair_put(s, "old/true", data, 60000);
	pair_fill(s, "old/name", 60000, 8);
	data[1234] ^= 1;
	pair_put(s, "new/sub/name", data, 60000);
	free(data);
	assert_string_equal(ancestor(s, "sub/name"), "true");
}

static void
nothing_alike_means_no_ancestor(void **state)
{
	const struct scratch *s = *state;

	pair_folders(s);
	pair_fill(s, "old/a", 30000, 1);
	pair_fill(s, "new/b", 30000, 2);
	assert_string_equal(ancestor(s, "b"), "");
}

/* Ten thousand files that share all their hashes, each under a new name. */
static void
many_alike_files_are_matched_in_bounded_time(void **state)
{
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(400, 3);
	char name[64];

	pair_folders(s);
	for (unsigned i = 0; i < 5000; i++) {
		data[0] = (uint8_t)i;
		data[1] = (uint8_t)(i >> 8);
		(void)snprintf(name, sizeof name, "old/a%c%c%c", 'a' + i % 26,
		    'a' + i / 26 % 26, 'a' + i / 676);
		pair_put(s, name, data, 400);
		data[2] ^= 1;
		(void)snprintf(name, sizeof name, "new/b%c%c%c", 'a' + i % 26,
		    'a' + i / 26 % 26, 'a' + i / 676);
		pair_put(s, name, data, 400);
		data[2] ^= 1;
	}
	free(data);
	/* 5000 outputs of 400 bytes that do not compress: sources were found. */
	assert_true(pair_round_trip(s) < 400000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_match_by_their_end_and_not_by_numbers),
		SCRATCH_TEST(path_goes_before_name_and_name_before_little_content),
		SCRATCH_TEST(much_more_content_goes_before_the_name),
		SCRATCH_TEST(nothing_alike_means_no_ancestor),
		SCRATCH_TEST(many_alike_files_are_matched_in_bounded_time),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
