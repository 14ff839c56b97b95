/*
 * zwrite.h - writing zstd (RFC 8878); the doorway to its encoder.
 */
#ifndef MKDELTA_ENCODE_ZWRITE_H
#define MKDELTA_ENCODE_ZWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

/* Append one frame that holds n bytes of data: content size in its header, no
 * checksum (hashes stand above it), a window of at most 2^window_log.  The bytes
 * depend on the arguments alone.  ERR_NOMEM, ERR_FAIL. */
int zwrite_frame(const void *data, size_t n, int level, unsigned window_log,
    struct buf *out, struct err *);

/* The same as a stream of plain_bytes in all (not stated in the frame), appended
 * to `out` (borrowed) as it grows; the caller may empty it between calls. */
struct zwrite;
struct zwrite *zwrite_open(int level, unsigned window_log, uint64_t plain_bytes,
    struct buf *out, struct err *);
int zwrite_add(struct zwrite *, const void *data, size_t n, struct err *);
int zwrite_end(struct zwrite *, struct err *);	/* the frame is complete */
void zwrite_close(struct zwrite *);		/* NULL is fine */

#endif
