/*
 * glance.h - small reads of an image from front to back, without a call for each.
 */
#ifndef APPLY_PATCH_GLANCE_H
#define APPLY_PATCH_GLANCE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/image.h"

enum { GLANCE_BYTES = 4096 };

struct glance {
	const struct image *image;	/* set this, and n to 0 */
	uint64_t at;
	size_t n;
	uint8_t bytes[GLANCE_BYTES];
};

/* n bytes (128 at most) at an offset of the image, borrowed until the next call.
 * NULL: outside of the image (*rc 0), or a failed read (*rc -1). */
const uint8_t *glance(struct glance *, uint64_t at, size_t n, int *rc, struct err *);

#endif
