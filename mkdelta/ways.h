/*
 * ways.h - what a device downloads to get to a release, by the picker it uses.
 *
 * For a device without limits of room or memory that knows all capabilities.
 */
#ifndef MKDELTA_WAYS_H
#define MKDELTA_WAYS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/chain.h"
#include "manifest/record.h"

struct way {
	uint64_t bytes;
	const struct edge *hops[CHAIN_HOPS_MAX];	/* borrowed from the catalog */
	size_t n;
};

/* From a release (NULL: from nothing) to another.  1, 0 there is no way, -1. */
int way_pick(const struct catalog *, const struct record *from, const struct record *to,
    struct way *, struct err *);

/* "full", "full 3 > 4" or "1 > 2 > 4" into out: where it begins, then every stop. */
enum { WAY_TEXT_MAX = 22 * (CHAIN_HOPS_MAX + 2) };
const char *way_text(char out[static WAY_TEXT_MAX], const struct way *);

#endif
