/*
 * Hooks that a signed release ships and that try to get at more than they were given.
 * They run as another user; what they manage to do they write down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/app.h"
#include "tests/lab/forge.h"
#include "tests/lab/hostile.h"

/* Each line that works is an escape. */
static const char script[] =
    "#!/bin/sh\ncd '%s' || exit 9\n"
    "try() { { eval \"$1\"; } > /dev/null 2>&1 && echo \"$1\" >> dev/public/escaped; }\n"
    "try 'echo x >> outside/file'\n"
    "try 'echo x > outside/new'\n"
    "try 'echo x > dev/sibling/file'\n"
    "try 'rm app.conf'\n"
    "try 'cat dev/state/journal'\n"
    "try 'ls dev/state'\n"
    "try 'echo x > dev/state/quarantine.json'\n"
    "try 'touch dev/demo/x'\n"
    "try 'ln -sfn /etc dev/demo/current'\n"
    "try 'mv dev/demo/releases/1 dev/demo/releases/0'\n"
    "try 'echo x > dev/demo/releases/2/bin/app'\n"
    "try 'chmod 4755 dev/demo/releases/2/bin/app'\n"
    "try 'ln dev/demo/releases/2/bin/app dev/public/app'\n"
    "try 'kill -9 $PPID'\n"
    "try 'ls -l /proc/$PPID/fd/3'\n"
    "try 'test $(id -u) = 0'\n"
    "try 'test -n \"$SECRET\"'\n"
    "setsid sh -c 'sleep 1; echo later >> dev/public/escaped' &\n"
    "(setsid setsid sh -c 'sleep 1; echo later >> dev/public/escaped' &)\n"
    "echo $0 >> dev/public/ran\n";

static void
shipped_hooks_get_at_nothing_that_is_not_theirs(void **state)
{
	static const char *const hooks[] = { "preflight", "deps", "backup", "migrate",
		"commit" };
	struct lab *l;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: another user needs root\n");
		skip();
	}
	l = hostile_begin(DEVICE_WITH_1, "[hooks]\nfrom-release = yes\nuser = nobody\n");
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
		char path[64];

		(void)snprintf(path, sizeof path, "3/.delta/hooks/%s", hooks[i]);
		lab_write(l, path, script, l->dir);
	}
	lab_ok(l, "cp -a 2/. 3/ && chmod 755 3/.delta/hooks/* && mkdelta release -q repo 3 "
	    "&& mkdir -m 1777 dev-1/public && chmod 1777 dev-1/public");
	hostile_update(l, 0, "runs");
	(void)sleep(2);
	lab_ok(l, "wc -l < dev/public/ran | grep -qx 5; cat dev/public/ran");
	(void)lab_run(l, "cat dev/public/escaped");
	assert_string_equal(l->out, "");
	app_runs(l, 3);
	hostile_end(l);
}

/* The hooks' folder leads to programs of the device. */
static void
shipped_hooks_behind_a_link_are_not_run(void **state)
{
	struct lab *l = hostile_begin(DEVICE_WITH_1, "[hooks]\nfrom-release = yes\n"
	    "user = root\n");
	struct forge *f = forge_open(l);
	char *text;

	(void)state;
	lab_write(l, "outside/hooks/deps", "#!/bin/sh\ntouch %s/dev/ran\n", l->dir);
	lab_ok(l, "chmod 755 outside/hooks/deps && zstd -dq < $(ls repo/targets/2/*.tree.zst)"
	    " | sed \"2a ./.delta type=dir mode=0755\\n./.delta/hooks type=link mode=0777 "
	    "link=$PWD/outside/hooks\" > listing");
	assert_non_null(text = lab_read(l, "listing"));
	forge_listing(f, 2, text, strlen(text));
	forge_close(f);
	hostile_update(l, 0, "runs");
	lab_ok(l, "test -L dev/demo/current/.delta/hooks");
	assert_false(lab_exists(l, "dev/ran"));
	app_runs(l, 2);
	free(text);
	hostile_end(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_hooks_get_at_nothing_that_is_not_theirs),
		cmocka_unit_test(shipped_hooks_behind_a_link_are_not_run),
	};

	return cmocka_run_group_tests_name("hostile_hooks", tests, hostile_open_master,
	    hostile_close_master);
}
