/*
 * flow_roundtrip.c - trees at the edges, there and back by `mkdelta diff` and `patch`.
 * WHOLE=1: 100,000 files, and the huge file in one piece.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

static void
must_be_same(struct lab *l, const char *a, const char *b)
{
	lab_ok(l, "diff -r --no-dereference %s %s && for t in %s %s; do (cd $t && "
	    "find . -printf '%%y %%m %%n %%P %%l\n' | LC_ALL=C sort) > $t.facts; done && "
	    "cmp %s.facts %s.facts", a, b, a, b, a, b);
}

/* old to new and back: the same contents, and nothing else left. */
static void
there_and_back(struct lab *l, const char *options)
{
	lab_ok(l, "rm -rf d1 d2 got back && mkdelta diff %s old new d1 && "
	    "mkdelta patch old d1 got && mkdelta diff %s new old d2 && "
	    "mkdelta patch new d2 back && test -z \"$(ls -A | grep '^\\.mkdelta')\"",
	    options, options);
	must_be_same(l, "new", "got");
	must_be_same(l, "old", "back");
}

static uint64_t
delta_bytes(struct lab *l)
{
	lab_ok(l, "stat -c %%s d1");
	return strtoull(l->out, NULL, 10);
}

static void
trees_of_next_to_nothing(void **state)
{
	static const char *const trees[] = {
		"true", ": > f", "printf a > f", "printf b > f",
		"mkdir d && : > d/f", "ln -s nowhere l", "head -c 70000 /dev/zero > f",
		"printf a > f && ln f g",
	};
	enum { N = sizeof trees / sizeof *trees };
	struct lab *l = *state;

	for (size_t i = 0; i < N; i++)
		for (size_t k = i; k < N; k++) {
			lab_ok(l, "rm -rf old new; mkdir old new && (cd old && %s) && "
			    "(cd new && %s)", trees[i], trees[k]);
			there_and_back(l, "-q");
			assert_true(delta_bytes(l) < 300);
		}
}

static void
a_hundred_thousand_tiny_files(void **state)
{
	struct lab *l = *state;
	unsigned n = getenv("WHOLE") != NULL ? 100000 : 5000;

	lab_ok(l, "for s in old new; do for d in 0 1 2 3 4 5 6 7 8 9; do "
	    "mkdir -p $s/$d; done; done; "
	    "awk -v n=%u 'BEGIN { for (i = 0; i < n; i++) { f = (i %% 10) \"/f\" i; "
	    "print \"file \" i > (\"old/\" f); close(\"old/\" f); "
	    "print \"file \" i (i %% 7 ? \"\" : \"!\") > (\"new/\" f); "
	    "close(\"new/\" f) } }'", n);
	there_and_back(l, "-q");
	/* Those that did not change cost nothing: 5,000 are 2 kB. */
	assert_true(delta_bytes(l) < n * 6 / 10);
}

/* Mostly holes, so that it takes no time to write. */
static void
a_byte_in_front_of_a_huge_file(void **state)
{
	struct lab *l = *state;

	lab_fill(l, "piece", 1 << 16, 1);
	lab_ok(l, "mkdir old new && truncate -s 220M old/f && for at in 1 50 130 219; do "
	    "dd if=piece of=old/f bs=1M seek=$at conv=notrunc 2> dd.err || exit 1; done; "
	    "(printf x; cat old/f) > new/f");
	lab_ok(l, "mkdelta diff %s old new d1 && mkdelta patch old d1 got && "
	    "cmp new/f got/f", getenv("WHOLE") != NULL ? "" : "--memory 64M");
	assert_true(delta_bytes(l) < 200);
}

static void
names_and_modes_of_all_kinds(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "mkdir old new && cd new && printf a > \"$(printf 'a\\nb\\\\\\001\\377')\" && "
	    "printf b > ' ' && printf c > '#' && printf d > '=' && printf e > -rf && "
	    "n=$(printf 'x%%.0s' $(seq 255)) && mkdir -p $n/$n/$n && printf f > $n/$n/$n/$n && "
	    "for m in 000 001 777 4755 2755 1777 6000; do "
	    "printf m > m$m && chmod $m m$m; done; "
	    "mkdir -m 1777 tmp; ln -s \"$(printf 'y%%.0s' $(seq 4000))\" far; ln -s . dot");
	there_and_back(l, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(trees_of_next_to_nothing),
		LAB_TEST(a_hundred_thousand_tiny_files),
		LAB_TEST(a_byte_in_front_of_a_huge_file),
		LAB_TEST(names_and_modes_of_all_kinds),
	};

	return cmocka_run_group_tests_name("roundtrip", tests, NULL, NULL);
}
