/*
 * prices.h - what fresh bytes and changes cost in the streams of a delta.
 *
 * Measured on the file at hand: a sample is packed as the streams will be.  Fresh bytes
 * have one price.  A change is priced by how often this byte is added, and how often
 * this many bytes stay before it; then all of them so that the sample costs what it
 * was packed to.  No floating point: the same prices on every machine.
 */
#ifndef MKDELTA_ENCODE_PRICES_H
#define MKDELTA_ENCODE_PRICES_H

#include <stddef.h>
#include <stdint.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"

enum {
	PRICE_BIT = 16,		/* prices are in sixteenths of a bit */
	PRICE_WORTH = 9,	/* quarters of what its numbers cost a block counts: one
				 * that is left out joins its neighbours */
	PRICE_RUNS = 128,
	PRICE_NEAR = 3
};

struct prices {
	int64_t fresh;			/* of one byte */
	uint64_t fresh_bytes;		/* that it was learned of; 0: not yet */
	int64_t next, elsewhere;	/* of a copy that goes on behind the fresh bytes,
					 * and of any other; its changes not counted */
	uint32_t change[PRICE_NEAR][256];	/* by how near the one before is */
	uint32_t run[PRICE_RUNS];	/* by classes of lengths */
};

/* kind: where fresh bytes go, DELTA_EXTRA or DELTA_CODE.  Prices are all 0 at first; when
 * they are learned again the one of fresh bytes stays, as long as about as many are. */
int prices_learn(struct prices *, const struct blocks *, const uint8_t *old,
    const uint8_t *new, enum delta_kind kind, struct err *);

/* What the changes in n copied bytes cost. */
int64_t prices_changes(const struct prices *, const uint8_t *old, const uint8_t *new,
    uint64_t n);

#endif
