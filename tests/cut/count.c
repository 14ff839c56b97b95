#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cut/cut.h"
#include "tests/cut/undo.h"

#include "tests/cut/count.h"

static struct cut cut;
static pid_t self;	/* 0: not started */
static unsigned count;
static int log_fd = -1;

/* What a user might have seen in the last moment. */
static void
copy_file(const char *from, const char *to)
{
	static char bytes[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = in == -1 ? 0 : read(in, bytes, sizeof bytes);

	if (out == -1 || n == -1 || write(out, bytes, (size_t)n) != n)
		cut_broken("keep", from);
	(void)close(out);
	if (in != -1)
		(void)close(in);
}

static void
power_off(void)
{
	self = 0;
	if (cut.keep != NULL)
		copy_file(cut.keep, cut.keep_as);
	if (cut.power)
		undo_all(cut.seed);
}

/* The end of the process, by itself: the power fails just behind it. */
static void
at_exit(int status, void *arg)
{
	(void)status;
	(void)arg;
	if (self == getpid() && cut.at > count)
		power_off();
}

void
cut_start(const struct cut *c)
{
	struct rlimit files;

	cut = *c;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (cut.log != NULL)
		log_fd = open(cut.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (cut.power)
		undo_start(cut.stash);
	if (on_exit(at_exit, NULL) != 0)
		cut_broken("on_exit", "");
	self = getpid();
}

unsigned
cut_count(void)
{
	return count;
}

static void
path_of(int fd, char *out, size_t max)
{
	char link[40];
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, out, max - 1);
	out[n < 0 ? 0 : n] = '\0';
}

bool
count_ours(int fd)
{
	struct stat st;
	int sys = errno;
	bool yes = self != 0 && self == getpid() && fd > STDERR_FILENO &&
	    fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));

	errno = sys;
	return yes;
}

bool
count_step(const char *call, int fd, const char *name)
{
	char path[4096];

	count++;
	if (log_fd != -1) {
		path_of(fd, path, sizeof path);
		(void)dprintf(log_fd, "%u %s %s%s%s\n", count, call, path,
		    name == NULL ? "" : "/", name == NULL ? "" : name);
	}
	if (count == cut.at) {
		power_off();
		_exit(CUT_STATUS);
	}
	return cut.power;
}

bool
count_dropped(const char *call, int fd)
{
	char path[4096];
	size_t n, end;

	if (cut.drop == NULL || strncmp(cut.drop, call, strlen(call)) != 0)
		return false;
	if (cut.drop[strlen(call)] != ':')
		return true;
	path_of(fd, path, sizeof path);
	n = strlen(path);
	end = strlen(cut.drop) - strlen(call) - 1;
	return n >= end && strcmp(path + n - end, cut.drop + strlen(call) + 1) == 0;
}
