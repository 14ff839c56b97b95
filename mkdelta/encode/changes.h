/*
 * changes.h - how what changes in copied bytes is best written: plain or sparse.
 */
#ifndef MKDELTA_ENCODE_CHANGES_H
#define MKDELTA_ENCODE_CHANGES_H

#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"
#include "mkdelta/encode/effort.h"

/* As flags of an output, by packing a sample both ways.  `was` is what the new bytes
 * would be without differences; NULL: the old bytes. */
int changes_choose(const struct blocks *, const uint8_t *old, const uint8_t *was,
    const uint8_t *new, const struct effort *, unsigned *changes, struct err *);

#endif
