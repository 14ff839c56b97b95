/*
 * hop.h - from one tree of the chain to the next.
 *
 * A hop takes the content it starts from (NULL: nothing is here) and what the
 * plan fetched for it.  On the way to a tree between, it gives the content of
 * that tree, with new files in a folder of their own; the last hop fills the
 * tree itself.  Every byte is hashed as it is written.
 */
#ifndef APPLY_HOP_H
#define APPLY_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/listing.h"

#include "apply/content.h"
#include "apply/layout.h"
#include "apply/reuse.h"

struct hop {
	const struct conf *conf;
	struct sha256 target;		/* identity of the tree to make */
	/* As were signed, which is what room was looked for: bytes that may still be
	 * written, a delta's scratch space, its new listing. */
	uint64_t left, scratch, listing_bytes;
	int folder; /* for new files of a tree between; -1: last hop */
	int tree;			/* last hop: the empty tree */
	int64_t created;
	struct reuse *reuse;		/* last hop */
	const struct owners *owners;	/* last hop */
	bool tree_modified; /* out: a file taken from the old tree is not as listed */
};

/* All take `have` and free it, whatever happens.  The result is the content of
 * the next tree; after the last hop its listing is what counts.  NULL: ERR_TRUST,
 * ERR_FORMAT (the object is not what was signed), ERR_POLICY (owners.h), disk. */
struct content *hop_delta(struct hop *, struct content *have, int delta, struct err *);
/* full: the tar.zst, `bytes` long.  listing is taken. */
struct content *hop_full(struct hop *, struct content *have, int full, uint64_t bytes,
    struct listing *, struct err *);
/* Every file is in `have`: the same tree once more.  listing is taken. */
struct content *hop_same(struct hop *, struct content *have, struct listing *,
    struct err *);

#endif
