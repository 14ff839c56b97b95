/*
 * scratch.h - a private folder for large temporary things, gone at the end.
 */
#ifndef MKDELTA_SCRATCH_H
#define MKDELTA_SCRATCH_H

#include "manifest/base/err.h"

struct scratch {
	int at;			/* the folder that holds it */
	int dir;
	char name[48];
};

/* Below $TMPDIR, else /var/tmp; 0700. */
int scratch_open(struct scratch *, struct err *);
/* One more inside it, which the caller closes first. */
int scratch_below(const struct scratch *, const char *name, struct scratch *out,
    struct err *);
void scratch_close(struct scratch *);

#endif
