/*
 * repack.h - the way back: the expanded form of a new file goes in, in order and in
 * pieces of any size; the file comes out.
 *
 * A list says which stretches are to be packed, as numbers:
 *
 *	bytes of the expanded form
 *	n, streams to be made
 *	n times: places to pass over before it (opening.h), from the end of the
 *	  stream before
 *	n times, zigzag: from the stream after the one before (at first from stream
 *	  0) of the old file's list to the one whose size is like this one's
 *	n times, zigzag: from that size to the size of this one; from 0 when the
 *	  old file's list has no such stream
 *	n times: 0: parameters as of the stream before (code 0 before the first);
 *	  else 1 + the code of others (packing.h)
 *
 * Nesting: the next sink is another repack; the innermost streams come first.
 */
#ifndef APPLY_PATCH_REPACK_H
#define APPLY_PATCH_REPACK_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/expand.h"
#include "apply/patch/flow.h"
#include "apply/patch/packing.h"

struct repack_stream {
	uint64_t skip, plain;
	unsigned code;
};

enum { REPACK_STREAM_COUNTS = 24 };
ARENA_COUNTS(struct repack_stream, REPACK_STREAM_COUNTS);

struct repack_list {
	uint64_t bytes;		/* of the expanded form */
	size_t n;
	struct repack_stream *streams;
};

/* `old`: the list of the old side, already expanded; NULL when there is none.
 * Free it, whatever is returned.  ERR_FORMAT. */
int repack_list_read(struct repack_list *, const struct expand_list *old, struct arena *,
    const struct numbers *, struct err *);
void repack_list_free(struct repack_list *, struct arena *);

/* List and next sink are borrowed. */
struct repack;
struct repack *repack_open(const struct repack_list *, const struct sink *next,
    struct arena *, struct err *);
void repack_close(struct repack *, struct arena *);	/* NULL is fine */
/* ERR_FORMAT when there are more than the list's bytes. */
int repack_write(struct repack *, const uint8_t *data, size_t n, struct err *);
/* ERR_FORMAT when bytes or streams of the list are missing. */
int repack_end(struct repack *, struct err *);
/* Bytes of the arena that one takes, with so many for its packer. */
uint64_t repack_memory(uint64_t packer);
/* It as a sink, for the repack before it. */
struct sink repack_sink(struct repack *);

#endif
