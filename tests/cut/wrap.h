/*
 * wrap.h - the names by which the linker hands the calls over.
 */
#ifndef TESTS_CUT_WRAP_H
#define TESTS_CUT_WRAP_H

#include <sys/types.h>

#include <time.h>

#define WRAPPED(ret, name, ...) \
	ret __real_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__);

WRAPPED(int, openat64, int, const char *, int, ...)
WRAPPED(ssize_t, write, int, const void *, size_t)
WRAPPED(ssize_t, pwrite64, int, const void *, size_t, off_t)
WRAPPED(int, ftruncate64, int, off_t)
WRAPPED(int, fallocate64, int, int, off_t, off_t)
WRAPPED(ssize_t, copy_file_range, int, off_t *, int, off_t *, size_t, unsigned)
WRAPPED(int, ioctl, int, unsigned long, ...)
WRAPPED(int, mkdirat, int, const char *, mode_t)
WRAPPED(int, symlinkat, const char *, int, const char *)
WRAPPED(int, linkat, int, const char *, int, const char *, int)
WRAPPED(int, renameat, int, const char *, int, const char *)
WRAPPED(int, renameat2, int, const char *, int, const char *, unsigned)
WRAPPED(int, unlinkat, int, const char *, int)
WRAPPED(int, fchmod, int, mode_t)
WRAPPED(int, fchmodat, int, const char *, mode_t, int)
WRAPPED(int, fchown, int, uid_t, gid_t)
WRAPPED(int, fchownat, int, const char *, uid_t, gid_t, int)
WRAPPED(int, utimensat, int, const char *, const struct timespec *, int)
WRAPPED(int, futimens, int, const struct timespec *)
WRAPPED(int, fsetxattr, int, const char *, const void *, size_t, int)
WRAPPED(int, fsync, int)
WRAPPED(int, syncfs, int)

#endif
