/*
 * made_delta.h - a delta between the releases of a hostile lab, made by hand: all of
 * its streams are stored, and any number in it may be wrong.
 *
 *	made_open(l, &m);		the header, and the reduced listing
 *	made_number(&m, DELTA_CONTROL, METHOD_RAW); ...
 *	delta = made_close(&m);
 */
#ifndef TESTS_LAB_MADE_DELTA_H
#define TESTS_LAB_MADE_DELTA_H

#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/listing.h"
#include "apply/patch/delta_format.h"

#include "tests/lab/lab.h"

struct made {
	uint8_t old_id[8];
	uint64_t memory, scratch, listing_bytes, kinds;
	uint64_t absent;			/* bits of kinds that are not there */
	struct buf stream[DELTA_KINDS];		/* stored, unless how says more */
	unsigned how[DELTA_KINDS];
	uint64_t plain[DELTA_KINDS];		/* of what is not stored */
	uint64_t packed[DELTA_KINDS];		/* as claimed, 0: as it is */
	struct listing *from, *to;		/* to: reduced */
	uint64_t app, conf, leak, folder;	/* entries of the old listing */
	uint64_t app_bytes, old_app_bytes, two_bytes;
};

/* What is right, until it is changed. */
void made_open(struct lab *, struct made *);
void made_number(struct made *, enum delta_kind, uint64_t);
struct buf made_close(struct made *);	/* its bytes; frees all else */

#endif
