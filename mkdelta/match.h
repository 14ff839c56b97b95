/*
 * match.h - which old file a new file was made from.
 *
 * By path first; else by name and content: among the old files with the same
 * name the one whose path agrees longest from its end; else the one whose
 * content shares most of a sample (the smallest of the rolling hashes of 32-byte
 * windows: Broder 1997), if it shares enough.
 */
#ifndef MKDELTA_MATCH_H
#define MKDELTA_MATCH_H

#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#define NO_ANCESTOR ((size_t)-1)

/* For each of the n outputs (entries of `to`) the index of its ancestor in
 * `from`, or NO_ANCESTOR, into ancestors[]. */
int match_ancestors(const struct listing *from, int from_dir, const struct listing *to,
    int to_dir, const size_t *outputs, size_t n, unsigned jobs, size_t *ancestors,
    struct err *);

#endif
