/*
 * old_side.h - the old side of an output, read by position: its sources one behind the
 * other, or its expanded form.
 */
#ifndef MKDELTA_ENCODE_OLD_SIDE_H
#define MKDELTA_ENCODE_OLD_SIDE_H

#include "apply/patch/delta_format.h"
#include "apply/patch/old.h"

#include "mkdelta/encode/delta_plan.h"

struct old_side {
	const struct spill *form;	/* NULL: files */
	uint64_t form_at;
	size_t n;
	int fds[DELTA_SOURCES_MAX];
	uint64_t ends[DELTA_SOURCES_MAX];
	struct old old;			/* its arg is this struct: do not move it */
};

int old_side_open(struct old_side *, const struct delta_plan *, size_t output,
    struct err *);
void old_side_close(struct old_side *);

#endif
