/*
 * delta_plan.h - what a delta has to build, and out of which parts of what.
 */
#ifndef MKDELTA_ENCODE_DELTA_PLAN_H
#define MKDELTA_ENCODE_DELTA_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"
#include "mkdelta/encode/delta_write.h"
#include "mkdelta/encode/expansion.h"
#include "mkdelta/encode/prediction.h"

struct delta_output {
	size_t entry;		/* of `to` */
	size_t *sources;	/* owned; entries of `from`, or its n + an earlier output:
				 * the old side in this order */
	size_t n_sources;	/* 0: nothing old is in it */
	size_t repeats;		/* number of an earlier output, or its own */
	struct blocks blocks;	/* empty: nothing of the sources is in it */
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

/* The first part of it: more sources than the one of the same name (delta_sources.c). */
int delta_plan_sources(struct delta_plan *, struct err *);

/* The second part: which outputs are built in their expanded form, and from what
 * (delta_expand.c). */
int delta_plan_expand(struct delta_plan *, struct err *);

/* The third part: all blocks (delta_match.c). */
int delta_plan_match(struct delta_plan *, struct err *);

/* A file of a tree, opened for reading, of the size that its entry has.  `name`
 * stands for the only file of a tree that is a single file, else NULL. */
int delta_plan_open(int dir, const char *name, const struct entry *, struct err *);
/* All of it in memory (mapped_free()); NULL on errors. */
uint8_t *delta_plan_load(int dir, const char *name, const struct entry *, struct err *);

/* A source as a file: its entry, and opened. */
const struct entry *delta_plan_source(const struct delta_plan *, size_t source);
int delta_plan_open_source(const struct delta_plan *, size_t source, struct err *);

/* The memory for matching, and whether files of these sizes are matched as a whole. */
uint64_t delta_plan_memory(const struct delta_plan *);
/* The second: without a suffix array. */
uint64_t delta_plan_files_bytes(uint64_t old_bytes, uint64_t new_bytes);
uint64_t delta_plan_match_bytes(uint64_t old_bytes, uint64_t new_bytes);
bool delta_plan_fits(const struct delta_plan *, uint64_t old_bytes, uint64_t new_bytes);

/* An output and its sources, in their expanded form if they have one: bytes, and all
 * of them in memory (mapped_free()). */
uint64_t delta_plan_old_bytes(const struct delta_plan *, size_t output);
uint64_t delta_plan_new_bytes(const struct delta_plan *, size_t output);
uint8_t *delta_plan_old(const struct delta_plan *, size_t output, struct err *);
uint8_t *delta_plan_new(const struct delta_plan *, size_t output, struct err *);

#endif
