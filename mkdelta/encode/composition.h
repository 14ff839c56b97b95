/*
 * composition.h - blocks of a file, composed of those of its parts.
 *
 * What the parts do not cover, on either side, is joined and matched last.
 */
#ifndef MKDELTA_ENCODE_COMPOSITION_H
#define MKDELTA_ENCODE_COMPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/patch/predict.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"
#include "mkdelta/encode/prediction.h"
#include "mkdelta/encode/remains.h"

/* A growing list. */
struct row {
	struct stretch *list;
	size_t n, cap;
};

struct composition {
	const uint8_t *old, *new;	/* borrowed */
	uint64_t n_old, n_new;
	uint64_t memory_bytes;		/* of each side's rest */
	struct copy *copies;
	size_t n, cap;
	struct row old_parts, new_parts;	/* all that was added */
};

void composition_start(struct composition *, const uint8_t *old, uint64_t n_old,
    const uint8_t *new, uint64_t n_new, uint64_t memory_bytes);
/* Blocks of joined bytes: what they stand for is in these stretches on either side.
 * Between them is nothing. */
int composition_add(struct composition *, const struct blocks *, struct stretches old,
    struct stretches new, struct err *);
/* The rest; all blocks, appended. */
int composition_finish(struct composition *, int (*match)(void *arg, bool rough,
    const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new, struct blocks *,
    struct err *), void *arg, struct blocks *, struct err *);
void composition_free(struct composition *);

/* Parts of the output that end between what was added, with so many blocks in each that
 * the decoder has room for them.  Into parts and n_parts; NULL: one is enough. */
int composition_parts(const struct composition *, struct prediction *,
    const struct blocks *, struct err *);

#endif
