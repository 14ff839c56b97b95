#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/short_memory.h"

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
char *__real_strndup(const char *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);
char *__wrap_strndup(const char *, size_t);

static atomic_uint count, refused;
static atomic_bool ever_after;

void
short_memory_at(unsigned n, bool ever)
{
	atomic_store(&refused, n);
	atomic_store(&ever_after, ever);
	atomic_store(&count, 0);
}

unsigned
short_memory_count(void)
{
	return atomic_load(&count);
}

static bool
is_refused(void)
{
	unsigned n = atomic_fetch_add(&count, 1) + 1, at = atomic_load(&refused);

	if (at == 0 || n < at || (n > at && !atomic_load(&ever_after)))
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return is_refused() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return is_refused() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return is_refused() ? NULL : __real_strdup(s);
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return is_refused() ? NULL : __real_strndup(s, n);
}
