/*
 * pack.h - a tree becomes its full artifact: tar, zstd frames, frame index.
 *
 * The bytes depend on the listing, the contents and the options alone, not on
 * jobs, clock or machine (docs/format.md has them all).  Files are checked
 * against the listing while they are read: ERR_FAIL when one has changed.
 */
#ifndef MKDELTA_PACK_H
#define MKDELTA_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/listing.h"

#define PACK_FRAME_BYTES ((size_t)4 << 20)

enum { PACK_LEVEL = 19, PACK_WINDOW_LOG = 23 };

struct pack_options {
	bool owners;		/* uid and gid of the listing; else 0 */
	int level;		/* of zstd, 0: PACK_LEVEL */
	unsigned jobs;		/* threads, 0: one a core */
	size_t frame_bytes;	/* 0: PACK_FRAME_BYTES; for tests */
};

struct pack_frame {
	uint64_t offset, bytes;		/* in the artifact */
	uint64_t plain_bytes;		/* of the tar */
	struct sha256 sha256;		/* of the compressed bytes */
};

struct pack_result {
	uint64_t bytes;			/* of the artifact */
	struct sha256 sha256;
	uint64_t unpacked_bytes;	/* of the tar */
	uint64_t memory_bytes;		/* a decoder's need */
	/* The skippable frame at the end, which says it all again: the record's
	 * {offset, bytes, sha256}. */
	struct pack_frame index;
	struct pack_frame *frames;	/* owned */
	size_t n;
};

/* The artifact is written to out_fd from its current offset, 0.  options NULL:
 * defaults.  *result is empty when it fails. */
int pack_tree(int dirfd, const struct listing *, const struct pack_options *,
    int out_fd, struct pack_result *result, struct err *);
void pack_result_clear(struct pack_result *);

#endif
