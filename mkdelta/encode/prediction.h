/*
 * prediction.h - the blocks of an executable, matched by what its code means.
 *
 * Two versions of a program differ in most operands though few instructions changed.
 * So the files are matched several times: first with operands blanked; then, as soon
 * as the blocks say where old addresses went, with each operand replaced by a hash of
 * the new address it means.  What is the same code is then the same bytes.
 */
#ifndef MKDELTA_ENCODE_PREDICTION_H
#define MKDELTA_ENCODE_PREDICTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/patch/delta_format.h"
#include "apply/patch/predict.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"

/* What a delta has to say of an output with images. */
struct prediction {
	uint32_t rules;		/* 0: there is none */
	struct pair *pairs;	/* owned, with their anchors and points */
	size_t n;
	struct layout *from;	/* owned: the old layout of each pair */
	uint64_t memory_bytes;	/* the decoder needs for maps and tables */
	struct pieces pieces;	/* owned; images is NULL: one, all of both sides */
	struct piece *new_images;	/* owned: as pieces.images, of the output */
	struct prediction_part *parts;	/* owned; NULL: one part is all of it */
	size_t n_parts;
	int64_t gain[RULE_IDS];	/* bytes that each rule puts right */
};

/* Blocks that travel together; a pair's overrides go with the part that it begins in. */
struct prediction_part {
	uint64_t bytes;
	size_t blocks;
};

struct prediction_job {
	const uint8_t *old, *new;
	size_t n_old, n_new;
	uint32_t rules;		/* to try */
	bool overrides;		/* where the map is wrong, say so */
	unsigned passes;	/* matching again with the map of the pass before */
	/* The blocks of any two versions of the bytes, n_old and n_new long; `rough`: all
	 * that matters is where most of it went. */
	int (*match)(void *arg, bool rough, const uint8_t *old, const uint8_t *new,
	    struct blocks *, struct err *);
	bool quick;		/* all passes but the last are rough */
	void *arg;
};

/* The blocks and what is to be predicted in their copies; into predicted[0..n_new)
 * what the decoder has before it adds differences (fresh bytes: untouched).  Nothing
 * is done, and out->rules is 0, if the files are no images of one kind or prediction
 * does not pay. */
int prediction_find(const struct prediction_job *, struct blocks *,
    struct prediction *out, uint8_t *predicted, struct err *);
void prediction_free(struct prediction *);

/* What the decoder has before it adds differences, by these rules, pairs, pieces and
 * blocks of a whole output; memory_bytes is set. */
int prediction_apply(struct prediction *, const uint8_t *old, size_t n_old,
    const struct blocks *, uint8_t *predicted, struct err *);

/* The decoder's memory for such an output of so many blocks; 0 when there is none. */
uint64_t prediction_memory(const struct prediction *, size_t blocks);

#endif
