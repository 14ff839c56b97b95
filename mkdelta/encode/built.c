#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs_change.h"

#include "mkdelta/encode/built.h"

enum { STEP = 1 << 16 };

void
built_init(struct built *b)
{
	memset(b, 0, sizeof *b);
	spill_init(&b->bytes);
	b->fd = -1;
}

void
built_free(struct built *b)
{
	spill_free(&b->bytes);
	free(b->list);
	if (b->fd != -1)
		(void)close(b->fd);
	built_init(b);
}

int
built_add(struct built *b, const uint8_t *data, size_t n, struct err *e)
{
	return spill_add(&b->bytes, data, n, e);
}

static int
append(struct built *b, struct built_output o, struct err *e)
{
	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 64 : b->cap * 2;
		struct built_output *grown = realloc(b->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		b->list = grown;
		b->cap = cap;
	}
	b->list[b->n++] = o;
	b->begin = spill_bytes(&b->bytes);
	return 0;
}

int
built_end(struct built *b, struct err *e)
{
	return append(b, (struct built_output){ b->begin, spill_bytes(&b->bytes) }, e);
}

int
built_repeat(struct built *b, uint64_t number, struct err *e)
{
	if (number >= b->n)
		return err_set(e, ERR_FORMAT, "the delta needs an output to come");
	return append(b, b->list[number], e);
}

static int
copy_out(const struct built *b, int fd, struct built_output o, struct err *e)
{
	uint64_t at = o.at, end = o.end;
	uint8_t *block = malloc(STEP);
	int rc = block == NULL ? err_set(e, ERR_NOMEM, "out of memory") : 0;

	while (rc == 0 && at < end) {
		size_t n = end - at < STEP ? (size_t)(end - at) : STEP;

		if ((rc = spill_read(&b->bytes, block, n, at, e)) == 0)
			rc = fs_write(fd, block, n, e);
		at += n;
	}
	free(block);
	return rc;
}

int
built_open(struct built *b, uint64_t number, int *fd, uint64_t *bytes, struct err *e)
{
	if (number >= b->n)
		return err_set(e, ERR_FORMAT, "the delta needs an output to come");
	*bytes = b->list[number].end - b->list[number].at;
	if (b->fd == -1 || b->open != number) {
		if (b->fd != -1)
			(void)close(b->fd);
		b->open = (size_t)number;
		if ((b->fd = spill_file(e)) == -1)
			return -1;
		if (copy_out(b, b->fd, b->list[number], e) == -1) {
			(void)close(b->fd);
			b->fd = -1;
			return -1;
		}
	}
	*fd = b->fd;
	return 0;
}
