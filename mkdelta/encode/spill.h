/*
 * spill.h - bytes that grow without a bound: the first megabytes in memory, the
 * rest in a file without a name, below $TMPDIR or /var/tmp.
 */
#ifndef MKDELTA_ENCODE_SPILL_H
#define MKDELTA_ENCODE_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct spill {
	struct buf tail;	/* not in the file yet */
	int fd;			/* -1: all is in tail */
	uint64_t filed;		/* bytes in the file */
};

void spill_init(struct spill *);
void spill_free(struct spill *);	/* then as after spill_init */

/* An empty file that has no name, in the same place. */
int spill_file(struct err *);
/* The same as a decoder asks for it (delta.h). */
int spill_scratch(void *unused, int *fd, struct err *);

int spill_add(struct spill *, const void *data, size_t n, struct err *);
uint64_t spill_bytes(const struct spill *);
/* n bytes from offset on, which must be there.  Several threads may read. */
int spill_read(const struct spill *, void *data, size_t n, uint64_t offset,
    struct err *);

#endif
