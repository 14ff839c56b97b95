/*
 * patch_output.h - what the control stream says of an output that is patched.
 */
#ifndef APPLY_PATCH_PATCH_OUTPUT_H
#define APPLY_PATCH_PATCH_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/bspatch.h"
#include "apply/patch/expanded.h"
#include "apply/patch/predict.h"
#include "apply/patch/sources.h"

/* One block whose place is known: the copy, then fresh bytes up to the next block. */
struct placed {
	uint64_t old_at;
	uint32_t new_at;	/* in the part */
	uint32_t copy;
};

struct patch_output {
	uint64_t flags, rules;
	struct sources sources;
	struct expanded expanded;	/* with FLAG_EXPANDED */
	const struct old *old;		/* the sources, expanded if so */
	uint64_t bytes;			/* of the output, expanded if so */
	const struct delta_io *io;	/* where it goes, repacked if so */
	/* With images: */
	struct pair *pairs;
	size_t n_pairs;
	struct pieces pieces;		/* of all pairs */
	struct piece whole[2];		/* without FLAG_PIECES */
	struct anchor *anchors;		/* of all pairs */
	size_t n_anchors;
	/* Of the part at hand: */
	struct placed *blocks;		/* n_blocks, and one behind them with its end */
	size_t n_blocks;
	uint64_t part_at;		/* in the output */
	struct map_point *points;	/* of all pairs */
	size_t n_points;
	struct arena *arena;
};

/* Read flags and sources of an output of `bytes` bytes, expand them, read the images
 * and their layouts. */
int patch_output_open(struct patch_output *, uint64_t bytes,
    struct stream *const streams[DELTA_KINDS], const struct delta_io *, struct kept *,
    struct arena *, struct err *);
/* All of it was written. */
int patch_output_end(struct patch_output *, struct err *);
void patch_output_close(struct patch_output *);

/* With images: the next part of the `left` bytes that the output still lacks, its
 * blocks read ahead.  `seek` is where the next copy is expected; moved on. */
int patch_output_part(struct patch_output *, struct stream *const streams[DELTA_KINDS],
    uint64_t left, uint64_t *seek, uint64_t *bytes, struct err *);

#endif
