/*
 * hints.h - what an earlier matching says of where new bytes come from.
 */
#ifndef MKDELTA_ENCODE_HINTS_H
#define MKDELTA_ENCODE_HINTS_H

#include <stdbool.h>

#include "mkdelta/encode/bsdiff.h"

struct windows;

enum { HINT_BYTES = 128 };	/* that must agree before a hint is followed */

struct hints {
	const struct blocks *blocks;	/* of the same two files, or NULL */
	size_t i;			/* the block that was asked for last, */
	uint64_t at;			/* and where in the new file it begins */
};

/* Of new[at...]: where in old.  False: nothing is known.  `at` ascends. */
bool hints_place(struct hints *, size_t at, size_t *old_at);

/* The windows of new bytes that no hint leads to: those where fewer than HINT_BYTES
 * agree.  NULL: most are. */
int hints_wanted(const struct blocks *, const uint8_t *old, const uint8_t *new,
    size_t n_new, struct windows **, struct err *);

#endif
