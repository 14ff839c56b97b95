/*
 * The wrapped calls: count, perhaps die, make it undoable, do it.
 */
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cut/undo.h"
#include "tests/cut/wrap.h"

#include "tests/cut/cut.h"

static struct cut cut;
static pid_t self;	/* 0: not started */
static unsigned count;
static int log_fd = -1;

static void
power_off(void)
{
	self = 0;
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

/* Does this call count?  fd: what it changes, or the folder it does it in. */
static bool
ours(int fd)
{
	struct stat st;
	int sys = errno;
	bool yes = self != 0 && self == getpid() && fd > STDERR_FILENO &&
	    fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));

	errno = sys;
	return yes;
}

/* One more.  True: the change has to be made undoable. */
static bool
step(const char *call, int fd, const char *name)
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

static bool
dropped(const char *call, int fd)
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

/* On memory there is nothing to sync, and a disk would only take its time. */
int
__wrap_fsync(int fd)
{
	if (!ours(fd))
		return __real_fsync(fd);
	if (step("fsync", fd, NULL) && !dropped("fsync", fd))
		undo_synced(fd);
	return 0;
}

int
__wrap_syncfs(int fd)
{
	if (!ours(fd))
		return __real_syncfs(fd);
	if (step("syncfs", fd, NULL) && !dropped("syncfs", fd))
		undo_synced_all(fd);
	return 0;
}

#define WRAP_BYTES(ret, name, seen, params, args) \
	ret \
	__wrap_##name params \
	{ \
		if (ours(fd) && step(seen, fd, NULL)) \
			undo_bytes(fd); \
		return __real_##name args; \
	}

WRAP_BYTES(ssize_t, write, "write", (int fd, const void *p, size_t n), (fd, p, n))
WRAP_BYTES(ssize_t, pwrite64, "pwrite", (int fd, const void *p, size_t n, off_t at),
    (fd, p, n, at))
WRAP_BYTES(int, ftruncate64, "ftruncate", (int fd, off_t n), (fd, n))
WRAP_BYTES(int, fallocate64, "fallocate", (int fd, int mode, off_t at, off_t n),
    (fd, mode, at, n))
WRAP_BYTES(ssize_t, copy_file_range, "copy_file_range",
    (int in, off_t *a, int fd, off_t *b, size_t n, unsigned flags),
    (in, a, fd, b, n, flags))

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == FICLONE && ours(fd) && step("ioctl", fd, NULL))
		undo_bytes(fd);
	return __real_ioctl(fd, request, arg);
}

#define WRAP_ATTRIBUTES(name, params, args) \
	int \
	__wrap_##name params \
	{ \
		if (ours(fd) && step(#name, fd, NULL)) \
			undo_attributes(fd); \
		return __real_##name args; \
	}

WRAP_ATTRIBUTES(fchmod, (int fd, mode_t m), (fd, m))
WRAP_ATTRIBUTES(fchown, (int fd, uid_t u, gid_t g), (fd, u, g))

static void
attributes_at(int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return;		/* the call will say so */
	undo_attributes(fd);
	(void)close(fd);
}

int
__wrap_fchmodat(int dir, const char *name, mode_t m, int flags)
{
	if (ours(dir) && step("fchmodat", dir, name))
		attributes_at(dir, name);
	return __real_fchmodat(dir, name, m, flags);
}

int
__wrap_fchownat(int dir, const char *name, uid_t u, gid_t g, int flags)
{
	if (ours(dir) && step("fchownat", dir, name))
		attributes_at(dir, name);
	return __real_fchownat(dir, name, u, g, flags);
}

/* Times and extended attributes are points to die at; a loss of them is not
 * played. */
int
__wrap_utimensat(int dir, const char *name, const struct timespec *t, int flags)
{
	if (ours(dir))
		(void)step("utimensat", dir, name);
	return __real_utimensat(dir, name, t, flags);
}

int
__wrap_futimens(int fd, const struct timespec *t)
{
	if (ours(fd))
		(void)step("futimens", fd, NULL);
	return __real_futimens(fd, t);
}

int
__wrap_fsetxattr(int fd, const char *name, const void *value, size_t n, int flags)
{
	if (ours(fd))
		(void)step("fsetxattr", fd, NULL);
	return __real_fsetxattr(fd, name, value, n, flags);
}

int
__wrap_openat64(int dir, const char *name, int flags, ...)
{
	struct stat st;
	mode_t mode;
	va_list ap;
	bool made;
	int fd;

	if ((flags & O_CREAT) == 0)
		return __real_openat64(dir, name, flags);
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	made = ours(dir) && step("openat", dir, name) &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1;
	fd = __real_openat64(dir, name, flags, mode);
	if (fd != -1 && made)
		undo_made(dir, name);
	return fd;
}

#define WRAP_MADE(name, params, args) \
	int \
	__wrap_##name params \
	{ \
		bool undoable = ours(dir) && step(#name, dir, to); \
		int rc = __real_##name args; \
		if (rc == 0 && undoable) \
			undo_made(dir, to); \
		return rc; \
	}

WRAP_MADE(mkdirat, (int dir, const char *to, mode_t m), (dir, to, m))
WRAP_MADE(symlinkat, (const char *target, int dir, const char *to), (target, dir, to))
WRAP_MADE(linkat, (int from, const char *name, int dir, const char *to, int flags),
    (from, name, dir, to, flags))

static bool
is_empty(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	unsigned entries = 0;

	if (d == NULL)
		return false;
	while (readdir(d) != NULL)
		entries++;
	(void)closedir(d);
	return entries == 2;
}

int
__wrap_unlinkat(int dir, const char *name, int flags)
{
	struct stat st;

	if (!ours(dir) || !step("unlinkat", dir, name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    ((flags & AT_REMOVEDIR) != 0) != S_ISDIR(st.st_mode) ||
	    (S_ISDIR(st.st_mode) && !is_empty(dir, name)))
		return __real_unlinkat(dir, name, flags);
	undo_taken(dir, name, undo_stash(dir, name));
	return 0;
}

/* Will a rename put the one away for the other? */
static bool
replaces(const struct stat *from, const struct stat *to, int dir, const char *name)
{
	if (S_ISDIR(from->st_mode) != S_ISDIR(to->st_mode))
		return false;
	return !S_ISDIR(to->st_mode) || is_empty(dir, name);
}

static int
rename_undoably(int from, const char *name, int to, const char *to_name)
{
	struct stat a, b;
	unsigned stashed = 0;
	int rc, sys;

	if (fstatat(from, name, &a, AT_SYMLINK_NOFOLLOW) == -1)
		return __real_renameat(from, name, to, to_name);
	if (fstatat(to, to_name, &b, AT_SYMLINK_NOFOLLOW) == 0) {
		/* Two names of one file both stay. */
		if ((a.st_dev == b.st_dev && a.st_ino == b.st_ino) ||
		    !replaces(&a, &b, to, to_name))
			return __real_renameat(from, name, to, to_name);
		stashed = undo_stash(to, to_name);
	}
	rc = __real_renameat(from, name, to, to_name);
	sys = errno;
	if (rc == 0)
		undo_renamed(from, name, to, to_name, stashed);
	else if (stashed != 0)
		undo_unstash(to, to_name, stashed);
	errno = sys;
	return rc;
}

int
__wrap_renameat(int from, const char *name, int to, const char *to_name)
{
	if (!ours(from) || !step("renameat", to, to_name))
		return __real_renameat(from, name, to, to_name);
	return rename_undoably(from, name, to, to_name);
}

int
__wrap_renameat2(int from, const char *name, int to, const char *to_name,
    unsigned flags)
{
	bool undoable = ours(from) && step("renameat2", to, to_name);
	int rc = __real_renameat2(from, name, to, to_name, flags);

	if (rc == 0 && undoable && flags == RENAME_EXCHANGE)
		undo_exchanged(from, name, to, to_name);
	else if (rc == 0 && undoable)
		undo_renamed(from, name, to, to_name, 0);
	return rc;
}
