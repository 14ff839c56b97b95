/*
 * lzwrite.h - writing raw LZMA2 as a stream; the doorway to liblzma's encoder.
 */
#ifndef MKDELTA_LZWRITE_H
#define MKDELTA_LZWRITE_H

#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

/* How literals depend on what stands before them: numbers have no alignment. */
enum lzwrite_kind { LZWRITE_NUMBERS, LZWRITE_BYTES, LZWRITE_CODE };

struct lzwrite;

/* Appended to `out`, borrowed until lzwrite_end(); dictionary of 2^dict_log. */
struct lzwrite *lzwrite_open(enum lzwrite_kind, unsigned dict_log, struct buf *out,
    struct err *);
int lzwrite_add(struct lzwrite *, const void *data, size_t n, struct err *);
int lzwrite_end(struct lzwrite *, struct err *);
void lzwrite_close(struct lzwrite *);	/* NULL is fine */

#endif
