/*
 * expand.h - the expanded form of a file: its bytes with deflate streams in it
 * replaced by what they inflate to.
 *
 * Which streams, a list says, as numbers:
 *
 *	bytes of the expanded form
 *	n, streams to be replaced
 *	n times: places to pass over before it (opening.h), from the end of the
 *	stream before
 *
 * Nesting: expand the expanded form again with a list of its own.
 */
#ifndef APPLY_PATCH_EXPAND_H
#define APPLY_PATCH_EXPAND_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/flow.h"
#include "apply/patch/old.h"

struct expand_stream {
	uint64_t skip;		/* places passed over before it */
	uint64_t plain;		/* bytes it inflates to: known once expanded */
};

struct expand_list {
	uint64_t bytes;		/* of the expanded form */
	size_t n;
	struct expand_stream *streams;
};

/* ERR_FORMAT when bytes is over max_bytes, or there are more streams than the arena
 * has room for.  Free it, whatever is returned. */
int expand_list_read(struct expand_list *, uint64_t max_bytes, struct arena *,
    const struct numbers *, struct err *);
void expand_list_free(struct expand_list *, struct arena *);

/* The expanded form of `old` to `out`: exactly the bytes that the list says, or
 * ERR_FORMAT.  Its streams' `plain` are filled in. */
int expand(const struct old *, struct expand_list *, struct arena *, const struct sink *out,
    struct err *);

#endif
