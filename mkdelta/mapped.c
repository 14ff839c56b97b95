#include <sys/mman.h>

#include <pthread.h>
#include <stdlib.h>

#include "manifest/base/fs.h"

#include "mkdelta/mapped.h"

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
map(int fd, size_t n, struct err *e)
{
	struct mapping *m = malloc(sizeof *m);
	void *bytes;

	if (m == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if ((bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
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
		return map(fd, n, e);
	if ((bytes = malloc(n + 1)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (fs_pread(fd, bytes, n, 0, e) == 0)
		return bytes;
	free(bytes);
	return NULL;
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

/* Pages of a private mapping that is only read are those of the file. */
void
mapped_forget(const uint8_t *bytes)
{
	(void)pthread_mutex_lock(&lock);
	for (const struct mapping *m = all; m != NULL; m = m->next)
		if (m->bytes == bytes)
			(void)madvise(m->bytes, m->n, MADV_DONTNEED);
	(void)pthread_mutex_unlock(&lock);
}
