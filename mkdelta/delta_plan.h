/*
 * delta_plan.h - what a delta has to build, and out of which parts of what.
 */
#ifndef MKDELTA_DELTA_PLAN_H
#define MKDELTA_DELTA_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "mkdelta/bsdiff.h"
#include "mkdelta/delta_write.h"
#include "mkdelta/expansion.h"
#include "mkdelta/prediction.h"

struct delta_output {
	size_t entry;		/* of `to` */
	size_t ancestor;	/* of `from`, or NO_ANCESTOR */
	size_t repeats;		/* number of an earlier output, or its own */
	struct blocks blocks;	/* empty: nothing of the ancestor is in it */
	unsigned changes;	/* FLAG_SPARSE, FLAG_SUBSTITUTE, of delta_format.h */
	struct prediction prediction;
	struct expansion *expansion;	/* owned; NULL: the files as they are */
};

struct delta_plan {
	const struct delta_job *job;	/* borrowed */
	struct buf old_text, reduced;	/* listings */
	struct blocks listing;		/* from the one to the other */
	unsigned listing_changes;
	struct delta_output *outputs;
	size_t n;
	struct forms forms;		/* expanded */
};

/* Outputs, their ancestors and the blocks.  Free it, whatever is returned. */
int delta_plan_make(struct delta_plan *, const struct delta_job *, struct err *);
void delta_plan_free(struct delta_plan *);

/* The first half of it: which outputs are built in their expanded form, and from what
 * (delta_expand.c). */
int delta_plan_expand(struct delta_plan *, struct err *);

/* The second half: all blocks (delta_match.c). */
int delta_plan_match(struct delta_plan *, struct err *);

/* A file of a tree, opened for reading, of the size that its entry has.  `name`
 * stands for the only file of a tree that is a single file, else NULL. */
int delta_plan_open(int dir, const char *name, const struct entry *, struct err *);
/* All of it in memory (free); NULL on errors. */
uint8_t *delta_plan_load(int dir, const char *name, const struct entry *, struct err *);

/* An output and its ancestor, in their expanded form if they have one: bytes, and all
 * of them in memory. */
uint64_t delta_plan_old_bytes(const struct delta_plan *, size_t output);
uint64_t delta_plan_new_bytes(const struct delta_plan *, size_t output);
uint8_t *delta_plan_old(const struct delta_plan *, size_t output, struct err *);
uint8_t *delta_plan_new(const struct delta_plan *, size_t output, struct err *);

#endif
