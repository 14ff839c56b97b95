#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/stage.h"

#include "tests/lab/release.h"

/* The run wants another plan, and nothing is left behind. */
static void
must_plan_again(struct lab_device *l, struct run *run, const char *says)
{
	struct err e = ERR_INIT;

	assert_int_equal(step_stage(run, &e), STEP_AGAIN);
	assert_int_equal(e.code, ERR_TRUST);
	if (strstr(e.text, says) == NULL)
		fail_msg("says %s", e.text);
	lab_no_staging(l);
}

static void
a_modified_tree_is_no_source_and_falls_to_the_full(void **state)
{
	static const char *const spoil[] = {
		"sed -i s/777/778/ bin/tool", /* what the delta reads */
		"echo eno > lib/one",         /* what is only reused */
		"rm lib/moved",
		"rm kind && mkdir kind",
		"rm bin/tool && ln -s alias bin/tool",
	};
	static const char *const named[] = { "bin/tool", "lib/one", "lib/moved", "",
		"bin/tool" };

	(void)state;
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		struct lab_device *l = lab_sources(SWAP_SYMLINK);
		struct run run, again;

		lab_install(l, 41);
		lab_device_sh(l, "cd app/current && { %s\n}", spoil[i]);
		lab_run_open(l, 41, 42, &run);
		lab_run_delta(l, &run, 41, 42);
		if (named[i][0] != '\0') {
			must_plan_again(l, &run, "the installed tree was modified");
			assert_true(run.tree_modified);
			assert_int_equal(run.n_bad, 0);
		}
		lab_run_close(&run);
		/* What preflight makes of it: the same live tree, a plan from nothing. */
		lab_run_open(l, 41, 42, &again);
		record_clear(&again.plan.from_record);
		memset(&again.plan.from_record, 0, sizeof again.plan.from_record);
		again.tree_modified = true;
		lab_run_full(l, &again, 42);
		lab_run_stage(&again);
		lab_same(l, 42);
		lab_device_sh(l, "! [ app/releases/41/lib/deep/er/eins -ef "
		    "app/releases/42/lib/deep/er/eins ]");
		lab_run_close(&again);
		lab_device_close(l);
	}
}

static void
an_object_that_is_not_what_was_signed_is_left_out(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;
	struct err e = ERR_INIT;

	(void)state;
	lab_install(l, 41);
	for (int i = 0; i < 4; i++) {
		lab_run_open(l, 41, 42, &run);
		if (i == 0) {		/* no delta at all */
			lab_run_delta(l, &run, 41, 42);
			lab_run_spoil(l, &run, 0, "not a delta", 11);
		} else if (i == 1) {	/* a good delta to another tree */
			lab_run_delta(l, &run, 41, 43);
			run.plan.hops[0].to = run.plan.to.listing;
		} else if (i == 2) {	/* no full at all */
			lab_run_full(l, &run, 42);
			lab_run_spoil(l, &run, 0, "not a full", 10);
		} else {		/* the full of another release */
			lab_run_full(l, &run, 41);
			run.plan.hops[0].to = run.plan.to.listing;
			assert_int_equal(record_copy(&run.plan.trees[0], &run.plan.to,
			    &e), 0);
		}
		assert_int_equal(step_stage(&run, &e), STEP_AGAIN);
		assert_true(e.code == ERR_TRUST || e.code == ERR_FORMAT);
		assert_false(run.tree_modified);
		assert_int_equal(run.n_bad, 1);
		assert_true(sha256_equal(&run.bad[0], &run.plan.hops[0].object.sha256));
		lab_no_staging(l);
		lab_run_close(&run);
	}
	lab_same(l, 41);
	lab_device_close(l);
}

static void
leftovers_are_cleared_and_half_a_release_is_replaced(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l,
	    "cd app/releases && mkdir -p .staging-42/tree/bin .staging-7/hop-0 "
	    "42/bin && echo half > 42/bin/tool && echo > .staging-42/tree/bin/tool");
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_stage(&run);
	lab_same(l, 42);
	lab_no_staging(l);
	/* A third time there is nothing to do: not even the objects are needed. */
	lab_device_sh(l, "rm -r state/spool && stat -c %%i app/releases/42 > inode");
	lab_run_stage(&run);
	lab_device_sh(l, "stat -c %%i app/releases/42 | cmp - inode");
	/* One with a right record but a wrong file is not trusted either. */
	lab_run_close(&run);
	lab_device_sh(l, "echo x >> app/releases/42/linked");
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_stage(&run);
	lab_same(l, 42);
	lab_run_close(&run);
	lab_device_close(l);
}

static void
staging_that_a_power_cut_spoiled_is_built_again(void **state)
{
	static const char *const spoil[] = { "rm -r .staging-42",
		"rm -r .staging-42/tree/bin", ": > .staging-42/tree/linked",
		"rm .staging-42/tree/.delta/record.json" };

	(void)state;
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		struct lab_device *l = lab_sources(SWAP_SYMLINK);
		struct err e = ERR_INIT;
		struct run run;

		lab_install(l, 41);
		lab_run_open(l, 41, 42, &run);
		lab_run_delta(l, &run, 41, 42);
		assert_int_equal(step_stage(&run, &e), STEP_DONE);
		lab_device_sh(l,
		    "cd app/releases && [ $(stat -c %%a .staging-42) = 700 ] && "
		    "chmod -R u+w . && %s",
		    spoil[i]);
		if (step_verify(&run, &e) != STEP_DONE)
			fail_msg("%s", e.text);
		lab_same(l, 42);
		lab_no_staging(l);
		lab_run_close(&run);
		lab_device_close(l);
	}
}

static void
what_runs_is_never_replaced(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct err e = ERR_INIT;
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "echo mine > app/current/linked");
	lab_run_open(l, 41, 41, &run);
	lab_run_full(l, &run, 41);
	assert_int_equal(step_verify(&run, &e), STEP_FAIL);
	assert_int_equal(e.code, ERR_POLICY);
	lab_device_sh(l, "[ $(cat app/current/linked) = mine ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
refused_entries_stop_the_update_before_they_exist(void **state)
{
	static const struct {
		const char *make;
		enum err_code code;
	} cases[] = {
		{ "chmod 4755 bin/tool", ERR_POLICY }, { "chmod 666 linked", ERR_POLICY },
		{ "chmod 2755 lib", ERR_POLICY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab_device *l = lab_sources(SWAP_SYMLINK);
		struct err e = ERR_INIT;
		struct run run;

		lab_device_sh(l, "cd src/42 && %s", cases[i].make);
		lab_install(l, 41);
		for (int full = 0; full < 2; full++) {
			lab_run_open(l, 41, 42, &run);
			if (full)
				lab_run_full(l, &run, 42);
			else
				lab_run_delta(l, &run, 41, 42);
			assert_int_equal(step_stage(&run, &e), STEP_FAIL);
			assert_int_equal(e.code, cases[i].code);
			lab_no_staging(l);
			lab_run_close(&run);
		}
		lab_device_close(l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_modified_tree_is_no_source_and_falls_to_the_full),
		cmocka_unit_test(an_object_that_is_not_what_was_signed_is_left_out),
		cmocka_unit_test(leftovers_are_cleared_and_half_a_release_is_replaced),
		cmocka_unit_test(staging_that_a_power_cut_spoiled_is_built_again),
		cmocka_unit_test(what_runs_is_never_replaced),
		cmocka_unit_test(refused_entries_stop_the_update_before_they_exist),
	};

	return cmocka_run_group_tests_name("step_stage", tests, NULL, NULL);
}
