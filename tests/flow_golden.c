/*
 * flow_golden.c - deltas that were made once (tests/golden/) are still read, and each
 * shows what it is there for.  A change of the format on purpose: scripts/make-golden.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

static char *golden;

static void
every_golden_delta_makes_the_tree_of_its_sum(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "bash %s/check.sh mkdelta", golden);
	lab_must_say(l, "1..");
	assert_false(lab_said(l, "not ok"));
	lab_ok(l, "test $(wc -l < %s/SUMS) = $(ls %s/*.tar.xz | wc -l) && "
	    "test $(wc -l < %s/SUMS) -ge 24", golden, golden, golden);
}

/* What inspect says of the outputs, and of the streams that such outputs need. */
static void
each_uses_what_it_is_named_for(void **state)
{
	static const char *const all[][3] = {
		{ "sparse", " sparse ", "\nruns+changes " },
		{ "substitute", " sparse ", "\nchanges " },
		{ "differences", " copy ", "diff" },
		{ "repeat", " repeat ", "extra" },
		{ "raw", " raw ", "extra" },
		{ "bundle", " sparse ", "seek" },
		{ "several", " sparse ", "seek" },
		{ "gzipped", " inflate ", "lists" },
		{ "zipped", " inflate ", "lists" },
		{ "framed", " inflate ", "lists" },
		{ "x86-64", " predict ", "code" },
		{ "i386", " predict ", "code" },
		{ "aarch64", " predict ", "code" },
		{ "thumb", " predict ", "code" },
		{ "arm", " predict ", "code" },
		{ "relr", " predict ", "code" },
		{ "module-x86-64", " predict ", "\nruns+changes " },
		{ "module-aarch64", " predict ", "targets" },
		{ "kernel", " predict ", "code" },
		{ "high", " predict ", "code" },
		{ "go", " predict ", "targets" },
		{ "pieces", " predict ", "code" },
	};
	struct lab *l = *state;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		lab_ok(l, "rm -rf old new && tar -xJpf %s/%s.tar.xz && "
		    "mkdelta inspect %s/%s.delta old", golden, all[i][0], golden,
		    all[i][0]);
		lab_must_say(l, all[i][1]);
		lab_must_say(l, all[i][2]);
	}
	lab_ok(l, "mkdelta inspect %s/bsdiff40.delta", golden);
	lab_must_say(l, "bsdiff");
}

static void
without_pieces_programs_in_a_filesystem_are_as_other_bytes(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "tar -xJpf %s/pieces.tar.xz && mkdelta diff --without pieces old new d && "
	    "mkdelta patch old d back && diff -r new back && "
	    "test $(stat -c %%s d) -gt $(stat -c %%s %s/pieces.delta) && "
	    "mkdelta inspect d old", golden, golden);
	assert_false(lab_said(l, "predict"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(every_golden_delta_makes_the_tree_of_its_sum),
		LAB_TEST(each_uses_what_it_is_named_for),
		LAB_TEST(without_pieces_programs_in_a_filesystem_are_as_other_bytes),
	};

	if ((golden = realpath("tests/golden", NULL)) == NULL) {
		perror("tests/golden");
		return 1;
	}
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
