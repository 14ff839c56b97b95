/*
 * sources.h - the old files of an output, read as one: one behind the other.
 */
#ifndef APPLY_PATCH_SOURCES_H
#define APPLY_PATCH_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/delta.h"
#include "apply/patch/delta_format.h"
#include "apply/patch/old.h"

struct sources {
	const struct delta_io *io;	/* borrowed */
	uint64_t entries[DELTA_SOURCES_MAX];
	uint64_t ends[DELTA_SOURCES_MAX];	/* in the whole */
	size_t n;
	size_t open;		/* whose descriptor fd is; n: none */
	int fd;			/* borrowed */
	struct old old;		/* the whole; its arg is this struct: do not move it */
};

/* All are opened once, for their sizes.  entries[] and n are set. */
int sources_open(struct sources *, const struct delta_io *, struct err *);

#endif
