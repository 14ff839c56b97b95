#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "mkdelta/before_signing.h"

extern char **environ;

static int
spawn(const char *command, pid_t *pid, struct err *e)
{
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	posix_spawn_file_actions_t files;
	int rc;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&files, 2, 1);
	rc = posix_spawn(pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv,
	    environ);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc == 0 ? 0 :
	    err_set(e, ERR_FAIL, "/bin/sh: cannot be run: %s", strerror(rc));
}

int
before_signing(const char *command, struct err *e)
{
	int status = 0;
	pid_t pid;

	if (command == NULL)
		return 0;
	if (spawn(command, &pid, e) == -1)
		return -1;
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return err_sys(e, "--before-signing");
	if (status == 0)
		return 0;
	return err_set(e, ERR_POLICY, "nothing was signed: --before-signing %s ended with "
	    "status %d", command, WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status));
}
