#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/service.h"

#include "tests/lab/device.h"

static struct lab_device *lab;
static struct run run;
static char state_path[300], url[64], command[600];
static char name[] = "demo";
static pid_t server;

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
	lab->conf.health_timeout_s = 2;
	lab->conf.connect_timeout_s = 2;
	lab->conf.service_timeout_s = 10;
	if (run_open(&run, &lab->dev, &e) == -1)
		fail_msg("%s", e.text);
	return 0;
}

static int
close_lab(void **state)
{
	(void)state;
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	server = 0;
	run_close(&run);
	lab_device_close(lab);
	return 0;
}

/* An HTTP server of its own: the i-th answer has the i-th status, the last one
 * goes on; 0 hangs. */
static void
serve(const int *statuses, int n)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int s = socket(AF_INET, SOCK_STREAM, 0), i, one = 1;
	socklen_t len = sizeof at;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(s, 8), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/up", ntohs(at.sin_port));
	lab->conf.health_url = url;
	if ((server = fork()) != 0) {
		(void)close(s);
		return;
	}
	for (i = 0;; i++) {
		char request[2048], answer[128];
		int c = accept(s, NULL, NULL), status = statuses[i < n ? i : n - 1];

		(void)!read(c, request, sizeof request);
		if (status == 0)
			(void)sleep(60);
		(void)snprintf(answer, sizeof answer, "HTTP/1.1 %d Words\r\n"
		    "Content-Length: 2\r\nConnection: close\r\n\r\nok", status);
		(void)!write(c, answer, strlen(answer));
		(void)close(c);
	}
}

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
without_probes_all_is_well(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	lab->conf.health_hold_s = 30;
	assert_int_equal(health_check(&run, false, &e), 0);
}

static void
http_200_is_healthy(void **state)
{
	static const int statuses[] = { 200 };
	struct err e = ERR_INIT;

	(void)state;
	serve(statuses, 1);
	assert_int_equal(health_check(&run, false, &e), 0);
}

static void
http_503_is_not_and_is_named(void **state)
{
	static const int statuses[] = { 503 };
	struct err e = ERR_INIT;

	(void)state;
	serve(statuses, 1);
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "/up answers 503"));
}

static void
nobody_listening_is_not_healthy(void **state)
{
	static const int statuses[] = { 200 };
	struct err e = ERR_INIT;

	(void)state;
	serve(statuses, 1);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	server = 0;
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
}

static void
an_answer_that_never_comes_is_not_waited_for(void **state)
{
	static const int statuses[] = { 0 };
	struct err e = ERR_INIT;
	double before = seconds();

	(void)state;
	serve(statuses, 1);
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_true(seconds() - before < 8);
}

static void
a_service_may_take_its_time_to_come_up(void **state)
{
	static const int statuses[] = { 503, 503, 200 };
	struct err e = ERR_INIT;

	(void)state;
	serve(statuses, 3);
	lab->conf.health_retries = 1;
	assert_int_equal(health_check(&run, false, &e), -1);
	close_lab(NULL);
	(void)open_lab(NULL);
	serve(statuses, 3);
	lab->conf.health_retries = 2;
	assert_int_equal(health_check(&run, false, &e), 0);
}

static void
it_has_to_stay_well_for_the_hold_time(void **state)
{
	static const int statuses[] = { 200, 200, 500 };
	struct err e = ERR_INIT;
	double before = seconds();

	(void)state;
	serve(statuses, 3);
	lab->conf.health_interval_s = 1;
	lab->conf.health_hold_s = 10;
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_true(seconds() - before >= 1.9);
}

static void
one_that_comes_and_goes_is_not_healthy(void **state)
{
	struct err e = ERR_INIT;
	double before = seconds();

	(void)state;
	/* Every second round fails: never well for the whole hold time. */
	(void)snprintf(command, sizeof command, "cd %s; test -e up && { rm up; exit 1; };"
	    " : > up", lab->dir);
	lab->conf.health_command = command;
	lab->conf.health_interval_s = 1;
	lab->conf.health_hold_s = 3;
	lab->conf.health_retries = 1;
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_true(seconds() - before < 12);
}

static void
a_command_decides_by_its_exit_status(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	(void)strcpy(command, "true");
	lab->conf.health_command = command;
	assert_int_equal(health_check(&run, false, &e), 0);
	(void)strcpy(command, "exit 4");
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_non_null(strstr(e.text, "health: health command: exit status 4"));
	(void)strcpy(command, "sleep 60");
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_non_null(strstr(e.text, "not done after 2 s"));
}

static void
the_state_of_the_service_is_asked_for(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	lab->conf.health_unit = true;
	lab->conf.status_command = command;
	(void)strcpy(command, "true");
	assert_int_equal(health_check(&run, false, &e), 0);
	(void)strcpy(command, "exit 3");
	assert_int_equal(health_check(&run, false, &e), -1);
	assert_non_null(strstr(e.text, "the service is not active"));
}

#define HEALTH_TEST(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HEALTH_TEST(without_probes_all_is_well),
		HEALTH_TEST(http_200_is_healthy),
		HEALTH_TEST(http_503_is_not_and_is_named),
		HEALTH_TEST(nobody_listening_is_not_healthy),
		HEALTH_TEST(an_answer_that_never_comes_is_not_waited_for),
		HEALTH_TEST(a_service_may_take_its_time_to_come_up),
		HEALTH_TEST(it_has_to_stay_well_for_the_hold_time),
		HEALTH_TEST(one_that_comes_and_goes_is_not_healthy),
		HEALTH_TEST(a_command_decides_by_its_exit_status),
		HEALTH_TEST(the_state_of_the_service_is_asked_for),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
