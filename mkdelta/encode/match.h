/*
 * match.h - which old file a new file was made from, by its path.
 *
 * That of the same path.  Else the old file whose path agrees longest from its end, at
 * least in the whole name, with every number counted as equal (libx.so.1.2 and
 * libx.so.1.3, lib/6.1.0-50/a.ko and lib/6.1.0-56/a.ko).  Else the same with an end
 * that says how the file is packed (.gz, .xz, .zst) put on or left out.  What the
 * contents say comes after (delta_sources.c).
 */
#ifndef MKDELTA_ENCODE_MATCH_H
#define MKDELTA_ENCODE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#define NO_ANCESTOR ((size_t)-1)

/* For each of the n outputs (entries of `to`) the index of its ancestor in `from`, or
 * NO_ANCESTOR, into ancestors[]. */
int match_ancestors(const struct listing *from, const struct listing *to,
    const size_t *outputs, size_t n, size_t *ancestors, struct err *);

/* Does the end of its name say that a file is packed? */
bool match_is_packed(const char *path);

#endif
