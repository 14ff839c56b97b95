/*
 * child.h - run another program, and what it said.
 */
#ifndef HOSTING_CHILD_H
#define HOSTING_CHILD_H

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

enum { CHILD_TALK_MAX = 64 * 1024 };

struct child {
	int status;			/* exit status, 128 + signal */
	struct buf talk;		/* the end of its standard error */
};

/* argv[0] is looked for in PATH; standard input is empty; standard output is appended
 * to out.  -1: it could not be run (ERR_USAGE where it is not installed), was
 * interrupted, or said too much. */
int child_run(const char *const *argv, struct buf *out, struct child *, struct err *);
/* The last line that it said, for a message. */
const char *child_last_line(struct child *);
void child_clear(struct child *);

#endif
