/*
 * Several applications on one device: every configuration in /etc/delta-apply, each by
 * itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/lab/fixture.h"

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 20000, 1);
	lab_ok(l, "mkdelta release -q --version v1.0 repo t");
	lab_serve(l, "repo", NULL);
	return 0;
}

/* A configuration below the lab's own /etc/delta-apply. */
static void
configure_as(const char *file, const char *name, const char *more)
{
	char path[64];

	(void)snprintf(path, sizeof path, "etc/delta-apply/%s.conf", file);
	lab_write(l, path,
	    "[app]\nname = %s\nroot = %s/dev/%s\nurl = http://127.0.0.1:%d\n"
	    "state = %s/dev/state-%s\nrun = %s/dev/run-%s\n[trust]\n"
	    "root = %s/repo/metadata/1.root.json\n%s",
	    name, l->dir, file, l->port, l->dir, file, l->dir, file, l->dir, more);
}

#define WITH_ETC \
	"unshare -m sh -c 'mount -t overlay overlay -o lowerdir=$PWD/etc:/etc /etc" \
	" && exec delta-apply \"$@\"' x "

static void
several_applications_are_served_one_by_one(void **state)
{
	(void)state;
	configure_as("one", "one", "");
	configure_as("two", "two", "");
	if (lab_run(l, WITH_ETC "--version") != 0)
		skip();
	lab_ok(l, WITH_ETC "update");
	assert_true(lab_same_tree(l, "t", "dev/one/releases/1"));
	assert_true(lab_same_tree(l, "t", "dev/two/releases/1"));
	lab_ok(l, WITH_ETC "version");
	lab_must_say(l, "one 1 v1.0");
	lab_must_say(l, "two 1 v1.0");
	/* The worst wins, and one that is wrong keeps no other from its update. */
	lab_ok(l, "rm -r dev/two");
	configure_as("one", "one", "[app]\nchanel = x\n");
	lab_expect(l, 2, WITH_ETC "update");
	lab_must_say(l, "one.conf: line");
	assert_true(lab_same_tree(l, "t", "dev/two/releases/1"));
	configure_as("one", "two", "");
	lab_expect(l, 2, WITH_ETC "update");
	lab_must_say(l, "one.conf and ");
	lab_must_say(l, "the same app.name");
	lab_ok(l, "rm etc/delta-apply/*");
	lab_expect(l, 2, WITH_ETC "update");
	lab_must_say(l, "no configuration");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    several_applications_are_served_one_by_one, open_lab, close_lab),
	};

	return cmocka_run_group_tests_name("several", tests, NULL, NULL);
}
