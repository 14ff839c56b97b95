#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs_tree.h"

#include "apply/hook_exec.h"

static char dir[64];
static char *no_env[] = { NULL };

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/test-hook-exec-XXXXXX");
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) == -1)
		return -1;
	return 0;
}

static int
teardown(void **state)
{
	struct err e = ERR_INIT;
	int at = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	(void)fs_remove_tree(at, dir + 5, &e);
	(void)close(at);
	return 0;
}

static const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static const char *
script(const char *name, const char *text, mode_t mode)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* Run a command line or program; what it printed (first half) goes to out. */
static int
run(struct hook_exec *x, char *out, size_t max, struct hook_output *kept, struct err *e)
{
	struct hook_output o;
	size_t n;
	int rc;

	assert_int_equal(hook_output_init(&o, e), 0);
	x->what = "hook test";
	if (x->env == NULL)
		x->env = no_env;
	err_clear(e);
	rc = hook_exec(x, &o, e);
	if (out != NULL) {
		n = o.head_len < max - 1 ? o.head_len : max - 1;
		memcpy(out, o.head, n);
		out[n] = '\0';
	}
	if (kept != NULL)
		*kept = o;
	else
		hook_output_free(&o);
	return rc;
}

static int
run_line(const char *line, uint32_t timeout_s, char *out, size_t max, struct err *e)
{
	struct hook_exec x;

	memset(&x, 0, sizeof x);
	x.line = line;
	x.timeout_s = timeout_s;
	return run(&x, out, max, NULL, e);
}

static int
run_path(const char *path, struct err *e)
{
	struct hook_exec x;

	memset(&x, 0, sizeof x);
	x.path = path;
	x.timeout_s = 20;
	return run(&x, NULL, 0, NULL, e);
}

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
exit_status_0_is_success(void **state)
{
	struct err e = ERR_INIT;
	char out[64];

	(void)state;
	assert_int_equal(run_line("echo hello; echo there >&2", 20, out, sizeof out, &e),
	    0);
	assert_string_equal(out, "hello\nthere\n");
}

static void
exit_status_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_line("exit 7", 20, NULL, 0, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_string_equal(e.text, "hook test: exit status 7");
}

static void
signal_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_line("kill -SEGV $$", 20, NULL, 0, &e), -1);
	assert_non_null(strstr(e.text, "killed by signal 11"));
}

static void
one_that_hangs_is_ended_after_its_time(void **state)
{
	struct err e = ERR_INIT;
	double before = seconds();

	(void)state;
	assert_int_equal(run_line("exec sleep 60", 1, NULL, 0, &e), -1);
	assert_string_equal(e.text, "hook test: not done after 1 s");
	assert_true(seconds() - before < 4);
}

static void
one_that_ignores_sigterm_is_killed(void **state)
{
	struct err e = ERR_INIT;
	double before = seconds();

	(void)state;
	assert_int_equal(run_line("trap '' TERM; while :; do sleep 1; done", 1, NULL, 0,
			     &e),
	    -1);
	assert_non_null(strstr(e.text, "not done after 1 s"));
	assert_true(seconds() - before < 15);
}

static bool
gone(pid_t pid)
{
	int i;

	for (i = 0; i < 200; i++) {
		struct timespec pause = { 0, 10 * 1000 * 1000 };

		if (kill(pid, 0) == -1 && errno == ESRCH)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static void
a_daemon_left_behind_is_killed(void **state)
{
	struct err e = ERR_INIT;
	char out[64];
	double before = seconds();

	(void)state;
	/* A session of its own and no descriptor of ours: still found. */
	assert_int_equal(
	    run_line("setsid sh -c 'echo $$; exec sleep 60 >/dev/null 2>&1' &"
		     " sleep 0.3",
		20, out, sizeof out, &e),
	    0);
	assert_true(strtol(out, NULL, 10) > 1);
	assert_true(gone((pid_t)strtol(out, NULL, 10)));
	assert_true(seconds() - before < 10);
}

static void
one_that_starts_a_service_may_leave_it(void **state)
{
	struct err e = ERR_INIT;
	struct hook_exec x;
	char line[256], text[32] = "";
	FILE *f;
	pid_t pid;

	(void)state;
	memset(&x, 0, sizeof x);
	(void)snprintf(line, sizeof line, "setsid sleep 60 & echo $! > %s",
	    path_of("pid"));
	x.line = line;
	x.timeout_s = 20;
	x.keep = true;
	assert_int_equal(run(&x, NULL, 0, NULL, &e), 0);
	f = fopen(path_of("pid"), "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	(void)fclose(f);
	pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), 0);
	(void)kill(pid, SIGKILL);
}

static void
a_megabyte_of_output_is_cut_to_its_ends(void **state)
{
	struct err e = ERR_INIT;
	struct hook_output o;
	struct hook_exec x;

	(void)state;
	memset(&x, 0, sizeof x);
	x.line = "echo first; head -c 1048576 /dev/zero; echo last";
	x.timeout_s = 20;
	assert_int_equal(run(&x, NULL, 0, &o, &e), 0);
	assert_int_equal(o.head_len, HOOK_OUTPUT_MAX / 2);
	assert_memory_equal(o.head, "first\n", 6);
	assert_int_equal(o.head_len + o.tail_total, 6 + 1048576 + 5);
	assert_int_equal(o.tail[(o.tail_total - 2) % (HOOK_OUTPUT_MAX / 2)], 't');
	hook_output_free(&o);
}

static void
one_that_is_not_executable_is_named(void **state)
{
	struct err e = ERR_INIT;
	const char *path = script("plain", "#!/bin/sh\nexit 0\n", 0644);

	(void)state;
	assert_int_equal(run_path(path, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "is not executable"));
}

static void
a_carriage_return_after_the_interpreter_is_named(void **state)
{
	struct err e = ERR_INIT;
	const char *path = script("crlf", "#!/bin/sh\r\nexit 0\r\n", 0755);

	(void)state;
	assert_int_equal(run_path(path, &e), -1);
	assert_non_null(strstr(e.text, "carriage return"));
	assert_null(strchr(e.text, '\r'));
}

static void
a_missing_interpreter_is_named(void **state)
{
	struct err e = ERR_INIT;
	const char *path = script("lost", "#!/opt/no/such/python3 -u\n", 0755);

	(void)state;
	assert_int_equal(run_path(path, &e), -1);
	assert_non_null(strstr(e.text, "/opt/no/such/python3: No such file"));
}

static void
a_file_that_is_no_program_is_named(void **state)
{
	struct err e = ERR_INIT;
	const char *path = script("text", "just words\n", 0755);

	(void)state;
	assert_int_equal(run_path(path, &e), -1);
	assert_non_null(strstr(e.text, "neither a program nor a script"));
}

static void
a_missing_file_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_path(path_of("none"), &e), -1);
	assert_non_null(strstr(e.text, "/none"));
}

static void
the_environment_is_exactly_what_was_given(void **state)
{
	struct err e = ERR_INIT;
	struct hook_exec x;
	char one[] = "DELTA_APP=demo", two[] = "PATH=/usr/bin:/bin", out[512];
	char *env[] = { one, two, NULL };

	(void)state;
	memset(&x, 0, sizeof x);
	x.path = "/usr/bin/env";
	x.env = env;
	x.timeout_s = 20;
	assert_int_equal(setenv("SECRET_TOKEN", "x", 1), 0);
	assert_int_equal(run(&x, out, sizeof out, NULL, &e), 0);
	assert_string_equal(out, "DELTA_APP=demo\nPATH=/usr/bin:/bin\n");
}

static void
no_descriptor_is_inherited(void **state)
{
	struct err e = ERR_INIT;
	char out[512];
	int leak = open("/dev/null", O_RDONLY);		/* without O_CLOEXEC */

	(void)state;
	assert_true(leak > 2);
	assert_int_equal(fcntl(leak, F_DUPFD, 100), 100);
	/* ls itself opens 3 to read the folder. */
	assert_int_equal(run_line("ls /proc/self/fd", 20, out, sizeof out, &e), 0);
	(void)close(leak);
	(void)close(100);
	assert_string_equal(out, "0\n1\n2\n3\n");
}

static void
standard_input_is_empty_and_the_folder_is_the_root(void **state)
{
	struct err e = ERR_INIT;
	char out[128];

	(void)state;
	assert_int_equal(run_line("cat; pwd; umask", 20, out, sizeof out, &e), 0);
	assert_string_equal(out, "/\n0022\n");
}

static void
signals_have_their_defaults_although_ours_are_held(void **state)
{
	struct err e = ERR_INIT;
	sigset_t set, old;
	char out[128];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	/* Signals 32 and 33 are the C library's own: nobody can reset them. */
	assert_int_equal(
	    run_line("sed -n 's/^Sig\\(Blk\\|Ign\\):.*\\(.\\{8\\}\\)$/\\1 \\2/p' "
		     "/proc/self/status | sed 's/ [08]/ 0/'",
		20, out, sizeof out, &e),
	    0);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(out, "Blk 00000000\nIgn 00000000\n");
}

static void
another_user_has_its_groups_and_nothing_of_ours(void **state)
{
	struct err e = ERR_INIT;
	struct hook_exec x;
	const struct passwd *pw = getpwnam("nobody");
	char out[256], want[64];

	(void)state;
	if (geteuid() != 0 || pw == NULL)
		skip();
	memset(&x, 0, sizeof x);
	x.line = "id -u; id -G; grep CapEff /proc/self/status";
	x.user = "nobody";
	x.uid = pw->pw_uid;
	x.gid = pw->pw_gid;
	x.timeout_s = 20;
	assert_int_equal(run(&x, out, sizeof out, NULL, &e), 0);
	(void)snprintf(want, sizeof want, "%u\n%u\nCapEff:\t0000000000000000\n",
	    pw->pw_uid, pw->pw_gid);
	assert_string_equal(out, want);
}

/* The applier dies while a hook runs: the hook ends with it. */
static void
it_ends_when_the_applier_dies(void **state)
{
	struct err e = ERR_INIT;
	char line[512], text[32] = "";
	pid_t applier, hook;
	FILE *f;
	int i;

	(void)state;
	(void)snprintf(line, sizeof line, "echo $$ > %s.t; mv %s.t %s; exec sleep 60",
	    path_of("orphan"), path_of("orphan"), path_of("orphan"));
	if ((applier = fork()) == 0) {
		(void)run_line(line, 60, NULL, 0, &e);
		_exit(0);
	}
	for (i = 0; i < 500 && access(path_of("orphan"), F_OK) == -1; i++) {
		struct timespec pause = { 0, 10 * 1000 * 1000 };

		(void)nanosleep(&pause, NULL);
	}
	f = fopen(path_of("orphan"), "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	(void)fclose(f);
	hook = (pid_t)strtol(text, NULL, 10);
	assert_true(hook > 1);
	assert_int_equal(kill(hook, 0), 0);
	(void)kill(applier, SIGKILL);
	assert_true(gone(hook));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_status_0_is_success),
		cmocka_unit_test(exit_status_is_named),
		cmocka_unit_test(signal_is_named),
		cmocka_unit_test(one_that_hangs_is_ended_after_its_time),
		cmocka_unit_test(one_that_ignores_sigterm_is_killed),
		cmocka_unit_test(a_daemon_left_behind_is_killed),
		cmocka_unit_test(one_that_starts_a_service_may_leave_it),
		cmocka_unit_test(a_megabyte_of_output_is_cut_to_its_ends),
		cmocka_unit_test(one_that_is_not_executable_is_named),
		cmocka_unit_test(a_carriage_return_after_the_interpreter_is_named),
		cmocka_unit_test(a_missing_interpreter_is_named),
		cmocka_unit_test(a_file_that_is_no_program_is_named),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(the_environment_is_exactly_what_was_given),
		cmocka_unit_test(no_descriptor_is_inherited),
		cmocka_unit_test(standard_input_is_empty_and_the_folder_is_the_root),
		cmocka_unit_test(signals_have_their_defaults_although_ours_are_held),
		cmocka_unit_test(another_user_has_its_groups_and_nothing_of_ours),
		cmocka_unit_test(it_ends_when_the_applier_dies),
	};

	return cmocka_run_group_tests_name("hook_exec", tests, setup, teardown);
}
