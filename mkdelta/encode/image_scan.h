/*
 * image_scan.h - where executables are inside of a file: a filesystem's image, a disk,
 * an archive.
 *
 * Filesystems that we know (ext4.h) say where the pieces of their files are.  Anywhere
 * else ELF files are as long as their header tables, segments and sections say; raw
 * arm64 kernels as long as they say.  Numbers that make no sense make no image, what is
 * inside of an image that was found is not looked at.
 */
#ifndef MKDELTA_ENCODE_IMAGE_SCAN_H
#define MKDELTA_ENCODE_IMAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/remains.h"
#include "mkdelta/encode/sketch.h"

struct image_place {
	uint64_t at, bytes;	/* its first byte; all of it, zeros between pieces too */
	struct stretch *pieces;	/* owned: joined_at is where they are in the image */
	size_t n_pieces;
	unsigned machine, bits;
	bool relocatable, raw;
	struct sketch sketch;	/* of its bytes: image_places_sketch() */
};

/* In some order, disjoint. */
struct image_places {
	struct image_place *list;	/* owned */
	size_t n, cap;
};

/* All that are there: files of filesystems, and whatever looks like one elsewhere. */
int image_places_find(const uint8_t *, size_t n, struct image_places *, struct err *);
/* What they look like, by several threads. */
int image_places_sketch(const uint8_t *, struct image_places *, unsigned jobs,
    struct err *);
/* What a filesystem says of a file; it counts if it is an image.  Pieces are copied. */
int image_places_offer(const uint8_t *, uint64_t bytes, const struct stretch *pieces,
    size_t n_pieces, struct image_places *, struct err *);
/* All of an image in memory (free). */
uint8_t *image_place_gather(const uint8_t *, const struct image_place *, struct err *);
void image_places_free(struct image_places *);

#endif
