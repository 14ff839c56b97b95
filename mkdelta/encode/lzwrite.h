/*
 * lzwrite.h - writing LZMA2 as lzread.h reads it; the doorway to liblzma's encoder.
 */
#ifndef MKDELTA_ENCODE_LZWRITE_H
#define MKDELTA_ENCODE_LZWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct lzwrite;

struct lzwrite_options {
	unsigned preset;	/* 0 to 9 */
	bool extreme;
	unsigned window_log;
	unsigned lc, lp, pb;	/* bits of context; lc + lp at most 4 */
};

/* Appended to `out` (borrowed) as it grows, the byte of properties first; the
 * caller may empty it between calls.  One thread, so the same bytes each time. */
struct lzwrite *lzwrite_open(const struct lzwrite_options *, struct buf *out,
    struct err *);
int lzwrite_add(struct lzwrite *, const void *data, size_t n, struct err *);
int lzwrite_end(struct lzwrite *, struct err *);
void lzwrite_close(struct lzwrite *);	/* NULL is fine */

#endif
