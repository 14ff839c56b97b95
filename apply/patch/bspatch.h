/*
 * bspatch.h - blocks: old bytes with differences, then new bytes, until an
 * output is full.
 */
#ifndef APPLY_PATCH_BSPATCH_H
#define APPLY_PATCH_BSPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "apply/patch/delta.h"
#include "apply/patch/stream.h"

enum { BSPATCH_BLOCK = 64 * 1024 };

struct bspatch {
	struct stream *streams[DELTA_KINDS];
	bool in_run;
	uint64_t run;		/* copied bytes that stay as they are, if in_run */
	uint8_t block[BSPATCH_BLOCK];
};

/* Where copied bytes come from: the listing's text, or a file by pread. */
struct bspatch_source {
	const uint8_t *text;	/* NULL: fd */
	int fd;
	uint64_t bytes;
};

/* Where all go: a buffer for the listing, the caller for the rest. */
struct bspatch_sink {
	struct buf *buf;	/* NULL: io */
	const struct delta_io *io;
};

/* `bytes` bytes in blocks.  ERR_FORMAT when one reaches past either file. */
int bspatch_blocks(struct bspatch *, bool sparse, const struct bspatch_source *,
    const struct bspatch_sink *, uint64_t bytes, struct err *);
/* `bytes` bytes of the extra stream. */
int bspatch_extra(struct bspatch *, const struct bspatch_sink *, uint64_t bytes,
    struct err *);

#endif
