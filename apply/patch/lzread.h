/*
 * lzread.h - reading raw LZMA2 as a stream; the doorway to liblzma's decoder.
 *
 * Raw: the chunks alone, as the xz format specification 1.1.0 section 5.3.1
 * calls the filter, without container and check.  Input is a range of a file, as
 * in zread.h.
 */
#ifndef APPLY_PATCH_LZREAD_H
#define APPLY_PATCH_LZREAD_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct lzread;

/* Bytes [offset, offset + bytes) of fd (borrowed), dictionary of 2^dict_log. */
struct lzread *lzread_open(int fd, uint64_t offset, uint64_t bytes, unsigned dict_log,
    struct err *);
/* Exactly n bytes; ERR_FORMAT for damage or when there are fewer. */
int lzread_exact(struct lzread *, void *out, size_t n, struct err *);
void lzread_close(struct lzread *);	/* NULL is fine */

#endif
