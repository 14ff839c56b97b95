/*
 * layout.h - which bytes of an image's file are at which addresses.
 *
 * Segments are the parts of the file that are loaded (ELF: PT_LOAD).  Bytes that are
 * not loaded have addresses of their own behind all memory, high + at, so that what
 * refers to them (the names of symbols) can be followed too.
 *
 * The decoder reads the old layout out of the old file; of the new one only the
 * differences travel (layout_read()).
 */
#ifndef APPLY_PATCH_LAYOUT_H
#define APPLY_PATCH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { LAYOUT_SEGMENTS_MAX = 16, LAYOUT_NUMBERS = 4 };

struct segment {
	uint64_t at, bytes;	/* in the image */
	uint64_t address;
	uint64_t memory;	/* bytes in memory, at least `bytes` */
	bool code;		/* old images only */
};

struct layout {
	struct segment segments[LAYOUT_SEGMENTS_MAX];	/* by offset */
	size_t n;
	uint64_t low, high;	/* addresses of memory; high - low < 2^32 */
};

/* By offset, below those that are there.  What makes no sense is left out. */
void layout_add(struct layout *, const struct segment *);
/* After the last one: low and high. */
void layout_settle(struct layout *);

/* The address of a byte of the file, and how many bytes from there on (this one
 * included) follow each other in memory too.  Total: any offset has an address. */
uint64_t layout_address(const struct layout *, uint64_t at, uint64_t *run);
/* The offset of an address; false when no byte of the file has it. */
bool layout_offset(const struct layout *, uint64_t address, uint64_t *at);

/* The new layout as it travels: a count, then for each segment four numbers: its
 * offset, address, bytes and memory, each as zigzag of what it differs by from the
 * old segment's after the segment before: layout_numbers() makes them of both
 * layouts (n * LAYOUT_NUMBERS of them), layout_apply() is its inverse. */
void layout_numbers(const struct layout *old, const struct layout *new, uint64_t *out);
void layout_apply(const struct layout *old, size_t n, const uint64_t *numbers,
    struct layout *new);

#endif
