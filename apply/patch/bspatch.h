/*
 * bspatch.h - blocks: old bytes with differences, then new bytes.
 */
#ifndef APPLY_PATCH_BSPATCH_H
#define APPLY_PATCH_BSPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "apply/patch/delta.h"
#include "apply/patch/old.h"
#include "apply/patch/predict.h"
#include "apply/patch/stream.h"

/* At once: as many as the rules look at, references that reach in included. */
enum { BSPATCH_STEP = RULES_PART - 2 * PREDICT_MARGIN };

struct bspatch {
	struct stream *streams[DELTA_KINDS];
	struct stream *changed;	/* of these: where changed bytes are */
	bool in_run;
	uint64_t run;		/* copied bytes that stay as they are, if in_run */
	uint8_t block[BSPATCH_STEP + 2 * PREDICT_MARGIN];
};

/* Where bytes go: a buffer for the listing, the caller for the rest. */
struct bspatch_sink {
	struct buf *buf;	/* NULL: io */
	const struct delta_io *io;
};

/* How one output is made. */
struct bspatch_job {
	const struct old *old;
	const struct bspatch_sink *to;
	bool sparse, substitute;
	struct predict *predict;	/* NULL: bytes are copied as they are */
	const struct delta_io *watch;	/* with predict: its watch(), if there is one */
};

/* A block as it stands in its streams; `*at` is where its copy is expected in the old
 * file, and becomes where it is.  ERR_FORMAT when it reaches past either file: `left`
 * bytes of the new one are to come. */
struct bspatch_block {
	uint64_t copy, fresh;
};
int bspatch_read(struct stream *const streams[DELTA_KINDS], uint64_t old_bytes,
    uint64_t left, uint64_t *at, struct bspatch_block *, struct err *);
/* Where the next copy is expected. */
void bspatch_move(uint64_t *at, const struct bspatch_block *, uint64_t old_bytes);

/* n bytes (BSPATCH_STEP at most) of a copy from old offset `at` on, predicted and not
 * yet changed: where they are in p, NULL on errors. */
uint8_t *bspatch_predicted(struct bspatch *, const struct bspatch_job *,
    const struct copy *, uint64_t at, size_t n, struct err *);
/* The copy: old bytes, predicted, changed. */
int bspatch_copy(struct bspatch *, const struct bspatch_job *, const struct copy *,
    struct err *);
/* `bytes` bytes of the stream of this kind. */
int bspatch_fresh(struct bspatch *, const struct bspatch_sink *, enum delta_kind,
    uint64_t bytes, struct err *);
/* `bytes` bytes in blocks, nothing predicted. */
int bspatch_blocks(struct bspatch *, const struct bspatch_job *, uint64_t bytes,
    struct err *);

#endif
