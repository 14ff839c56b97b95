#include <inttypes.h>
#include <stdlib.h>

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
