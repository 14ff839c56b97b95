/*
 * Chains of deltas: the cheapest is taken, costs what the plan says, and what
 * did not change costs next to nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 300000, 1);
	lab_write(l, "t/etc/conf", "one\n");
	lab_ok(l, "mkdelta release -q repo t && cp -a t t1");
	return 0;
}

/* Releases up to `last`, each with another 2000 bytes of the program changed. */
static void
release_up_to(unsigned last)
{
	for (unsigned i = 2; i <= last; i++) {
		char part[16];

		(void)snprintf(part, sizeof part, "p%u", i);
		lab_fill(l, part, 2000, 100 + i);
		lab_ok(l,
		    "dd if=%s of=t/bin/app bs=2000 seek=%u conv=notrunc status=none && "
		    "mkdelta release -q repo t",
		    part, 10 * i);
	}
}

static void
serve(const char *extra)
{
	lab_serve(l, "repo", extra);
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_log_clear(l);
}

/* The bytes of the chosen way's hops, added up. */
static uint64_t
hops_in_plan(unsigned *n)
{
	char *end = strstr(l->out, "\"why\"");
	uint64_t sum = 0;

	assert_non_null(end);
	*n = 0;
	for (char *at = strstr(l->out, "\"kind\""); at != NULL && at < end;
	    at = strstr(at + 1, "\"kind\"")) {
		unsigned long long bytes;

		assert_int_equal(sscanf(strstr(at, "\"bytes\": "), "\"bytes\": %llu",
				     &bytes),
		    1);
		sum += bytes;
		(*n)++;
	}
	return sum;
}

static void
a_chain_of_three_costs_what_was_planned(void **state)
{
	uint64_t planned, full;
	unsigned hops;

	(void)state;
	serve(NULL);
	release_up_to(10);
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "the fewest bytes");
	lab_ok(l, DELTA_APPLY "plan --json");
	planned = app_number(l, "download-bytes");
	full = app_number(l, "full-bytes");
	assert_int_equal(hops_in_plan(&hops), planned);
	assert_int_equal(hops, 3);
	assert_true(planned < full / 5);
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(app_object_bytes(l), planned);
	assert_int_equal(lab_requests(l, ".delta 200"), 3);
	assert_int_equal(lab_requests(l, "/targets/"), 3);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 10);
	lab_ok(l, DELTA_APPLY "history --json | grep '\"bytes\": %llu,'",
	    (unsigned long long)planned);
}

static void
a_mode_that_changes_costs_no_content(void **state)
{
	(void)state;
	lab_ok(l, "chmod 700 t/bin/app; chmod 750 t/etc; mkdelta release -q repo t");
	serve(NULL);
	lab_ok(l, DELTA_APPLY "update");
	assert_true(app_object_bytes(l) < 600);
	assert_int_equal(lab_requests(l, ".delta 200"), 1);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	/* The old release has its own mode still. */
	assert_true(lab_same_tree(l, "t1", "dev/demo/releases/1"));
	app_runs(l, 2);
}

static void
the_same_content_twice_costs_nothing(void **state)
{
	(void)state;
	lab_write(l, "t/etc/conf", "two\n");
	lab_ok(l, "mkdelta release -q repo t");
	lab_ok(l, "rm -r t; cp -a t1 t; mkdelta release -q --version 3 repo t");
	serve(NULL);
	lab_ok(l, DELTA_APPLY "update");
	/* Release 3 is release 1's tree again: no delta is needed at all. */
	assert_true(app_object_bytes(l) < 600);
	assert_true(lab_same_tree(l, "t1", "dev/demo/current"));
	app_runs(l, 3);
	lab_ok(l, "readlink dev/demo/current");
	assert_string_equal(l->out, "releases/3\n");
}

static void
renamed_moved_and_doubled_files_cost_nothing(void **state)
{
	(void)state;
	lab_ok(l,
	    "mkdir t/lib && mv t/bin/app t/lib/program && cp -a t/lib/program t/lib/twin "
	    "&& mv t/etc t/config && mkdelta release -q repo t");
	serve(NULL);
	lab_ok(l, DELTA_APPLY "update");
	assert_true(app_object_bytes(l) < 1000);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 2);
	/* Two entries are two files, not one under two names. */
	lab_ok(l, "stat -c %%i dev/demo/current/lib/program dev/demo/current/lib/twin | "
	    "sort -u | wc -l");
	assert_string_equal(l->out, "2\n");
}

static void
a_delta_that_is_missing_leads_to_the_next_way(void **state)
{
	(void)state;
	release_up_to(4);
	serve(NULL);
	lab_ok(l, "rm repo/targets/4/*.from-1.delta");
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(lab_requests(l, "from-1.delta 404"), 1);
	assert_int_equal(lab_requests(l, ".delta 200"), 2);
	assert_int_equal(lab_requests(l, ".tar.zst"), 0);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 4);
}

static void
without_any_delta_the_full_ends_the_search(void **state)
{
	(void)state;
	release_up_to(3);
	serve(NULL);
	lab_ok(l, "rm repo/targets/*/*.delta");
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(lab_requests(l, ".delta 200"), 0);
	assert_true(lab_requests(l, ".tar.zst 20") >= 1);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 3);
}

static void
never_full_means_never(void **state)
{
	(void)state;
	release_up_to(3);
	serve(NULL);
	app_configure(l, "[device]\nnever-full = yes\n");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "device.never-full");
	lab_ok(l, "rm repo/targets/*/*.delta");
	assert_int_not_equal(lab_run(l, DELTA_APPLY "update"), 0);
	assert_int_equal(lab_requests(l, ".tar.zst"), 0);
	app_runs(l, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_chain_of_three_costs_what_was_planned),
		FLOW(a_mode_that_changes_costs_no_content),
		FLOW(the_same_content_twice_costs_nothing),
		FLOW(renamed_moved_and_doubled_files_cost_nothing),
		FLOW(a_delta_that_is_missing_leads_to_the_next_way),
		FLOW(without_any_delta_the_full_ends_the_search),
		FLOW(never_full_means_never),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
