/*
 * oom.c - LD_PRELOAD: the n-th request for memory of a process is refused, those of its
 * libraries too.  OOM_AT=N, and with OOM_EVER=1 all after it.  OOM_LOG=FILE gets the
 * number of requests when the process ends.
 *
 * glibc only.  Requests count from the start of main on: what the loader and the
 * constructors of libraries take passes.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static atomic_ulong count, refused;
static atomic_int started, ever;

static int
is_refused(void)
{
	unsigned long n, at;

	if (!atomic_load(&started))
		return 0;
	n = atomic_fetch_add(&count, 1) + 1;
	at = atomic_load(&refused);
	if (at == 0 || n < at || (n > at && !atomic_load(&ever)))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return is_refused() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return is_refused() ? NULL : __libc_realloc(p, n);
}

void *
memalign(size_t align, size_t n)
{
	return is_refused() ? NULL : __libc_memalign(align, n);
}

void *
aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

int
posix_memalign(void **p, size_t align, size_t n)
{
	void *got = memalign(align, n);

	if (got == NULL)
		return ENOMEM;
	*p = got;
	return 0;
}

static void
tell(void)
{
	const char *log = getenv("OOM_LOG");
	char text[32];
	int fd, n;

	if (log == NULL || (fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0644)) == -1)
		return;
	n = snprintf(text, sizeof text, "%lu\n", atomic_load(&count));
	if (write(fd, text, (size_t)n) != n)
		_exit(98);
	(void)close(fd);
}

__attribute__((constructor)) static void
start(void)
{
	const char *at = getenv("OOM_AT");

	(void)atexit(tell);
	atomic_store(&ever, getenv("OOM_EVER") != NULL);
	atomic_store(&refused, at == NULL ? 0 : strtoul(at, NULL, 10));
	atomic_store(&started, 1);
}
