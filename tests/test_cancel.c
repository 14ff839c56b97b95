#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/buf.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

/* Signals are for good: each case is a process.  The wait status is returned. */
static int
in_child(int (*act)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(act());
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int
one_signal(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct err e = ERR_INIT;

	cancel_setup();
	if (cancel_wanted() || cancel_check(&e) == -1)
		return 1;
	(void)raise(signals[getpid() % 3]);
	if (!cancel_wanted() || cancel_check(&e) != -1)
		return 2;
	return e.code == ERR_CANCEL && strcmp(e.text, "interrupted") == 0 ? 0 : 3;
}

static void
the_first_signal_is_only_noticed(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(in_child(one_signal), 0);
}

static int
two_signals(void)
{
	cancel_setup();
	(void)raise(SIGINT);
	(void)raise(SIGTERM);
	return 0;
}

static void
the_second_signal_ends_the_process(void **state)
{
	int status = in_child(two_signals);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static int
ignored_before(void)
{
	(void)signal(SIGHUP, SIG_IGN);
	cancel_setup();
	(void)raise(SIGHUP);
	return cancel_wanted() ? 1 : 0;
}

static void
what_nohup_ignores_stays_ignored(void **state)
{
	(void)state;
	assert_int_equal(in_child(ignored_before), 0);
}

static int
broken_pipe(void)
{
	int fds[2];

	cancel_setup();
	if (pipe(fds) == -1 || close(fds[0]) == -1)
		return 1;
	return write(fds[1], "x", 1) == -1 && !cancel_wanted() ? 0 : 2;
}

static void
a_broken_pipe_is_an_error_and_not_the_end(void **state)
{
	(void)state;
	assert_int_equal(in_child(broken_pipe), 0);
}

static int
waiting_read(void)
{
	struct buf out = BUF_INIT(10);
	struct err e = ERR_INIT;
	int fds[2];

	cancel_setup();
	if (pipe(fds) == -1)
		return 1;
	(void)signal(SIGALRM, SIG_DFL);
	if (fork() == 0) {
		(void)usleep(100000);
		(void)kill(getppid(), SIGTERM);
		_exit(0);
	}
	(void)alarm(20);	/* the read must not wait for ever */
	return fs_read_fd(fds[0], &out, &e) == -1 && e.code == ERR_CANCEL ? 0 : 2;
}

static void
a_read_that_waits_gives_up(void **state)
{
	(void)state;
	assert_int_equal(in_child(waiting_read), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_signal_is_only_noticed),
		cmocka_unit_test(the_second_signal_ends_the_process),
		cmocka_unit_test(what_nohup_ignores_stays_ignored),
		cmocka_unit_test(a_broken_pipe_is_an_error_and_not_the_end),
		cmocka_unit_test(a_read_that_waits_gives_up),
	};

	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
