/*
 * mend.h - right content for the files of a tree that are not what they should be.
 *
 * From another entry of the same tree, else from another release on this disk, else
 * by Range out of the full artifact (frames.h).  Every file is hashed as it is found
 * and again as it is used.
 */
#ifndef APPLY_MEND_H
#define APPLY_MEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/content.h"
#include "apply/run.h"
#include "apply/verify.h"

enum { MEND_TREES_MAX = 64 };

struct mend {
	struct run *run;
	uint64_t release;			/* that is mended */
	const struct edge *full;		/* of it; NULL: none is offered */
	const struct verify_report *report;	/* what is wrong with it */
	int trees[MEND_TREES_MAX];		/* other releases, open */
	size_t n_trees;
	size_t local, host;	/* out: files with content from here, from the host */
	bool refused;		/* out: the host has no parts, the whole may do */
};

/* For stage_again(): `arg` is a struct mend.  folder -1: only look, count, fetch
 * nothing.  ERR_FAIL: content is nowhere to be had. */
int mend_content(void *arg, struct content *, int folder, struct err *);
/* When the content is no longer used. */
void mend_end(struct mend *);

#endif
