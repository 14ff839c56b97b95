#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/service.h"

#include "tests/lab/device.h"

static struct lab_device *lab;
static struct run run;
static char state_path[300], start[600], stop[600], status[600], hook[600];
static char name[] = "demo";

static int
open_lab(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	log_setup("test", LOG_QUIET);
	lab = lab_device_open(SWAP_SYMLINK, NULL);
	(void)snprintf(state_path, sizeof state_path, "%s/state", lab->dir);
	lab->conf.name = name;
	lab->conf.state = state_path;
	lab->conf.service_timeout_s = 5;
	if (run_open(&run, &lab->dev, &e) == -1)
		fail_msg("%s", e.text);
	return 0;
}

static int
close_lab(void **state)
{
	(void)state;
	run_close(&run);
	lab_device_close(lab);
	return 0;
}

/* A real service of two commands: sleep, and its pid in a file. */
static void
configure(void)
{
	(void)snprintf(start, sizeof start,
	    "cd %s && { setsid sleep 300 & echo $! > pid; }"
	    " && echo start >> LOG",
	    lab->dir);
	(void)snprintf(stop, sizeof stop, "cd %s && echo stop >> LOG;"
	    " test ! -e pid || kill $(cat pid); rm -f pid", lab->dir);
	(void)snprintf(status, sizeof status, "kill -0 $(cat %s/pid)", lab->dir);
	lab->conf.start_command = start;
	lab->conf.stop_command = stop;
	lab->conf.status_command = status;
}

static void
nothing_configured_is_fine(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(service_stop(&run, true, &e), 0);
	assert_int_equal(service_start(&run, false, &e), 0);
	assert_int_equal(service_active(&run, &e), -1);
}

static void
what_the_start_command_starts_stays(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	configure();
	assert_int_equal(service_active(&run, &e), 0);
	assert_int_equal(service_start(&run, false, &e), 0);
	assert_int_equal(service_active(&run, &e), 1);
	assert_int_equal(service_stop(&run, true, &e), 0);
	assert_int_equal(service_active(&run, &e), 0);
	/* Stopping what is stopped is fine. */
	assert_int_equal(service_stop(&run, true, &e), 0);
}

static void
the_stop_hook_runs_before_and_the_start_hook_after(void **state)
{
	struct buf text = BUF_INIT(4096);
	struct err e = ERR_INIT;

	(void)state;
	configure();
	(void)snprintf(hook, sizeof hook, "echo hook >> %s/LOG", lab->dir);
	lab->conf.hooks[HOOK_STOP] = lab->conf.hooks[HOOK_START] = hook;
	assert_int_equal(service_start(&run, false, &e), 0);
	assert_int_equal(service_stop(&run, true, &e), 0);
	assert_int_equal(fs_read_file(lab->fd, "LOG", &text, &e), 0);
	assert_string_equal(buf_text(&text), "start\nhook\nhook\nstop\n");
	buf_free(&text);
}

static void
a_command_that_fails_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	(void)strcpy(start, "exit 3");
	(void)strcpy(stop, "sleep 60");
	lab->conf.start_command = start;
	lab->conf.stop_command = stop;
	lab->conf.service_timeout_s = 1;
	assert_int_equal(service_start(&run, false, &e), -1);
	assert_string_equal(e.text, "start command: exit status 3");
	assert_int_equal(service_stop(&run, true, &e), -1);
	assert_string_equal(e.text, "stop command: not done after 1 s");
}

static void
a_stop_hook_that_fails_leaves_the_service_running(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	configure();
	assert_int_equal(service_start(&run, false, &e), 0);
	(void)strcpy(hook, "exit 1");
	lab->conf.hooks[HOOK_STOP] = hook;
	assert_int_equal(service_stop(&run, true, &e), -1);
	assert_int_equal(service_active(&run, &e), 1);
	lab->conf.hooks[HOOK_STOP] = NULL;
	assert_int_equal(service_stop(&run, true, &e), 0);
}

static void
a_name_that_is_no_unit_is_refused(void **state)
{
	struct err e = ERR_INIT;
	char unit[] = "demo'; rm -rf /; '";

	(void)state;
	lab->conf.unit = unit;
	assert_int_equal(service_start(&run, false, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
}

#define SERVICE_TEST(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_TEST(nothing_configured_is_fine),
		SERVICE_TEST(what_the_start_command_starts_stays),
		SERVICE_TEST(the_stop_hook_runs_before_and_the_start_hook_after),
		SERVICE_TEST(a_command_that_fails_is_named),
		SERVICE_TEST(a_stop_hook_that_fails_leaves_the_service_running),
		SERVICE_TEST(a_name_that_is_no_unit_is_refused),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
