#include <sys/ioctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/disk.h"

static char calls[16384];
static unsigned count, fail_at, shortest;
static int fail_sys, fail_ever, name_sys, turn;
static const char *fail_name;

void
disk_reset(void)
{
	calls[0] = '\0';
	count = fail_at = shortest = 0;
	fail_sys = fail_ever = name_sys = turn = 0;
	fail_name = NULL;
}

const char *
disk_calls(void)
{
	return calls;
}

unsigned
disk_count(void)
{
	return count;
}

void
disk_fail(unsigned n, int sys, int ever)
{
	fail_at = count + n;
	fail_sys = sys;
	fail_ever = ever;
}

void
disk_fail_name(const char *name, int sys)
{
	fail_name = name;
	name_sys = sys;
}

void
disk_shorten(unsigned n)
{
	shortest = n;
}

/* Note the call; nonzero with errno when it has to fail. */
static int
stop(const char *name)
{
	size_t len = strlen(calls);

	(void)snprintf(calls + len, sizeof calls - len, "%s%s", len == 0 ? "" : " ",
	    name);
	count++;
	if (fail_at != 0 && (count == fail_at || (fail_ever && count > fail_at))) {
		errno = fail_sys;
		return 1;
	}
	if (fail_name != NULL && strcmp(name, fail_name) == 0) {
		errno = name_sys;
		return 1;
	}
	return 0;
}

/* As stop(), and *n becomes what a slow disk would take. */
static int
stop_bytes(const char *name, size_t *n)
{
	if (stop(name))
		return 1;
	if (shortest == 0)
		return 0;
	if (++turn % 2 == 0) {
		errno = EINTR;
		return 1;
	}
	if (*n > shortest)
		*n = shortest;
	return 0;
}

#define WRAP(ret, name, seen, params, args) \
	ret __real_##name params; \
	ret __wrap_##name params; \
	ret \
	__wrap_##name params \
	{ \
		return stop(seen) ? -1 : __real_##name args; \
	}
#define WRAP_BYTES(name, seen, params, args) \
	ssize_t __real_##name params; \
	ssize_t __wrap_##name params; \
	ssize_t \
	__wrap_##name params \
	{ \
		return stop_bytes(seen, &n) ? -1 : __real_##name args; \
	}

WRAP_BYTES(write, "write", (int fd, const void *p, size_t n), (fd, p, n))
WRAP_BYTES(pwrite64, "pwrite", (int fd, const void *p, size_t n, off_t at),
    (fd, p, n, at))
WRAP_BYTES(copy_file_range, "copy_file_range",
    (int in, off_t *a, int out, off_t *b, size_t n, unsigned flags),
    (in, a, out, b, n, flags))
WRAP(int, ftruncate64, "ftruncate", (int fd, off_t n), (fd, n))
WRAP(int, fallocate64, "fallocate", (int fd, int mode, off_t at, off_t n),
    (fd, mode, at, n))
WRAP(int, mkdirat, "mkdirat", (int d, const char *p, mode_t m), (d, p, m))
WRAP(int, symlinkat, "symlinkat", (const char *t, int d, const char *p), (t, d, p))
WRAP(int, linkat, "linkat", (int a, const char *p, int b, const char *q, int f),
    (a, p, b, q, f))
WRAP(int, renameat, "renameat", (int a, const char *p, int b, const char *q),
    (a, p, b, q))
WRAP(int, renameat2, "renameat2",
    (int a, const char *p, int b, const char *q, unsigned f), (a, p, b, q, f))
WRAP(int, unlinkat, "unlinkat", (int d, const char *p, int f), (d, p, f))
WRAP(int, fchmod, "fchmod", (int fd, mode_t m), (fd, m))
WRAP(int, fchmodat, "fchmodat", (int d, const char *p, mode_t m, int f),
    (d, p, m, f))
WRAP(int, fchown, "fchown", (int fd, uid_t u, gid_t g), (fd, u, g))
WRAP(int, fchownat, "fchownat", (int d, const char *p, uid_t u, gid_t g, int f),
    (d, p, u, g, f))
WRAP(int, utimensat, "utimensat",
    (int d, const char *p, const struct timespec *t, int f), (d, p, t, f))
WRAP(int, futimens, "futimens", (int fd, const struct timespec *t), (fd, t))
WRAP(int, fsetxattr, "fsetxattr",
    (int fd, const char *k, const void *v, size_t n, int f), (fd, k, v, n, f))
WRAP(int, fsync, "fsync", (int fd), (fd))
WRAP(int, syncfs, "syncfs", (int fd), (fd))

int __real_openat64(int, const char *, int, ...);
int __wrap_openat64(int, const char *, int, ...);
int
__wrap_openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) == 0)
		return __real_openat64(dir, path, flags);
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return stop("openat") ? -1 : __real_openat64(dir, path, flags, mode);
}

int __real_ioctl(int, unsigned long, ...);
int __wrap_ioctl(int, unsigned long, ...);
int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == FICLONE && stop("ioctl"))
		return -1;
	return __real_ioctl(fd, request, arg);
}
