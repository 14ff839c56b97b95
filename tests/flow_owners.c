/*
 * Owners, attributes and capabilities: recorded when asked, refused by the device by
 * name, taken when allowed; and an applier that is not root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "tests/lab/fixture.h"

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 20000, 1);
	lab_write(l, "t/etc/conf", "one\n");
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = file://%s/repo\nstate = %s/dev/state\nrun = %s/dev/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n", l->dir, l->dir, l->dir,
	    l->dir, l->dir);
	return 0;
}

static void
capabilities_are_taken_only_when_allowed(void **state)
{
	(void)state;
	if (geteuid() != 0 || lab_run(l, "setcap cap_net_raw+ep t/bin/app") != 0) {
		print_message("skipped: no file capabilities here\n");
		skip();
	}
	lab_ok(l, "mkdelta release -q --xattrs --version v1 repo t");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "bin/app");
	lab_must_say(l, "capabilities");
	assert_false(lab_exists(l, "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "--set app.allow=capabilities update");
	lab_ok(l, "getcap dev/demo/current/bin/app");
	lab_must_say(l, "cap_net_raw");
}

static void
foreign_owners_are_taken_only_when_allowed(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	lab_ok(l, "chown nobody t/etc/conf");
	lab_ok(l, "mkdelta release -q --owners --version v1 repo t");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "etc/conf");
	lab_must_say(l, "owners");
	assert_false(lab_exists(l, "dev/demo/current"));
	lab_ok(l, DELTA_APPLY "--set app.allow=owners update");
	lab_ok(l, "test $(stat -c %%U dev/demo/current/etc/conf) = nobody");
	lab_ok(l, "test $(stat -c %%U dev/demo/current/bin/app) = root");
}

static void
an_applier_that_is_not_root_serves_its_own_tree(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	lab_ok(l,
	    "mkdelta release -q --version v1 repo t && mkdir dev && chown nobody dev");
	if (lab_run(l, "setpriv --reuid=nobody --clear-groups delta-apply --version") !=
	    0) {
		print_message("skipped: nobody cannot reach the programs\n");
		skip();
	}
	lab_ok(l, "setpriv --reuid=nobody --clear-groups " DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/1"));
	lab_ok(l, "test $(stat -c %%U dev/demo/current/bin/app) = nobody");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(capabilities_are_taken_only_when_allowed),
		FLOW(foreign_owners_are_taken_only_when_allowed),
		FLOW(an_applier_that_is_not_root_serves_its_own_tree),
	};

	return cmocka_run_group_tests_name("flow_owners", tests, NULL, NULL);
}
