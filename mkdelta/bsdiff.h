/*
 * bsdiff.h - which parts of a new file are like which parts of an old one.
 *
 * The matching of Percival 2003 ("Naive differences of executable code"): a
 * match is stretched both ways while at least half of its bytes agree, so the
 * small changes inside moved code become a difference of mostly zeros.
 */
#ifndef MKDELTA_BSDIFF_H
#define MKDELTA_BSDIFF_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* `copy` bytes of new that are like old[old_at...], then `extra` that are not. */
struct block {
	uint64_t old_at, copy, extra;
};

struct blocks {
	struct block *list;		/* owned */
	size_t n, cap;
};

/* The blocks that make all of new, appended.  With more than memory_bytes needed
 * the work is done in segments of new against the neighbourhood in old. */
int bsdiff_blocks(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    uint64_t memory_bytes, struct blocks *, struct err *);
void blocks_free(struct blocks *);

#endif
