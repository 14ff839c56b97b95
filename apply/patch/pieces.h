/*
 * pieces.h - images that lie in pieces: files of filesystems with holes, fragments and
 * what is packed in blocks.
 *
 * Each image is a row of pieces, ascending and disjoint by their offsets in the image,
 * anywhere on the old side and in the output; what lies between them in the image is
 * zeros.  A copy counts where both sides are in pieces of one image.
 */
#ifndef APPLY_PATCH_PIECES_H
#define APPLY_PATCH_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/old.h"

/* `bytes` bytes of a copy: see predict.h. */
struct copy {
	uint64_t old_at, new_at, bytes;
};

struct piece {
	uint64_t at, bytes;	/* on its side */
	uint32_t in;		/* offset in the image */
	uint32_t image;		/* its number */
};

enum { PIECE_COUNTS = 24, PIECES_MAX = 1 << 18 };
ARENA_COUNTS(struct piece, PIECE_COUNTS);

struct pieces {
	struct piece *images;	/* of the old side: by image, then by offset there */
	struct piece *olds, *news;	/* by place on their side, disjoint */
	size_t n_olds, n_news;
};

/* olds and news, which stand in the order of images, are sorted by place.  ERR_FORMAT
 * when two of one side overlap. */
int pieces_settle(struct piece *, size_t n, struct err *);

/* The index of the first piece that ends behind `at`; n: none. */
size_t pieces_find(const struct piece *, size_t n, uint64_t at);

/* Where a copy leads from a piece to a piece of the same image: bytes, and offsets in
 * the image, into *out; false: nowhere. */
bool pieces_meet(const struct copy *, const struct piece *old, const struct piece *new,
    struct copy *out);

/* One image that is all of both sides; `room` is for its pieces. */
void pieces_whole(struct pieces *, struct piece room[2], uint64_t old_bytes,
    uint64_t new_bytes);

/* An old image, put together.  Does not move. */
struct gather {
	struct old old;			/* reads it */
	const struct old *from;
	const struct piece *pieces;	/* of the image, by offset there */
	size_t n;
};
void gather_image(struct gather *, const struct pieces *, size_t image,
    const struct old *);

#endif
