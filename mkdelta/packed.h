/*
 * packed.h - one stream of a delta on its way out: zstd and LZMA2 side by side,
 * the smaller one is kept.
 */
#ifndef MKDELTA_PACKED_H
#define MKDELTA_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct packed;

struct packed *packed_open(enum delta_kind, int zstd_level, struct err *);
int packed_add(struct packed *, const void *data, size_t n, struct err *);
int packed_end(struct packed *, struct err *);
void packed_close(struct packed *);		/* NULL is fine */

/* After packed_end(): the smaller form, borrowed. */
const struct buf *packed_bytes(const struct packed *);
enum delta_codec packed_codec(const struct packed *);
uint64_t packed_plain(const struct packed *);	/* bytes that went in */
/* The windows of both sides, as the format bounds them. */
unsigned packed_window_log(enum delta_kind);

#endif
