/*
 * The wrapped calls: count, perhaps die, make it undoable, do it.
 */
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/cut/count.h"
#include "tests/cut/undo.h"

#include "tests/cut/wrap.h"

/* On memory there is nothing to sync, and a disk would only take its time. */
int
__wrap_fsync(int fd)
{
	if (!count_ours(fd))
		return __real_fsync(fd);
	if (count_step("fsync", fd, NULL) && !count_dropped("fsync", fd))
		undo_synced(fd);
	return 0;
}

int
__wrap_syncfs(int fd)
{
	if (!count_ours(fd))
		return __real_syncfs(fd);
	if (count_step("syncfs", fd, NULL) && !count_dropped("syncfs", fd))
		undo_synced_all(fd);
	return 0;
}

#define WRAP_BYTES(ret, name, seen, params, args) \
	ret \
	__wrap_##name params \
	{ \
		if (count_ours(fd) && count_step(seen, fd, NULL)) \
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
	if (request == FICLONE && count_ours(fd) && count_step("ioctl", fd, NULL))
		undo_bytes(fd);
	return __real_ioctl(fd, request, arg);
}

#define WRAP_ATTRIBUTES(name, params, args) \
	int \
	__wrap_##name params \
	{ \
		if (count_ours(fd) && count_step(#name, fd, NULL)) \
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
	if (count_ours(dir) && count_step("fchmodat", dir, name))
		attributes_at(dir, name);
	return __real_fchmodat(dir, name, m, flags);
}

int
__wrap_fchownat(int dir, const char *name, uid_t u, gid_t g, int flags)
{
	if (count_ours(dir) && count_step("fchownat", dir, name))
		attributes_at(dir, name);
	return __real_fchownat(dir, name, u, g, flags);
}

/* Times and extended attributes are points to die at; a loss of them is not
 * played. */
int
__wrap_utimensat(int dir, const char *name, const struct timespec *t, int flags)
{
	if (count_ours(dir))
		(void)count_step("utimensat", dir, name);
	return __real_utimensat(dir, name, t, flags);
}

int
__wrap_futimens(int fd, const struct timespec *t)
{
	if (count_ours(fd))
		(void)count_step("futimens", fd, NULL);
	return __real_futimens(fd, t);
}

int
__wrap_fsetxattr(int fd, const char *name, const void *value, size_t n, int flags)
{
	if (count_ours(fd))
		(void)count_step("fsetxattr", fd, NULL);
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
	made = count_ours(dir) && count_step("openat", dir, name) &&
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
		bool undoable = count_ours(dir) && count_step(#name, dir, to); \
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

	if (!count_ours(dir) || !count_step("unlinkat", dir, name) ||
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
	if (!count_ours(from) || !count_step("renameat", to, to_name))
		return __real_renameat(from, name, to, to_name);
	return rename_undoably(from, name, to, to_name);
}

int
__wrap_renameat2(int from, const char *name, int to, const char *to_name,
    unsigned flags)
{
	bool undoable = count_ours(from) && count_step("renameat2", to, to_name);
	int rc = __real_renameat2(from, name, to, to_name, flags);

	if (rc == 0 && undoable && flags == RENAME_EXCHANGE)
		undo_exchanged(from, name, to, to_name);
	else if (rc == 0 && undoable)
		undo_renamed(from, name, to, to_name, 0);
	return rc;
}
