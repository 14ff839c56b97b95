/*
 * Releases whose files are made of several others, old and new, on a device: over one
 * delta, and over a chain of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/lab/fixture.h"

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/dev/state\nrun = %s/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\nretries = 0\nhold = 0\n", l->dir, l->dir, l->dir, l->dir, l->dir);
	lab_ok(l, "mkdir -p t/lib");
	lab_fill(l, "t/lib/a", 60000, 1);
	lab_fill(l, "t/lib/b", 60000, 2);
	lab_fill(l, "t/lib/c", 60000, 3);
	lab_ok(l, "mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "update");
	return 0;
}

static void
release(const char *change)
{
	lab_ok(l, "cd t && %s", change);
	lab_ok(l, "mkdelta release -q repo t");
}

/* The update takes fewer bytes than this. */
static void
update_below(uint64_t bytes)
{
	static const char member[] = "\"download-bytes\":";
	const char *at;

	lab_ok(l, DELTA_APPLY "plan --json");
	at = strstr(l->out, member);
	assert_non_null(at);
	assert_true(strtoull(at + sizeof member - 1, NULL, 10) < bytes);
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current/"));
	lab_ok(l, DELTA_APPLY "verify");
}

static void
merged_and_split_again(void **state)
{
	(void)state;
	release("cat lib/c lib/a lib/b > lib/all && rm lib/a lib/b lib/c");
	update_below(20000);
	release("head -c 70000 lib/all > lib/first && tail -c +70001 lib/all > lib/second &&"
	    " rm lib/all");
	update_below(20000);
}

#define TWO_ALIKE "mkdir -p new && head -c 90000 /dev/urandom > new/x && " \
    "(echo other; cat new/x) > new/y"

static void
a_file_made_of_one_that_the_same_delta_makes(void **state)
{
	(void)state;
	release(TWO_ALIKE);
	update_below(110000);
	/* Both change in the same way, and a third one like them comes. */
	release("sed -i 1s/^/more/ new/x && (echo other; cat new/x) > new/y && "
	    "head -c 50000 /dev/urandom > new/q && cat new/q lib/a > new/z");
	update_below(80000);
}

/* Deltas of the plan. */
static unsigned
hops(void)
{
	unsigned n = 0;

	lab_ok(l, DELTA_APPLY "plan --json");
	for (const char *at = strstr(l->out, "\"kind\""); at != NULL;
	    at = strstr(at + 1, "\"kind\""))
		n++;
	return n;
}

/* Releases between are never trees on the device, and their files sources all the
 * same. */
static void
the_same_over_a_chain(void **state)
{
	(void)state;
	release(TWO_ALIKE);
	for (int i = 2; i < 10; i++)
		release("(echo 1; cat new/y lib/b) > new/z && mv new/x new/v && "
		    "cat new/z lib/c > new/x && cat new/x lib/a > new/w && "
		    "head -c 90000 new/x > new/y");
	assert_true(hops() > 1);
	update_below(200000);
}

/* gzip -n of the same text, so that nothing but the packing changes. */
static void
packed_and_unpacked_again(void **state)
{
	(void)state;
	release("seq 30000 > lib/numbers");
	lab_ok(l, DELTA_APPLY "update");
	release("gzip -9n lib/numbers");
	update_below(5000);
	release("gunzip lib/numbers.gz && echo end >> lib/numbers");
	update_below(5000);
}

/* Two thousand numbers pack to half of what gzip makes of them. */
static void
a_new_packed_file_is_packed_anew(void **state)
{
	(void)state;
	lab_ok(l, "seq 100000 120000 > raw && gzip -9nk raw && rm -rf b1 && mkdir b1 b2 && "
	    "echo > b1/x && cp b1/x raw.gz b2 && mkdelta diff -q b1 b2 b.delta && "
	    "mkdelta patch b1 b.delta b3 && diff -r b2 b3");
	lab_ok(l, "[ $(stat -c %%s b.delta) -lt $(($(stat -c %%s raw.gz) / 2)) ]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(merged_and_split_again),
		FLOW(a_file_made_of_one_that_the_same_delta_makes),
		FLOW(the_same_over_a_chain),
		FLOW(packed_and_unpacked_again),
		FLOW(a_new_packed_file_is_packed_anew),
	};

	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
