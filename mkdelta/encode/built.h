/*
 * built.h - outputs that a delta has built, kept as long as it is read: later ones may
 * draw from them.
 */
#ifndef MKDELTA_ENCODE_BUILT_H
#define MKDELTA_ENCODE_BUILT_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/spill.h"

struct built_output {
	uint64_t at, end;
};

struct built {
	struct spill bytes;	/* of all */
	struct built_output *list;	/* owned */
	size_t n, cap;
	uint64_t begin;		/* of the output at hand */
	int fd;			/* of one of them, for who draws from it */
	size_t open;
};

void built_init(struct built *);
void built_free(struct built *);

/* The next bytes of the output at hand. */
int built_add(struct built *, const uint8_t *data, size_t n, struct err *);
/* It is whole; instead: it is the same as an earlier one. */
int built_end(struct built *, struct err *);
int built_repeat(struct built *, uint64_t number, struct err *);
/* Output number `number` as a file, as delta.h's open_old() gives it. */
int built_open(struct built *, uint64_t number, int *fd, uint64_t *bytes, struct err *);

#endif
