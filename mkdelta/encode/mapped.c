#include <sys/mman.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "mkdelta/encode/spill.h"

#include "mkdelta/encode/mapped.h"

enum { MIN = 1 << 20 };	/* bytes of a file that is mapped */

struct mapping {
	struct mapping *next;
	uint8_t *bytes;
	size_t n;
};

/* All that there are: few. */
static struct mapping *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint8_t *
map(int fd, size_t n, bool shared, struct err *e)
{
	struct mapping *m = malloc(sizeof *m);
	void *bytes;

	if (m == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	bytes = shared ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) :
	    mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		(void)err_sys(e, "mapping a file");
		free(m);
		return NULL;
	}
	*m = (struct mapping){ .bytes = bytes, .n = n };
	(void)pthread_mutex_lock(&lock);
	m->next = all;
	all = m;
	(void)pthread_mutex_unlock(&lock);
	return bytes;
}

uint8_t *
mapped_load(int fd, size_t n, struct err *e)
{
	uint8_t *bytes;

	if (n >= MIN)
		return map(fd, n, false, e);
	if ((bytes = malloc(n + 1)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (fs_pread(fd, bytes, n, 0, e) == 0)
		return bytes;
	free(bytes);
	return NULL;
}

uint8_t *
mapped_room(size_t n, uint64_t memory_bytes, struct err *e)
{
	uint8_t *bytes = NULL;
	int fd;

	if (n < MIN || n <= memory_bytes) {
		if ((bytes = malloc(n + 1)) == NULL)
			(void)err_set(e, ERR_NOMEM, "out of memory");
		return bytes;
	}
	if ((fd = spill_file(e)) == -1)
		return NULL;
	/* A disk that is full must say so now: later it would end the program. */
	if (fs_allocate(fd, n, e) == 0 && fs_truncate(fd, n, e) == 0)
		bytes = map(fd, n, true, e);
	(void)close(fd);
	return bytes;
}

void
mapped_free(uint8_t *bytes)
{
	struct mapping **p = &all, *m;

	(void)pthread_mutex_lock(&lock);
	while (*p != NULL && (*p)->bytes != bytes)
		p = &(*p)->next;
	if ((m = *p) != NULL)
		*p = m->next;
	(void)pthread_mutex_unlock(&lock);
	if (m == NULL) {
		free(bytes);
		return;
	}
	(void)munmap(m->bytes, m->n);
	free(m);
}

/* Pages of a private mapping that is only read are those of the file, and so are those
 * of a shared one. */
void
mapped_forget(const uint8_t *bytes)
{
	(void)pthread_mutex_lock(&lock);
	for (const struct mapping *m = all; m != NULL; m = m->next)
		if ((uintptr_t)bytes - (uintptr_t)m->bytes < m->n)
			(void)madvise(m->bytes, m->n, MADV_DONTNEED);
	(void)pthread_mutex_unlock(&lock);
}
