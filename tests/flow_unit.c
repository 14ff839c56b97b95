/*
 * The service as a systemd unit, and releases that appear during a switch.
 *
 * There is no systemd here: a program called systemctl stands for it, over the
 * first folder of the applier's PATH in a mount namespace of the test's own.  It
 * notes its words and answers with systemd's exit statuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

#define IN_PRIVATE \
	"unshare -m --propagation private sh -c 'mount --bind fake /usr/local/sbin && " \
	"exec \"$@\"' sh "

/* start fails while `refuses` is there; a unit started from a tree with `dies`
 * is not active. */
static void
systemctl_stands_here(void)
{
	lab_write(l, "fake/systemctl",
	    "#!/bin/sh\n"
	    "cd %s || exit 1\n"
	    "echo \"$* $(readlink dev/demo/current)\" >> calls\n"
	    "case \"$1\" in\n"
	    "start) [ ! -e refuses ] || { echo 'Job failed.' >&2; exit 1; }\n"
	    "	[ -e dev/demo/current/dies ] || : > active ;;\n"
	    "stop) rm -f active ;;\n"
	    "is-active) [ -e active ] || exit 3 ;;\n"
	    "*) exit 1 ;;\n"
	    "esac\n", l->dir);
	lab_ok(l, "chmod 755 fake/systemctl");
}

static void
release(const char *change)
{
	lab_ok(l, "(cd t && %s) && mkdelta release -q repo t", change);
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 20000, 1);
	release("true");
	app_configure(l, "[service]\nunit = demo@1.service\n[health]\nunit = yes\n");
	systemctl_stands_here();
	return 0;
}

static void
need_namespace(void)
{
	if (lab_run(l, IN_PRIVATE "test -x /usr/local/sbin/systemctl") != 0) {
		print_message("skipped: no mount namespace of our own\n");
		skip();
	}
}

static void
calls_are(const char *text)
{
	char *got = lab_read(l, "calls");

	assert_string_equal(got == NULL ? "" : got, text);
	free(got);
	lab_ok(l, "rm -f calls");
}

static void
a_unit_is_stopped_started_and_asked(void **state)
{
	(void)state;
	need_namespace();
	lab_ok(l, IN_PRIVATE DELTA_APPLY "update");
	lab_ok(l, "rm calls");
	release("echo > two");
	lab_ok(l, IN_PRIVATE DELTA_APPLY "update");
	lab_ok(l, "uniq calls > once && mv once calls");
	calls_are("stop -- demo@1.service releases/1\n"
	    "start -- demo@1.service releases/2\n"
	    "is-active --quiet -- demo@1.service releases/2\n");
	app_runs(l, 2);
}

static void
a_unit_that_is_not_active_is_rolled_back(void **state)
{
	(void)state;
	need_namespace();
	lab_ok(l, IN_PRIVATE DELTA_APPLY "update");
	release("echo > dies");
	lab_ok(l, "rm calls");
	lab_expect(l, 5, IN_PRIVATE DELTA_APPLY "update");
	lab_ok(l, "uniq calls > once && mv once calls");
	calls_are("stop -- demo@1.service releases/1\n"
	    "start -- demo@1.service releases/2\n"
	    "is-active --quiet -- demo@1.service releases/2\n"
	    "stop -- demo@1.service releases/2\n"
	    "start -- demo@1.service releases/1\n"
	    "is-active --quiet -- demo@1.service releases/1\n");
	app_runs(l, 1);
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "quarantined  2 since");
}

/* The applier dies in the switch to 2 (its start command's grandparent; between
 * them is the one that watches the command); meanwhile 3 is published. */
static void
what_was_begun_is_finished_before_what_is_newer(void **state)
{
	(void)state;
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update");
	release("echo 2 > version");
	lab_write(l, "start", "[ -e %s/again ] || { touch %s/again; "
	    "kill -9 $(ps -o ppid= $PPID); sleep 5; }\n",
	    l->dir, l->dir);
	app_configure(l, "[service]\nstop = true\n"
	    "start = . $(dirname $DELTA_OLD_TREE)/../../../start\n");
	(void)lab_run(l, DELTA_APPLY "update");
	assert_int_not_equal(l->status, 0);
	assert_true(lab_exists(l, "dev/state/switching"));
	release("echo 3 > version");
	/* At boot nothing newer is looked for; start and health are still due. */
	lab_ok(l, DELTA_APPLY "recover");
	assert_true(lab_exists(l, "dev/state/switching"));
	lab_ok(l, "grep -x 2 dev/demo/current/version");
	lab_ok(l, DELTA_APPLY "update");
	assert_false(lab_exists(l, "dev/state/switching"));
	lab_ok(l, "grep -x 3 dev/demo/current/version");
	app_runs(l, 3);
	lab_ok(l, DELTA_APPLY "history | grep -o '[0-9] -> [0-9]' | tr '\\n' ,");
	assert_string_equal(l->out, "0 -> 1,1 -> 2,2 -> 3,");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_unit_is_stopped_started_and_asked),
		FLOW(a_unit_that_is_not_active_is_rolled_back),
		FLOW(what_was_begun_is_finished_before_what_is_newer),
	};

	return cmocka_run_group_tests_name("flow_unit", tests, NULL, NULL);
}
