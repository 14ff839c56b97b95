/*
 * lzread.h - reading LZMA2 as a stream; the doorway to liblzma's decoder.
 *
 * No container: one byte of properties, (pb * 5 + lp) * 9 + lc, then LZMA2 chunks
 * and their end.  Input is a range of a file, read by pread.
 */
#ifndef APPLY_PATCH_LZREAD_H
#define APPLY_PATCH_LZREAD_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct lzread;

/* Bytes [offset, offset + bytes) of fd (borrowed), with a dictionary of
 * 2^window_log bytes. */
struct lzread *lzread_open(int fd, uint64_t offset, uint64_t bytes, unsigned window_log,
    struct err *);
/* Exactly n bytes; ERR_FORMAT for damage and when there are fewer. */
int lzread_exact(struct lzread *, void *out, size_t n, struct err *);
/* All was read: the end marker follows and nothing behind it.  Else ERR_FORMAT. */
int lzread_end(struct lzread *, struct err *);
void lzread_close(struct lzread *);	/* NULL is fine */

#endif
