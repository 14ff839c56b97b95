/*
 * tar_header.h - the headers of one entry in a tar, byte for byte the same anywhere.
 *
 * POSIX.1-2001 pax interchange format: a ustar header, before it an extended one
 * where ustar has no room.  docs/format.md has every field.
 */
#ifndef MKDELTA_TAR_HEADER_H
#define MKDELTA_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/listing.h"

enum { TAR_BLOCK = 512 };

/* Append the headers of entry i.  Only the first name of a hard link group is
 * followed by content.  owners false: uid and gid are 0. */
int tar_header(struct buf *out, const struct listing *, size_t i, bool owners,
    struct err *);

#endif
