/*
 * Hooks that behave badly, through the real program: each one is ended, named and
 * logged, and the release that runs stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apply/hook_log.h"

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static void
configure(const char *hooks)
{
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/dev/state\nrun = %s/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\ntimeout = 5\nretries = 0\ninterval = 1\nhold = 0\n[hooks]\n%s",
	    l->dir, l->dir, l->dir, l->dir, l->dir, hooks);
}

/* A script of the lab as the hook `name`, with other lines behind it. */
static void
hook_is(const char *name, const char *script, const char *more)
{
	char text[1024];

	lab_write(l, "hook", "%s", script);
	lab_ok(l, "chmod 755 hook");
	(void)snprintf(text, sizeof text, "%s = %s/hook\n%s", name, l->dir, more);
	configure(text);
}

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 100000, 1);
	lab_ok(master, "mkdelta release -q --version v1.0 repo t");
	lab_write(master, "t/etc/conf", "two\n");
	lab_write(master, "t/.delta/hooks/deps", "#!/bin/sh\r\ntrue\r\n");
	lab_ok(master, "chmod 755 t/.delta/hooks/deps; printf 'true\\n' > "
	    "t/.delta/hooks/migrate; mkdelta release -q --version v1.1 repo t");
	return 0;
}

/* With release 1 installed. */
static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' .", master->dir);
	configure("");
	lab_ok(l, DELTA_APPLY "update --to 1");
	return 0;
}

/* Release 1 runs as signed; 2 is quarantined or not. */
static void
still_1(bool quarantined)
{
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.0");
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, DELTA_APPLY "status");
	assert_int_equal(lab_said(l, "quarantined  2"), quarantined);
}

static void
one_that_hangs_is_ended_in_time(void **state)
{
	time_t before = time(NULL);

	(void)state;
	hook_is("migrate", "#!/bin/sh\nsleep 100\n", "timeout = 1\n");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "hook migrate: not done after 1 s");
	assert_true(time(NULL) - before < 30);
	still_1(true);
}

static void
a_limit_of_its_own_goes_before_the_common_one(void **state)
{
	(void)state;
	hook_is("deps", "#!/bin/sh\nsleep 100\n", "timeout = 200\ndeps-timeout = 1\n");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "hook deps: not done after 1 s");
	still_1(false);
}

static void
a_signal_is_named(void **state)
{
	(void)state;
	hook_is("migrate", "#!/bin/sh\nkill -SEGV $$\n", "");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "hook migrate: killed by signal 11 (Segmentation fault)");
	still_1(true);
}

static void
a_failure_before_stop_is_no_fault_of_the_release(void **state)
{
	(void)state;
	hook_is("deps", "#!/bin/sh\nexit 7\n", "stop = touch stopped\n");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "hook deps: exit status 7");
	assert_false(lab_exists(l, "dev/state/switching"));
	still_1(false);
	/* What was built is not lost, and the next run goes on. */
	configure("");
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_exists(l, "dev/demo/current/etc/conf"));
}

static void
a_service_that_does_not_stop_is_tried_again(void **state)
{
	(void)state;
	hook_is("stop", "#!/bin/sh\nsleep 100\n", "stop-timeout = 1\n");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "hook stop: not done after 1 s");
	still_1(false);
	configure("");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 2 v1.1");
}

static void
output_is_kept_in_the_log_alone_and_bounded(void **state)
{
	(void)state;
	hook_is("deps", "#!/bin/sh\necho FIRSTWORD\n"
	    "head -c 1000000 /dev/zero | tr '\\0' x\necho LASTWORD\nexit 1\n", "");
	for (int i = 0; i < 10; i++) {
		lab_expect(l, 5, DELTA_APPLY "update");
		assert_false(lab_said(l, "FIRSTWORD"));
	}
	lab_ok(l, "grep -q FIRSTWORD dev/state/log && grep -q LASTWORD dev/state/log && "
	    "grep 'bytes left out' dev/state/log");
	lab_ok(l, "for f in dev/state/log dev/state/log.1; do [ ! -e $f ] || "
	    "[ $(stat -c %%s $f) -le %d ]; done", (int)HOOK_LOG_MAX);
	lab_ok(l, "stat -c %%a dev/state/log | grep -x 600");
	/* Nothing that others may read has a word of it. */
	lab_ok(l, "! grep -r -e FIRSTWORD -e LASTWORD -e xxxxxxxx run");
	still_1(false);
}

/* Nothing was fetched or changed, and the release stays on offer. */
static void
refused_beforehand(const char *why)
{
	lab_ok(l, "find dev/demo | sort > before");
	lab_expect(l, 2, DELTA_APPLY "update");
	lab_must_say(l, why);
	lab_ok(l, "find dev/demo | sort | cmp - before");
	lab_ok(l, "test -z \"$(find dev/state -path '*spool/*' -type f)\"");
	assert_false(lab_exists(l, "dev/state/switching"));
	still_1(false);
}

static void
one_that_is_not_executable_is_named(void **state)
{
	char path[400];

	(void)state;
	hook_is("migrate", "#!/bin/sh\ntrue\n", "");
	lab_ok(l, "chmod 644 hook");
	(void)snprintf(path, sizeof path, "hook migrate: %s/hook is not executable; "
	    "chmod +x it", l->dir);
	refused_beforehand(path);
	/* Mended, the same release is taken. */
	lab_ok(l, "chmod 755 hook; " DELTA_APPLY "update");
	lab_must_say(l, "-> 2");
}

static void
one_that_is_not_there_is_named(void **state)
{
	char text[400];

	(void)state;
	hook_is("rollback", "#!/bin/sh\n", "");
	lab_ok(l, "rm hook");
	(void)snprintf(text, sizeof text, "hook rollback: %s/hook: No such file", l->dir);
	refused_beforehand(text);
	/* With plain arguments it is the same program. */
	configure("migrate = /nowhere/migrate --all now\n");
	refused_beforehand("hook migrate: /nowhere/migrate: No such file");
	/* Told by a dry run, too. */
	lab_expect(l, 2, DELTA_APPLY "update --dry-run");
	lab_must_say(l, "hook migrate: /nowhere/migrate: No such file");
	configure("migrate = /\n");
	refused_beforehand("is no file");
	configure("migrate = true\nuser = nobody-of-this-name\n");
	refused_beforehand("nobody is called");
}

/* What only the shell or the release can tell is left to its own time. */
static void
ones_that_may_well_start_are_let_pass(void **state)
{
	char text[400];

	(void)state;
	lab_write(l, "t2/deps.sh", "#!/bin/sh\n");
	lab_ok(l, "chmod 755 t2/deps.sh; mkdir t2/bin; "
	    "cp dev/demo/current/bin/app t2/bin/; cp -a '%s/repo.keys' .; "
	    "mkdelta release -q --version v1.2 repo t2", master->dir);
	(void)snprintf(text, sizeof text, "migrate = /nowhere/migrate || true\n"
	    "deps = %s/dev/demo/releases/3/deps.sh\n", l->dir);
	configure(text);
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 3 v1.2");
}

static void
an_interpreter_line_with_a_carriage_return_is_named_as_such(void **state)
{
	(void)state;
	hook_is("deps", "#!/bin/sh\r\ntrue\r\n", "");
	refused_beforehand("the interpreter line (/bin/sh) ends in a carriage return");
}

/* Of a release a copy runs, which is executable in any case; the operator's own
 * hook goes before the shipped one. */
static void
shipped_ones_are_looked_at_the_same_way(void **state)
{
	char text[256];

	(void)state;
	lab_ok(l, "id -un");
	l->out[l->out_len - 1] = '\0';
	(void)snprintf(text, sizeof text, "from-release = yes\nuser = %s\n", l->out);
	configure(text);
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "carriage return");
	still_1(false);
	(void)strcat(text, "deps = true\n");
	configure(text);
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "hook migrate: neither a program nor a script with an");
	still_1(true);
}

static void
a_missing_interpreter_is_named(void **state)
{
	(void)state;
	hook_is("deps", "#!/usr/bin/nowhere\ntrue\n", "");
	refused_beforehand("its interpreter /usr/bin/nowhere: No such file");
}

static void
a_daemon_left_behind_is_killed(void **state)
{
	(void)state;
	hook_is("deps", "#!/bin/sh\necho $$ > ${0%/*}/shell\n"
	    "setsid sh -c 'trap \"\" TERM HUP; echo $$ > '${0%/*}'/daemon; "
	    "while :; do sleep 1; done' > /dev/null 2>&1 &\n"
	    "while [ ! -s ${0%/*}/daemon ]; do sleep 0.1; done\n", "");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "cat daemon && ! kill -0 $(cat daemon) && ! kill -0 $(cat shell)");
}

/* That is what start is for. */
static void
what_start_leaves_behind_stays(void **state)
{
	(void)state;
	hook_is("start", "#!/bin/sh\nsleep 100 &\necho $! > ${0%/*}/daemon\n", "");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "kill $(cat daemon)");
}

static void
the_environment_is_the_documented_one(void **state)
{
	(void)state;
	configure("migrate = /usr/bin/env\n");
	lab_ok(l, "SECRET=x LD_LIBRARY_PATH=/tmp IFS=y HOME=/nowhere LANG=de_DE "
	    DELTA_APPLY "update");
	lab_write(l, "expected",
	    "DELTA_APP=demo\nDELTA_FROM=1\nDELTA_TO=2\nDELTA_FROM_VERSION=v1.0\n"
	    "DELTA_TO_VERSION=v1.1\nDELTA_OLD_TREE=%s/dev/demo/releases/1\n"
	    "DELTA_NEW_TREE=%s/dev/demo/releases/2\n"
	    "DELTA_BACKUP_DIR=%s/dev/demo/backup/2\n"
	    "DELTA_ATTEMPT=0\nDELTA_STEP=migrate\nDELTA_REASON=\n"
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	    "LANG=C.UTF-8\n", l->dir, l->dir, l->dir);
	lab_ok(l, "echo HOME=$(getent passwd $(id -u) | cut -d: -f6) >> expected");
	lab_ok(l, "sed -n '/hook migrate, 1 -> 2: ok/,$p' dev/state/log | "
	    "grep '^[A-Z_]*=' | sort > got && sort expected | diff - got");
}

/* Where it stands, what is open, what it may write. */
static void
descriptors_folder_and_umask_are_clean(void **state)
{
	(void)state;
	configure("migrate = ls -l /proc/self/fd; pwd; umask; cat\n");
	lab_ok(l, DELTA_APPLY "update 7< app.conf");
	lab_ok(l, "sed -n '/hook migrate/,$p' dev/state/log");
	lab_must_say(l, "\n/\n0022\n");
	lab_must_say(l, "0 -> /dev/null");
	assert_false(lab_said(l, "app.conf"));
	assert_false(lab_said(l, "/state"));
	assert_false(lab_said(l, "releases"));
}

/* Whatever happens, notify hears of it, and its own failure is a warning. */
static void
notify_hears_of_the_end(void **state)
{
	(void)state;
	hook_is("notify", "#!/bin/sh\necho $DELTA_FROM $DELTA_TO \"$DELTA_REASON\" >> "
	    "${0%/*}/heard\nexit 3\n", "migrate = false\n");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_ok(l, "cat heard; [ $(wc -l < heard) = 1 ] && grep '^1 2 ..*' heard");
	hook_is("notify", "#!/bin/sh\necho $DELTA_FROM $DELTA_TO >> ${0%/*}/heard\n"
	    "exit 3\n", "");
	lab_ok(l, DELTA_APPLY "update --retry");
	lab_must_say(l, "hook notify: exit status 3");
	lab_ok(l, "cat heard; [ $(wc -l < heard) = 2 ]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(one_that_hangs_is_ended_in_time),
		FLOW(a_limit_of_its_own_goes_before_the_common_one),
		FLOW(a_signal_is_named),
		FLOW(a_failure_before_stop_is_no_fault_of_the_release),
		FLOW(a_service_that_does_not_stop_is_tried_again),
		FLOW(output_is_kept_in_the_log_alone_and_bounded),
		FLOW(one_that_is_not_executable_is_named),
		FLOW(one_that_is_not_there_is_named),
		FLOW(ones_that_may_well_start_are_let_pass),
		FLOW(an_interpreter_line_with_a_carriage_return_is_named_as_such),
		FLOW(shipped_ones_are_looked_at_the_same_way),
		FLOW(a_missing_interpreter_is_named),
		FLOW(a_daemon_left_behind_is_killed),
		FLOW(what_start_leaves_behind_stays),
		FLOW(the_environment_is_the_documented_one),
		FLOW(descriptors_folder_and_umask_are_clean),
		FLOW(notify_hears_of_the_end),
	};

	return cmocka_run_group_tests_name("hooks", tests, open_master, close_master);
}
