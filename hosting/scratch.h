/*
 * scratch.h - a private folder below $TMPDIR, gone at the end.
 */
#ifndef HOSTING_SCRATCH_H
#define HOSTING_SCRATCH_H

#include "manifest/base/err.h"

struct scratch {
	int parent, dir;
	char name[48];
	char path[4096];	/* of the folder, for other programs */
};

int scratch_open(struct scratch *, struct err *);
void scratch_close(struct scratch *);

#endif
