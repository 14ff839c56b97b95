/*
 * flow_bsdiff40.c - patches exchanged with bsdiff and bspatch themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

static void
nothing_is_left(struct lab *l)
{
	assert_false(lab_exists(l, "got"));
	lab_ok(l, "test \"$(ls -A | grep -c '^\\.mkdelta')\" = 0");
}

/* Ours by bspatch, and bsdiff's by us. */
static void
must_exchange(struct lab *l, const char *old, const char *new)
{
	lab_ok(l, "rm -f ours theirs got* && "
		  "mkdelta diff --format bsdiff40 %s %s ours && bspatch %s got1 ours && "
		  "cmp got1 %s && mkdelta patch %s ours got2 && cmp got2 %s",
	    old, new, old, new, old, new);
	lab_ok(l, "bsdiff %s %s theirs && mkdelta patch %s theirs got3 && cmp got3 %s",
	    old, new, old, new);
}

static void
patches_go_both_ways(void **state)
{
	struct lab *l = *state;

	lab_fill(l, "a", 300000, 1);
	lab_ok(l, "tail -c 100000 a > b && head -c 150000 a >> b && "
		  "printf middle >> b && tail -c 60000 a >> b && tr a-f b-g < b > c && "
		  "printf x > one && : > none");
	must_exchange(l, "a", "b");
	lab_ok(l, "test $(stat -c %%s ours) -le $(($(stat -c %%s theirs) + 200))");
	must_exchange(l, "b", "a");
	must_exchange(l, "b", "c");
	must_exchange(l, "a", "a");
	must_exchange(l, "a", "one");
	must_exchange(l, "one", "a");
	/* Debian's bsdiff cannot map an empty file. */
	lab_ok(l, "mkdelta diff --format bsdiff40 a none d1 && "
		  "mkdelta patch a d1 e1 && cmp e1 none");
	lab_ok(l, "mkdelta diff --format bsdiff40 none a d2 && "
		  "mkdelta patch none d2 e2 && cmp e2 a");
}

static void
programs_go_both_ways_at_about_the_same_size(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "cp $(command -v delta-host) a && cp $(command -v mkdelta) b");
	must_exchange(l, "a", "b");
	lab_ok(l, "test $(stat -c %%s ours) -le $(($(stat -c %%s theirs) * 105 / 100))");
}

static void
the_new_file_has_the_permissions_of_the_old(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "printf one > a && printf two > b && chmod 4751 a && bsdiff a b p && "
		  "mkdelta patch a p got && test $(stat -c %%a got) = 751");
	lab_expect(l, 2, "mkdelta patch a p got");
	lab_ok(l, "printf mine > got && mkdelta patch --force a p got && cmp b got");
	lab_expect(l, 2, "mkdelta diff --format bsdiff40 a b p");
	lab_ok(l, "mkdelta diff --force --format bsdiff40 a b p && bspatch a x p && cmp b x");
}

static void
a_bad_patch_leaves_nothing(void **state)
{
	struct lab *l = *state;

	lab_fill(l, "a", 100000, 1);
	lab_fill(l, "b", 100000, 2);
	lab_ok(l, "bsdiff a b good");
	for (long at = 40; at < 50000; at += 4999) {
		lab_ok(l, "cp good p");
		lab_flip(l, "p", at);
		lab_expect(l, 4, "mkdelta patch a p got");
		nothing_is_left(l);
	}
	lab_expect(l, 4, "head -c 20 good > p; mkdelta patch a p got");
	lab_must_say(l, "cut short");
	lab_expect(l, 4, "head -c 20000 good > p; mkdelta patch a p got");
	/* A file of 8 exabytes. */
	lab_expect(l, 7, "cp good p && printf '\\377\\377\\377\\377\\377\\377\\377\\177' | "
			 "dd of=p bs=1 seek=24 conv=notrunc status=none; "
			 "mkdelta patch a p got");
	lab_must_say(l, "are free");
	nothing_is_left(l);
	/* Copies beyond the end of what is not the right old file. */
	lab_expect(l, 4, "bsdiff a a p && head -c 500 a > s && mkdelta patch s p got");
	lab_must_say(l, "is it the right one?");
	nothing_is_left(l);
}

static void
only_files_and_known_words_are_taken(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "printf one > a && mkdir d && bsdiff a a p");
	lab_expect(l, 2, "mkdelta diff --format bsdiff40 a d got");
	lab_must_say(l, "single files");
	lab_expect(l, 2, "mkdelta patch d p got");
	lab_expect(l, 2, "mkdelta diff --format vcdiff a a got");
	lab_must_say(l, "delta or bsdiff40");
	lab_expect(l, 2, "mkdelta diff --format bsdiff40 --effort 9 a a got");
	lab_expect(l, 1, "mkdelta diff --format bsdiff40 a nowhere got");
	nothing_is_left(l);
	lab_ok(l, "mkdelta diff --format delta a a got && mkdelta patch a got b");
}

static void
inspect_shows_the_streams(void **state)
{
	struct lab *l = *state;

	lab_fill(l, "a", 5000, 1);
	lab_ok(l, "bsdiff a a p && mkdelta inspect p");
	lab_must_say(l, "BSDIFF40");
	lab_must_say(l, "(5000 bytes)");
	lab_must_say(l, "extra              14");
	lab_ok(l, "mkdelta inspect --json p");
	lab_must_say(l, "\"new-bytes\": 5000");
	lab_expect(l, 4, "head -c 40 p > q; mkdelta inspect q");
	lab_expect(l, 2, "mkdelta inspect p a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(patches_go_both_ways),
		LAB_TEST(programs_go_both_ways_at_about_the_same_size),
		LAB_TEST(the_new_file_has_the_permissions_of_the_old),
		LAB_TEST(a_bad_patch_leaves_nothing),
		LAB_TEST(only_files_and_known_words_are_taken),
		LAB_TEST(inspect_shows_the_streams),
	};

	return cmocka_run_group_tests_name("bsdiff40", tests, NULL, NULL);
}
