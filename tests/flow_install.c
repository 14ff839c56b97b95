/*
 * From nothing to a running application, and the quiet afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 200000, 1);
	lab_write(l, "t/etc/conf", "one\n");
	lab_ok(l, "mkdir t/empty && ln -s bin/app t/run && chmod 755 t/bin/app && "
	    "mkdelta release -q --version v1.0 --notes '# First of all' repo t");
	lab_serve(l, "repo", NULL);
	app_configure(l, "");
	return 0;
}

static void
the_first_install_is_the_full_and_nothing_else(void **state)
{
	uint64_t planned;

	(void)state;
	lab_ok(l, DELTA_APPLY "plan --json");
	planned = app_number(l, "download-bytes");
	assert_int_equal(app_number(l, "from"), 0);
	assert_int_equal(app_number(l, "full-bytes"), planned);
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	lab_must_say(l, "1 (v1.0) runs");
	assert_int_equal(app_object_bytes(l), planned);
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 1);
	lab_ok(l, "readlink dev/demo/current");
	assert_string_equal(l->out, "releases/1\n");
}

static void
status_and_history_tell_of_it(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, DELTA_APPLY "status");
	lab_must_say(l, "release 1 (v1.0)");
	lab_ok(l, DELTA_APPLY "status --json");
	lab_must_say(l, "\"version\": \"v1.0\"");
	assert_int_equal(app_number(l, "release"), 1);
	assert_int_equal(app_number(l, "exit"), 0);
	lab_ok(l, DELTA_APPLY "history");
	lab_must_say(l, "installed");
	lab_ok(l, DELTA_APPLY "history --json");
	lab_must_say(l, "\"result\": \"installed\"");
	assert_int_equal(app_number(l, "to"), 1);
	lab_ok(l, DELTA_APPLY "version --json");
	assert_int_equal(app_number(l, "release"), 1);
	/* Data is on stdout; there is nothing to say beside it. */
	assert_int_equal(l->err_len, 0);
	lab_ok(l, "mkdelta list repo");
	lab_must_say(l, "v1.0");
}

static void
state_is_for_its_owner_alone(void **state)
{
	(void)state;
	lab_ok(l, "umask 0; " DELTA_APPLY "update");
	lab_ok(l, "stat -c %%a dev/state dev/demo dev/demo/releases/1/etc/conf "
	    "dev/demo/releases/1/bin/app dev/demo/releases/1/bin");
	assert_string_equal(l->out, "700\n755\n644\n755\n755\n");
}

static void
an_idle_run_asks_twice_and_writes_nothing(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	app_remember(l, "before");
	for (int i = 0; i < 2; i++) {
		lab_log_clear(l);
		lab_ok(l, "sleep 0.1; %s", i == 0 ? DELTA_APPLY "update" :
		    DELTA_APPLY "check");
		lab_ok(l, "sleep 0.1");
		assert_true(lab_requests(l, "GET") <= 2);
		assert_true(lab_sent_bytes(l) < 1024);
		app_unchanged_since(l, "before");
	}
	/* Looking needs no network and no write either. */
	lab_log_clear(l);
	lab_ok(l,
	    DELTA_APPLY "status && " DELTA_APPLY "history && " DELTA_APPLY "verify");
	lab_ok(l, "sleep 0.1");
	assert_int_equal(lab_requests(l, ""), 0);
	app_unchanged_since(l, "before");
}

static void
quiet_is_silent_and_talk_is_on_stderr(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --quiet");
	assert_int_equal(l->out_len + l->err_len, 0);
	lab_ok(l, DELTA_APPLY "update --quiet");
	assert_int_equal(l->out_len + l->err_len, 0);
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(l->out_len, 0);
}

static void
a_dry_run_and_a_download_leave_nothing_live(void **state)
{
	uint64_t planned;

	(void)state;
	lab_ok(l, DELTA_APPLY "plan --json");
	planned = app_number(l, "download-bytes");
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update --dry-run");
	assert_int_equal(app_object_bytes(l), 0);
	app_runs(l, 0);
	lab_ok(l, DELTA_APPLY "update --download-only");
	assert_int_equal(app_object_bytes(l), planned);
	app_runs(l, 0);
	/* What is there already is not fetched again. */
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(app_object_bytes(l), 0);
	app_runs(l, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(the_first_install_is_the_full_and_nothing_else),
		FLOW(status_and_history_tell_of_it),
		FLOW(state_is_for_its_owner_alone),
		FLOW(an_idle_run_asks_twice_and_writes_nothing),
		FLOW(quiet_is_silent_and_talk_is_on_stderr),
		FLOW(a_dry_run_and_a_download_leave_nothing_live),
	};

	return cmocka_run_group_tests_name("install", tests, NULL, NULL);
}
