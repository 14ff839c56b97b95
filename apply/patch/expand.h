/*
 * expand.h - the expanded form of a file: its bytes with packed streams in it
 * replaced by what they unpack to.
 *
 * Which streams, a list says, as numbers:
 *
 *	bytes of the expanded form
 *	n, streams to be replaced
 *	n times: places to pass over before it (opening.h), from the end of the
 *	stream before
 *
 * Only what streams unpack to is written anywhere; the bytes between them are read
 * from the file.  Nesting: expand the expanded form again with a list of its own.
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
	/* Known once expanded: */
	uint64_t plain;		/* bytes it unpacks to */
	uint64_t end;		/* where it ends in the file */
	uint64_t form_at;	/* where it begins in the expanded form */
	uint64_t kept_at;	/* where it begins in what was written */
};

struct expand_list {
	uint64_t bytes;		/* of the expanded form */
	size_t n;
	struct expand_stream *streams;
};

/* ERR_FORMAT when there are more streams than the arena has room for.  Free it,
 * whatever is returned. */
int expand_list_read(struct expand_list *, struct arena *, const struct numbers *,
    struct err *);
void expand_list_free(struct expand_list *, struct arena *);

/* Unpack the streams of `file` to `kept`, one behind the other.  ERR_FORMAT when the
 * expanded form would not have exactly the bytes that the list says; not more than
 * these are written. */
int expand(const struct old *file, struct expand_list *, struct arena *,
    const struct sink *kept, struct err *);

/* Bytes of the arena that this takes, with so many for its unpacker. */
uint64_t expand_memory(uint64_t unpacker);

/* The expanded form, read by position: of both parts, and the list, borrowed. */
struct expand_view {
	const struct old *file;
	const struct old *kept;		/* what expand() wrote, all of it or more */
	uint64_t kept_at;		/* where in it */
	const struct expand_list *list;
};
struct old expand_view(struct expand_view *);	/* its arg is the view */

#endif
