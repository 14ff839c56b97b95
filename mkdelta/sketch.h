/*
 * sketch.h - a small sample of a file's content, to tell how alike two files are.
 */
#ifndef MKDELTA_SKETCH_H
#define MKDELTA_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { SKETCH_HASHES = 64 };

struct sketch {
	uint32_t hashes[SKETCH_HASHES];	/* ascending, different */
	unsigned n;
};

/* Of the file open as fd, its first 16 MiB. */
int sketch_of_fd(int fd, struct sketch *, struct err *);

/* How many of the smallest hashes of both together stand in both, in 1/64. */
unsigned sketch_alike(const struct sketch *, const struct sketch *);

#endif
