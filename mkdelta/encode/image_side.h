/*
 * image_side.h - one file as the rule sets see it: all its references at once.
 *
 * The encoder looks at both sides, the decoder only at the old one.
 */
#ifndef MKDELTA_ENCODE_IMAGE_SIDE_H
#define MKDELTA_ENCODE_IMAGE_SIDE_H

#include <stddef.h>
#include <stdint.h>

#include "apply/patch/rule.h"
#include "manifest/base/err.h"

struct image_side {
	const uint8_t *bytes;	/* borrowed */
	size_t n;
	struct old old;		/* of the bytes; its arg is this struct: do not move it */
	struct arena arena;
	struct image image;
	uint32_t mask;		/* rules */
	struct ref *refs;	/* ascending by `at` */
	size_t n_refs;
};

/* By the rules in `mask`.  1; 0: no image that we know, nothing to close; -1. */
int image_side_open(struct image_side *, const uint8_t *bytes, size_t n, uint32_t mask,
    struct err *);
void image_side_close(struct image_side *);

/* References take about as much memory as the file: they can go while they are not
 * needed, and be found again, the same ones. */
void image_side_drop(struct image_side *);
int image_side_again(struct image_side *, struct err *);

/* Index of the first reference at or behind an offset. */
size_t image_side_find(const struct image_side *, uint64_t at);

/* The operands of branches, pages and the like out of copy[0..n): what the compiler
 * wrote there says little.  Words that are nothing but an address stay. */
void image_side_blank(const struct image_side *, uint8_t *copy);

/* All operands become a hash of where they point, by the new address of each target
 * (relative to layout.low, 32 bits): meaning(arg, target relative to low). */
void image_side_blur(const struct image_side *, uint8_t *copy,
    uint32_t (*meaning)(const void *arg, const struct ref *), const void *arg);

#endif
