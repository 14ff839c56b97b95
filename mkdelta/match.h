/*
 * match.h - which old file a new file was made from.
 *
 * By path first.  Else by name and content: the old file whose path agrees
 * longest from its end, at least in the whole name, with every number counted as
 * equal (libx.so.1.2 and libx.so.1.3, lib/6.1.0-50/a.ko and lib/6.1.0-56/a.ko);
 * but one that shares clearly more of its content goes before (the smallest of
 * the rolling hashes of 32-byte windows, Broder 1997, are compared).
 *
 * Work grows with n log n: only files that share a hash or a name are compared,
 * and of those a bounded number.
 */
#ifndef MKDELTA_MATCH_H
#define MKDELTA_MATCH_H

#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#define NO_ANCESTOR ((size_t)-1)

struct match_trees {
	const struct listing *from, *to;
	int from_dir, to_dir;
	const char *from_name, *to_name;	/* as in struct delta_job */
};

/* For each of the n outputs (entries of `to`) the index of its ancestor in
 * `from`, or NO_ANCESTOR, into ancestors[]. */
int match_ancestors(const struct match_trees *, const size_t *outputs, size_t n,
    unsigned jobs, size_t *ancestors, struct err *);

#endif
