/*
 * deflate_list.h - the lists of expand.h and repack.h, written.
 */
#ifndef MKDELTA_ENCODE_DEFLATE_LIST_H
#define MKDELTA_ENCODE_DEFLATE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/deflate_find.h"

/* Both take streams out of use that the walk over the places of opening.h would not
 * come by when only those in use are replaced (a header inside of a stream that
 * stays can hide one): so call them first, then expand.  Varints are appended to
 * `out`.  ERR_FORMAT: over out's maximum. */
int deflate_list_old(const uint8_t *data, size_t n, struct found *, struct buf *out,
    struct err *);
/* `old`: the found streams of the old side, after deflate_list_old() */
int deflate_list_new(const uint8_t *data, size_t n, struct found *,
    const struct found *old, struct buf *out, struct err *);

/* Bytes of the expanded form of a file of n bytes, and how many streams it replaces. */
uint64_t found_expanded(const struct found *, size_t n);
size_t found_used(const struct found *);
uint64_t found_plain(const struct found *);	/* bytes of those in use, inflated */

#endif
