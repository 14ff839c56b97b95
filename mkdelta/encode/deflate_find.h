/*
 * deflate_find.h - the packed streams in a file, and which of them the libraries make
 * again bit for bit.
 */
#ifndef MKDELTA_ENCODE_DEFLATE_FIND_H
#define MKDELTA_ENCODE_DEFLATE_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/packing.h"

struct found_stream {
	uint64_t at, packed;	/* bytes of the file */
	uint64_t plain;		/* bytes it unpacks to */
	uint8_t kind, head;	/* enum opening_kind; bytes of its header before it */
	uint64_t mark;		/* hash of the packed bytes */
	bool use;		/* to be replaced in the expanded form */
	bool proved;		/* `code` makes it again */
	bool too_large;		/* for what may be made again */
	unsigned code;		/* packing.h */
	uint64_t memory;	/* bytes that making it takes */
};
/* What a packer or unpacker needs to know of it; `data`: the file. */
struct packing found_packing(const struct found_stream *, const uint8_t *data);

/* What stands for all parameters that packing_need() gives the same name. */
unsigned found_behaviour(unsigned code);

/* The most memory that making one frame may take: half of what a decoder has. */
enum { FOUND_MEMORY_MAX = 8 << 20 };

struct found {
	struct found_stream *v;	/* by place, none inside of another */
	size_t n;
};

/* All streams of at least DEFLATE_PACKED_MIN bytes that unpack to at most max_plain
 * bytes each, behind the places of opening.h.  What a file unpacks to must be worth the
 * scratch space that a device needs for it: it ends DEFLATE_GROWTH times its own bytes
 * and DEFLATE_ROOM, and streams beyond that are left as they are.  ERR_NOMEM. */
enum { DEFLATE_PACKED_MIN = 64, DEFLATE_GROWTH = 256, DEFLATE_ROOM = 32 << 20 };
int deflate_find(const uint8_t *data, size_t n, uint64_t max_plain, struct found *,
    struct err *);
void found_free(struct found *);	/* then as empty */
/* Is there any?  1 yes, 0 no, -1 error. */
int deflate_there(const uint8_t *data, size_t n, uint64_t max_plain, struct err *);

/*
 * Which of both sides are worth it: set `use` for all of `old` whose packed bytes are
 * not in `new` too, and for all of `fresh` whose packed bytes are not in `old`.  What
 * is on both sides is copied as it is, which costs a device nothing.  ERR_NOMEM.
 */
int found_differ(struct found *old, struct found *fresh, struct err *);

/* Find the parameters of those in use, and drop from use what is not made again, or what
 * would be the max_kinds + 1st set of parameters that needs a library.  The same streams
 * give the same result, whatever `jobs`.  ERR_NOMEM, ERR_CANCEL. */
int deflate_prove(const uint8_t *data, struct found *, size_t max_kinds, unsigned jobs,
    struct err *);

#endif
