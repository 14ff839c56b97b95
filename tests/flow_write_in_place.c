/*
 * An application that writes into its own tree, as root, and is rolled back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

/* Two releases; 2 has `marker`.  A device whose health check is `health`, run in
 * the lab's folder with $APP the live tree. */
static struct lab *
published(const char *swap, const char *health)
{
	struct lab *l = lab_open();
	int exchange = strcmp(swap, "exchange") == 0;

	lab_ok(l,
	    "umask 022; mkdir -p t1/bin && seq 1 30000 > t1/bin/app && seq 5 > t1/lib && "
	    "cp -a t1 t2 && echo two > t2/marker && mkdelta init repo && "
	    "mkdelta release repo t1 && mkdelta release repo t2");
	lab_write(l, "app.conf",
	    "[app]\nname = demo\nroot = %s/opt/demo\n"
	    "url = file://%s/repo\nchannel = stable\nplatform = any\nswap = %s\n"
	    "state = %s/state\nrun = %s/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\ntimeout = 2\nretries = 0\ninterval = 1\nhold = 0\n"
	    "command = APP=%s/opt/demo%s; %s\n",
	    l->dir, l->dir, swap, l->dir, l->dir, l->dir, l->dir,
	    exchange ? "" : "/current", health);
	return l;
}

static void
what_only_the_new_release_damaged_is_fetched_again(void **state)
{
	static const char *const swaps[] = { "symlink", "exchange" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab *l = published(swaps[i],
		    "[ ! -e $APP/marker ] || { echo damage >> $APP/bin/app; false; }");

		lab_ok(l, "delta-apply --config app.conf update --to 1");
		lab_expect(l, 5, "delta-apply --config app.conf update");
		lab_ok(l, "delta-apply --config app.conf verify");
		lab_must_say(l, "exactly as signed");
		lab_ok(l, "delta-apply --config app.conf status");
		assert_false(lab_said(l, "stuck"));
		lab_must_say(l, "release 1");
		lab_ok(l, "! find opt -name '.staging-*' | grep .");
		lab_close(l);
	}
}

static void
without_its_repository_it_is_stuck_and_says_why(void **state)
{
	struct lab *l = published("symlink", "[ ! -e $APP/marker ] || { "
	    "echo damage >> $APP/bin/app; mv repo/targets gone; false; }");

	(void)state;
	lab_ok(l, "delta-apply --config app.conf update --to 1");
	lab_run(l, "stat -c %%h opt/demo/current/bin/app");
	lab_expect(l, 5, "delta-apply --config app.conf update");
	lab_ok(l, "delta-apply --config app.conf status");
	if (lab_said(l, "stuck"))	/* unless files were not shared at all */
		lab_must_say(l, "bin/app");
	lab_close(l);
}

/* 1 writes too: the tree is known to be modified before anything is shared. */
static void
an_application_that_always_writes_shares_nothing(void **state)
{
	struct lab *l =
	    published("symlink", "echo start >> $APP/lib; [ ! -e $APP/marker ]");

	(void)state;
	lab_ok(l, "delta-apply --config app.conf update --to 1");
	lab_expect(l, 5, "delta-apply --config app.conf update");
	lab_must_say(l, "modified: lib");
	assert_false(lab_said(l, "fetched again"));
	lab_ok(l, "delta-apply --config app.conf status");
	assert_false(lab_said(l, "stuck"));
	/* Put right before stop, written to once after the rollback, never by 2. */
	lab_ok(l,
	    "readlink opt/demo/current && [ $(grep -c start opt/demo/current/lib) = 1 ]");
	lab_must_say(l, "releases/1");
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_the_new_release_damaged_is_fetched_again),
		cmocka_unit_test(without_its_repository_it_is_stuck_and_says_why),
		cmocka_unit_test(an_application_that_always_writes_shares_nothing),
	};

	return cmocka_run_group_tests_name("write_in_place", tests, NULL, NULL);
}
