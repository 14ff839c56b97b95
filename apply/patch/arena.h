/*
 * arena.h - memory with a limit: what a delta declares, its decoder may take.
 *
 * The encoder runs the same code with a high limit and signs the peak, so both
 * sides count the same bytes.  A type with pointers in it, or with padding, has a
 * number of its own to count by: what it takes on 64 bits.
 */
#ifndef APPLY_PATCH_ARENA_H
#define APPLY_PATCH_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct arena {
	uint64_t limit, used, peak;	/* bytes */
};

#define ARENA_COUNTS(type, bytes) \
	_Static_assert(sizeof(type) <= (bytes), "it takes more than it counts")

/* n zeroed items of `size` bytes.  NULL: ERR_FORMAT beyond the limit (a delta that
 * declared too little), ERR_NOMEM.  Never NULL for n = 0. */
void *arena_new(struct arena *, size_t n, size_t size, struct err *);
/* The same for libraries, which know no size when they free. */
void *arena_take(struct arena *, size_t n, size_t size, struct err *);
void arena_give(struct arena *, void *);	/* NULL is fine */
/* What arena_new() gave, with the same n and size; NULL is fine. */
void arena_free(struct arena *, void *, size_t n, size_t size);

#endif
