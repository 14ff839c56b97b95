/*
 * sketch.h - a small sample of some bytes, to tell how alike they are to others.
 */
#ifndef MKDELTA_ENCODE_SKETCH_H
#define MKDELTA_ENCODE_SKETCH_H

#include <stddef.h>
#include <stdint.h>

enum { SKETCH_HASHES = 64 };

struct sketch {
	uint32_t hashes[SKETCH_HASHES];	/* ascending, different */
	unsigned n;
};

/* The first 16 MiB of them. */

void sketch_of_bytes(const uint8_t *, size_t n, struct sketch *);

/* How many of the smallest hashes of both together stand in both, in 1/64. */
unsigned sketch_alike(const struct sketch *, const struct sketch *);

#endif
