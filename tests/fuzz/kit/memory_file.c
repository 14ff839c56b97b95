#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/kit/memory_file.h"

enum { FDS = 64 };

static struct {
	const uint8_t *data;
	size_t n;
	int ours;
} files[FDS];

int
memory_file(void)
{
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || fd >= FDS)
		abort();
	files[fd].ours = 1;
	return fd;
}

void
memory_file_set(int fd, const void *data, size_t n)
{
	if (n != files[fd].n && ftruncate(fd, (off_t)n) == -1)
		abort();
	files[fd].data = data;
	files[fd].n = n;
#ifndef FUZZ_POOL
	if (n > 0 && pwrite(fd, data, n, 0) != (ssize_t)n)
		abort();
#endif
}

#ifdef FUZZ_POOL
ssize_t __real_pread64(int fd, void *out, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *out, size_t n, off_t at);

ssize_t
__wrap_pread64(int fd, void *out, size_t n, off_t at)
{
	size_t left;

	if (fd < 0 || fd >= FDS || !files[fd].ours || at < 0)
		return __real_pread64(fd, out, n, at);
	left = (size_t)at >= files[fd].n ? 0 : files[fd].n - (size_t)at;
	n = n < left ? n : left;
	if (n > 0)
		memcpy(out, files[fd].data + at, n);
	return (ssize_t)n;
}
#endif
