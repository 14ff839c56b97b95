#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "hosting/child.h"

extern char **environ;

static int
spawn(const char *const *argv, int out, int talk, pid_t *pid, struct err *e)
{
	posix_spawn_file_actions_t files;
	int rc;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&files, out, 1);
	(void)posix_spawn_file_actions_adddup2(&files, talk, 2);
	rc = posix_spawnp(pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv,
	    environ);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc == ENOENT)
		return err_set(e, ERR_USAGE, "%s: is not installed", argv[0]);
	return rc == 0 ? 0 : err_set(e, ERR_FAIL, "%s: cannot be run: %s", argv[0],
	    strerror(rc));
}

/* Until it closes its output; looks for Ctrl-C in between. */
static int
read_output(int fd, struct buf *out, struct err *e)
{
	struct pollfd p = { fd, POLLIN, 0 };
	uint8_t chunk[16384];
	ssize_t got;

	for (;;) {
		if (cancel_check(e) == -1)
			return -1;
		if (poll(&p, 1, 200) < 1)
			continue;
		if ((got = read(fd, chunk, sizeof chunk)) == 0)
			return 0;
		if (got == -1 && errno != EINTR && errno != EAGAIN)
			return err_sys(e, "read from a program");
		if (got > 0 && buf_add(out, chunk, (size_t)got, e) == -1)
			return -1;
	}
}

static int
read_talk(int fd, struct child *c, struct err *e)
{
	struct stat st;
	off_t from = 0;

	buf_init(&c->talk, CHILD_TALK_MAX);
	if (fstat(fd, &st) == 0 && st.st_size > CHILD_TALK_MAX)
		from = st.st_size - CHILD_TALK_MAX;
	if (lseek(fd, from, SEEK_SET) == -1)
		return err_sys(e, "read what a program said");
	return fs_read_fd(fd, &c->talk, e);
}

int
child_run(const char *const *argv, struct buf *out, struct child *c, struct err *e)
{
	int ends[2], talk, rc, status = 0;
	pid_t pid;

	memset(c, 0, sizeof *c);
	if ((talk = memfd_create("talk", MFD_CLOEXEC)) == -1)
		return err_sys(e, "%s", argv[0]);
	if (pipe2(ends, O_CLOEXEC) == -1) {
		(void)close(talk);
		return err_sys(e, "%s", argv[0]);
	}
	rc = spawn(argv, ends[1], talk, &pid, e);
	(void)close(ends[1]);
	if (rc == 0) {
		if ((rc = read_output(ends[0], out, e)) == -1)
			(void)kill(pid, SIGTERM);
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
		c->status = WIFEXITED(status) ? WEXITSTATUS(status) :
		    128 + WTERMSIG(status);
	}
	(void)close(ends[0]);
	if (rc == 0)
		rc = read_talk(talk, c, e);
	(void)close(talk);
	if (rc == 0 && c->talk.len > 0)
		log_detail("%s: %s", argv[0], child_last_line(c));
	return rc;
}

const char *
child_last_line(struct child *c)
{
	char *text = (char *)c->talk.data, *end;

	if (text == NULL)
		return "it said nothing";
	end = text + strlen(text);
	while (end > text && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
		*--end = '\0';
	while (end > text && end[-1] != '\n')
		end--;
	return end;
}

void
child_clear(struct child *c)
{
	buf_free(&c->talk);
}
