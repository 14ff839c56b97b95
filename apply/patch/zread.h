/*
 * zread.h - reading zstd (RFC 8878) as a stream; the doorway to its decoder.
 *
 * Input is a range of a file, read by pread, so several streams of one file can
 * be read side by side.  Concatenated and skippable frames are read through.
 */
#ifndef APPLY_PATCH_ZREAD_H
#define APPLY_PATCH_ZREAD_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct zread;

/* Bytes [offset, offset + bytes) of fd (borrowed).  window_log_max bounds the
 * decoder's memory (ERR_FORMAT beyond). */
struct zread *zread_open(int fd, uint64_t offset, uint64_t bytes,
    unsigned window_log_max, struct err *);
/* Up to n bytes; *got is 0 only at the end.  ERR_FORMAT for damage, and for an
 * input that ends inside a frame. */
int zread_some(struct zread *, void *out, size_t n, size_t *got, struct err *);
/* Exactly n bytes, ERR_FORMAT when there are fewer. */
int zread_exact(struct zread *, void *out, size_t n, struct err *);
/* All was read, and all compressed bytes were used.  Else ERR_FORMAT. */
int zread_end(struct zread *, struct err *);
void zread_close(struct zread *);

/* All of a small compressed file appended to out, whose max is the limit. */
int zread_all(int fd, unsigned window_log_max, struct buf *out, struct err *);

#endif
