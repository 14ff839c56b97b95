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

#include "manifest/base/fs_change.h"

#include "tests/lab/scratch.h"

static void
a_lock_is_held_once_and_names_its_holder(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	int fd = fs_lock(s->dir, "lock", "update, process 12: \033[2J download", &e);
	int again;

	assert_int_not_equal(fd, -1);
	assert_int_equal(scratch_mode(s, "lock"), 0600);
	assert_int_equal(fs_lock(s->dir, "lock", "other", &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(err_exit_status(&e), 6);
	assert_non_null(strstr(e.text, "update, process 12: ?[2J download"));
	assert_int_equal(fs_lock_say(fd, "stage", &e), 0);
	assert_int_equal(fs_lock(s->dir, "lock", "other", &e), -1);
	assert_non_null(strstr(e.text, ": stage"));
	assert_null(strstr(e.text, "update"));
	(void)close(fd);
	again = fs_lock(s->dir, "lock", "other", &e);
	assert_int_not_equal(again, -1);
	assert_true(scratch_holds(s, "lock", "other"));
	(void)close(again);
}

static void
a_lock_ends_with_its_process(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	int status, fd, ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		if (fs_lock(s->dir, "lock", "child", &e) == -1 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(fs_lock(s->dir, "lock", "me", &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	fd = fs_lock(s->dir, "lock", "me", &e);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_lock_is_held_once_and_names_its_holder),
		SCRATCH_TEST(a_lock_ends_with_its_process),
	};

	return cmocka_run_group_tests_name("fs_lock", tests, NULL, NULL);
}
