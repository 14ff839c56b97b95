/*
 * prune.h - copies that cost more than the bytes they save are left out.
 *
 * The matching takes every copy that agrees in a few bytes more than nothing; but what
 * a fresh byte costs depends on the file: 4 bits in machine code, less than 1 in text
 * that repeats itself.  So fresh bytes are packed to see, copies that do not pay become
 * fresh bytes, and again, until little changes.  Then once more with a price for each
 * place of the file, kept only if all of it packs clearly smaller.
 */
#ifndef MKDELTA_ENCODE_PRUNE_H
#define MKDELTA_ENCODE_PRUNE_H

#include <stddef.h>
#include <stdint.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"

/* The blocks make new out of old.  kind: where fresh bytes go, DELTA_EXTRA or
 * DELTA_CODE.  *bits: about what they cost then. */
int prune(struct blocks *, const uint8_t *old, const uint8_t *new, enum delta_kind kind,
    int64_t *bits, struct err *);

#endif
