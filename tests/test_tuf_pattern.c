#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/tuf_names.h"

static void
patterns_match_as_the_specification_says(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool fits;
	} cases[] = {
		{ "*", "a", true },
		{ "*", "a/b", false },
		{ "*/*", "a/b", true },
		{ "*/*", "a/b/c", false },
		{ "*/*", "a", false },
		{ "", "", true },
		{ "*", "", true },
		{ "*", ".hidden", true },
		{ "a*", "a", true },
		{ "*.tgz", "foo.tgz", true },
		{ "*.tgz", "targets/foo.tgz", false },
		{ "targets/*.tgz", "targets/foo.tgz", true },
		{ "targets/*.tgz", "targets/foo.txt", false },
		{ "foo-version-?.tgz", "foo-version-2.tgz", true },
		{ "foo-version-?.tgz", "foo-version-alpha.tgz", false },
		{ "?", "/", false },
		{ "a?b", "a/b", false },
		{ "a[/]b", "a/b", false },
		{ "*a*b*c", "xaybzc", true },
		{ "*a*b*c", "xaybz", false },
		{ "[abc]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[!a-c]x", "dx", true },
		{ "[!a-c]x", "ax", false },
		{ "[]]", "]", true },
		{ "[", "[", true },
		{ "a[b", "a[b", true },
		{ "[-a]", "-", true },
		{ "[a-]", "-", true },
		{ "?", "\xc3\xa9", true },
		{ "[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true },
		{ "a\\*", "a\\x", true },
		{ "a\\*", "a*", false },
		{ "*/linux-arm64.*", "42/linux-arm64.from-41.delta", true },
		{ "*/linux-arm64.*", "42/linux-armhf.tar.zst", false },
		{ "A", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (tuf_pattern_matches(cases[i].pattern, cases[i].path) != cases[i].fits)
			fail_msg("%s against %s", cases[i].pattern, cases[i].path);
}

/* The C library's matcher as a second opinion on plain wildcards. */
static void
patterns_agree_with_fnmatch(void **state)
{
	static const char letters[] = "ab/*?";
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char pattern[9] = "", path[9] = "";

		for (int k = 0; k < 8; k++) {
			seed = seed * 1103515245 + 12345;
			if ((seed >> 16) % 8 < 7)
				(void)strncat(pattern, &letters[(seed >> 20) % 5], 1);
			if ((seed >> 24) % 8 < 7)
				(void)strncat(path, &letters[(seed >> 28) % 3], 1);
		}
		if (tuf_pattern_matches(pattern, path) !=
		    (fnmatch(pattern, path, FNM_PATHNAME | FNM_NOESCAPE) == 0))
			fail_msg("%s against %s", pattern, path);
	}
}

static void
pattern_of_many_stars_takes_no_time(void **state)
{
	char pattern[4001], path[4001];

	(void)state;
	for (int i = 0; i < 4000; i += 2) {
		pattern[i] = 'a';
		pattern[i + 1] = '*';
	}
	pattern[3998] = 'b';
	pattern[3999] = '\0';
	memset(path, 'a', 4000);
	path[4000] = '\0';
	assert_false(tuf_pattern_matches(pattern, path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_the_specification_says),
		cmocka_unit_test(patterns_agree_with_fnmatch),
		cmocka_unit_test(pattern_of_many_stars_takes_no_time),
	};

	return cmocka_run_group_tests_name("tuf_pattern", tests, NULL, NULL);
}
