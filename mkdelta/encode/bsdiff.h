/*
 * bsdiff.h - which parts of a new file are like which parts of an old one.
 *
 * The matching of Percival 2003 ("Naive differences of executable code"): a
 * match is stretched both ways while at least half of its bytes agree, so the
 * small changes inside moved code become a difference of mostly zeros.
 */
#ifndef MKDELTA_ENCODE_BSDIFF_H
#define MKDELTA_ENCODE_BSDIFF_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct suffix;

/* `copy` bytes of new that are like old[old_at...], then `extra` that are not. */
struct block {
	uint64_t old_at, copy, extra;
};

struct blocks {
	struct block *list;		/* owned */
	size_t n, cap;
};

/* The blocks that make all of new, appended.  `hints`: of an earlier matching of the two
 * files, or NULL; where it leads to many bytes that agree nothing else is looked for.
 * A match begins a block if it agrees in
 * more than `threshold` bytes beyond the running alignment.  `whole` is the suffix
 * array of old.  NULL: of old, only a window about where the running alignment leads
 * has one, which moves on; elsewhere long matches are found.  Both take memory_bytes,
 * but at least 11 MiB. */
int bsdiff_blocks(const uint8_t *old, size_t n_old, const struct suffix *whole,
    const uint8_t *new, size_t n_new, unsigned threshold, uint64_t memory_bytes,
    const struct blocks *hints, struct blocks *, struct err *);
/* The same with long matches alone, several times faster. */
int bsdiff_rough(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    uint64_t memory_bytes, const struct blocks *hints, struct blocks *, struct err *);
/* One more behind the others. */
int blocks_add(struct blocks *, struct block, struct err *);
void blocks_free(struct blocks *);

#endif
