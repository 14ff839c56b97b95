#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/arena.h"

void *
arena_new(struct arena *a, size_t n, size_t size, struct err *e)
{
	uint64_t bytes, used;
	void *p;

	if (u64_mul(n, size, &bytes) == -1 || u64_add(a->used, bytes, &used) == -1 ||
	    used > a->limit) {
		(void)err_set(e, ERR_FORMAT, "needs more than the %" PRIu64
		    " bytes of memory that it declares", a->limit);
		return NULL;
	}
	if ((p = calloc(n == 0 ? 1 : n, size)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	a->used = used;
	if (a->used > a->peak)
		a->peak = a->used;
	return p;
}

void
arena_free(struct arena *a, void *p, size_t n, size_t size)
{
	if (p == NULL)
		return;
	a->used -= (uint64_t)n * size;
	free(p);
}

/* The size stands in front, in as much room as keeps what follows aligned. */
enum { SIZE_ROOM = 16 };

void *
arena_take(struct arena *a, size_t n, size_t size, struct err *e)
{
	uint64_t bytes;
	uint8_t *p = NULL;

	if (u64_mul(n, size, &bytes) == -1 || bytes > SIZE_MAX - SIZE_ROOM)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else
		p = arena_new(a, 1, (size_t)bytes + SIZE_ROOM, e);
	if (p == NULL)
		return NULL;
	memcpy(p, &bytes, sizeof bytes);
	return p + SIZE_ROOM;
}

void
arena_give(struct arena *a, void *at)
{
	uint8_t *p = at;
	uint64_t bytes;

	if (p == NULL)
		return;
	p -= SIZE_ROOM;
	memcpy(&bytes, p, sizeof bytes);
	arena_free(a, p, 1, (size_t)bytes + SIZE_ROOM);
}
