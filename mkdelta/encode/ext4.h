/*
 * ext4.h - where the files of an ext4 filesystem are in its image.
 *
 * Read as the kernel's Documentation/filesystems/ext4 describes it, files by extents
 * only: what was never written has no blocks, and pieces need not follow each other.
 * Nothing is trusted; what makes no sense is left out.
 */
#ifndef MKDELTA_ENCODE_EXT4_H
#define MKDELTA_ENCODE_EXT4_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/image_scan.h"

/* The next filesystem in data[from..n): where it begins, and its bytes within n; n:
 * there is none. */
size_t ext4_next(const uint8_t *data, size_t from, size_t n, uint64_t *bytes);

/* The images among the files of the filesystem fs[0..n), which begins at `at` of the
 * whole, appended. */
int ext4_images(const uint8_t *fs, size_t n, uint64_t at, struct image_places *,
    struct err *);

#endif
