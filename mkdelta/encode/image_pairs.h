/*
 * image_pairs.h - which executable of an old file became which of a new one.
 */
#ifndef MKDELTA_ENCODE_IMAGE_PAIRS_H
#define MKDELTA_ENCODE_IMAGE_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/image_scan.h"

#define IMAGE_ALONE ((size_t)-1)

/* For each new image the index of an old one of its kind, or IMAGE_ALONE, into of[].
 * By their content; those that are left by their order between others.  No old image
 * is taken twice. */
int image_pairs_find(const struct image_places *old, const struct image_places *new,
    size_t *of, struct err *e);

#endif
