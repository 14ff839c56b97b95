/*
 * output.h - a file under construction: hashed while it is written.
 *
 * Blocks of zeros become holes.  The file is 0600 and the applier's until its
 * owner and mode are set; nothing is synced here.
 */
#ifndef APPLY_OUTPUT_H
#define APPLY_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"

struct output {
	int dir;			/* borrowed */
	const char *rel;		/* borrowed */
	int fd;				/* -1: none */
	uint64_t size;			/* what it is to be */
	uint64_t at;			/* written so far */
	struct hash *hash;
};

#define OUTPUT_INIT { -1, NULL, -1, 0, 0, NULL }

int output_start(struct output *, int dir, const char *rel, uint64_t size, struct err *);
/* ERR_FORMAT beyond the size. */
int output_write(struct output *, const uint8_t *data, size_t n, struct err *);
/* All bytes are there (else ERR_FORMAT); fd stays open for owner, mode, time. */
int output_end(struct output *, struct sha256 *, struct err *);
/* Keep it: closes. */
void output_close(struct output *);
/* Remove it, if it is still open. */
void output_drop(struct output *);

#endif
