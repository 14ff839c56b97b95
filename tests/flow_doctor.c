/*
 * What the doctor says of a device that is well, and of each thing that is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	app_releases(master, 20000);
	app_configure(master, "");
	lab_ok(master, DELTA_APPLY "-q update");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s/dev' .", master->dir, master->dir);
	app_configure(l, "");
	return 0;
}

/* A line of this level and check that holds the text. */
static void
finds(int status, const char *level, const char *check, const char *text)
{
	lab_expect(l, status, DELTA_APPLY "doctor > said; s=$?; cat said; exit $s");
	lab_run(l, "cat said; grep -E '^%s +%s ' said | grep -qF -- '%s'", level, check,
	    text);
	if (l->status != 0)
		fail_msg("no %s of %s with \"%s\":\n%s", level, check, text, l->out);
}

static void
a_device_that_is_well_has_no_fail(void **state)
{
	(void)state;
	app_remember(l, "before");
	finds(0, "ok", "configuration", "channel stable");
	finds(0, "ok", "trust", "timestamp: good until");
	finds(0, "ok", "trust", "stable: good until");
	finds(0, "ok", "clock", "after the last signature");
	finds(0, "ok", "network", "answers");
	finds(0, "ok", "disk", "free");
	finds(0, "ok", "permissions", "mode 0700");
	finds(0, "ok", "journal", "idle");
	finds(0, "ok", "lock", "free");
	finds(0, "ok", "service", "none is configured");
	finds(0, "ok", "quarantine", "empty");
	finds(0, "ok", "tree", "release 3");
	finds(0, "ok", "decoder", "answers");
	app_remember(l, "after");
	lab_ok(l, "diff before after");
	lab_ok(l, DELTA_APPLY "doctor --json");
	lab_must_say(l, "\"fail\": 0");
	lab_must_say(l, "\"check\": \"clock\"");
}

static void
a_device_that_never_ran_is_told_to(void **state)
{
	(void)state;
	lab_ok(l, "rm -rf dev");
	finds(0, "warn", "folders", "update");
	assert_false(lab_exists(l, "dev"));
}

static void
each_thing_that_is_wrong_is_a_fail_with_what_to_do(void **state)
{
	static const struct {
		const char *damage, *check, *text;
	} wrong[] = {
		{ "rm repo/metadata/timestamp.json", "network", "timestamp.json" },
		{ "chmod 755 dev/state", "", "" },
		{ "rm dev/demo/current/.delta/record.json", "tree", "delta-apply repair" },
		{ "rm dev/demo/current && ln -s releases/9 dev/demo/current", "tree",
		    "releases/9" },
		{ "rm dev/state/metadata/stable.json", "trust", "stable" },
		{ "sed -i 's/}/ /' dev/state/metadata/root.json", "trust", "root" },
		{ "printf '[hooks]\\nstop = /nowhere/stop\\n' >> app.conf", "configuration",
		    "/nowhere/stop" },
		{ "printf '[service]\\nstatus = false\\n' >> app.conf", "service",
		    "does not run" },
	};

	(void)state;
	lab_ok(l, "cp -a dev dev0; cp -a repo repo0; cp app.conf conf0");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		lab_ok(l, "rm -rf dev repo; cp -a dev0 dev; cp -a repo0 repo; "
		    "cp conf0 app.conf");
		lab_ok(l, "%s", wrong[i].damage);
		if (wrong[i].check[0] != '\0')
			finds(1, "fail", wrong[i].check, wrong[i].text);
	}
}

static void
who_holds_the_lock_is_named(void **state)
{
	(void)state;
	lab_ok(l, "touch dev/run/lock; printf 'pid 77 step download\\n' > dev/run/lock; "
	    "flock dev/run/lock sleep 60 & echo $! > pid; sleep 0.5");
	finds(0, "warn", "lock", "pid 77 step download");
	lab_ok(l, "kill $(cat pid)");
}

static void
stuck_quarantine_and_hold_are_told(void **state)
{
	char health[400];

	(void)state;
	lab_ok(l, "rm -rf dev");
	lab_ok(l, DELTA_APPLY "-q update --to 1");
	(void)snprintf(health, sizeof health,
	    "command = [ $(readlink %s/dev/demo/current) = releases/1 ]\n", l->dir);
	app_configure(l, health);
	lab_run(l, DELTA_APPLY "-q update");
	assert_int_equal(l->status, 5);
	finds(0, "warn", "quarantine", "release 3 failed here");
	/* Not even the old one is healthy. */
	app_configure(l, "command = false\n");
	lab_expect(l, 5, DELTA_APPLY "-q update --retry");
	finds(1, "fail", "journal", "stuck");
	finds(1, "fail", "journal", "delta-apply resume");
}

static void
a_clock_behind_and_expired_roles_are_told(void **state)
{
	(void)state;
	if (lab_run(l, "faketime '2001-01-01' delta-apply --version") != 0)
		skip();
	lab_expect(l, 1, "faketime '2001-01-01' " DELTA_APPLY "doctor");
	lab_must_say(l, "but the metadata were signed");
	lab_expect(l, 1, "faketime '2099-01-01' " DELTA_APPLY "doctor");
	lab_must_say(l, "timestamp expired");
}

static void
a_disk_that_is_full_or_read_only_is_told(void **state)
{
	(void)state;
	lab_ok(l, "mkdir m && cp -a dev/state saved");
	if (lab_run(l, "mount -t tmpfs -o size=1m,mode=0700 none m") != 0)
		skip();
	lab_ok(l, "cp -a saved/. m && rm -rf dev/state && ln -s ../m dev/state && rm dev/state"
	    " && sed -i 's|^state = .*|state = %s/m|' app.conf", l->dir);
	finds(0, "warn", "disk", "tmpfs");
	lab_ok(l, "dd if=/dev/zero of=m/fill bs=4k 2> dd || :");
	lab_run(l, DELTA_APPLY "doctor > said; cat said");
	lab_ok(l, "grep -qE '^fail +disk .*is full' said");
	lab_ok(l, "mount -o remount,ro m");
	lab_run(l, DELTA_APPLY "doctor > said; cat said");
	lab_run(l, "grep -qE '^fail +(disk|folders) .*(read-only|Read-only)' said");
	int read_only = l->status;

	lab_ok(l, "umount m");
	assert_int_equal(read_only, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_device_that_is_well_has_no_fail),
		FLOW(a_device_that_never_ran_is_told_to),
		FLOW(each_thing_that_is_wrong_is_a_fail_with_what_to_do),
		FLOW(who_holds_the_lock_is_named),
		FLOW(stuck_quarantine_and_hold_are_told),
		FLOW(a_clock_behind_and_expired_roles_are_told),
		FLOW(a_disk_that_is_full_or_read_only_is_told),
	};

	return cmocka_run_group_tests_name("doctor", tests, open_master, close_master);
}
