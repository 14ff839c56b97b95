/*
 * remains.h - what copies leave of a file: the rest of it, joined.
 */
#ifndef MKDELTA_ENCODE_REMAINS_H
#define MKDELTA_ENCODE_REMAINS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* Bytes of a file, and where they are in what was joined. */
struct stretch {
	uint64_t at, bytes, joined_at;
};

struct remains {
	struct stretch *list;	/* owned, ascending */
	size_t n, cap;
	uint8_t *bytes;		/* owned: all of them, one behind the other */
	uint64_t n_bytes;
};

/* Stretches of the file, ascending by `at`: joined_at means nothing.  They may overlap
 * in `covered`.  Within those of `inside` short remains are dropped: they are as new
 * there as anywhere. */
struct stretches {
	const struct stretch *list;
	size_t n;
};

/* In memory up to so many bytes: mapped_room(). */
int remains_find(const uint8_t *, uint64_t n, struct stretches covered,
    struct stretches inside, uint64_t memory_bytes, struct remains *, struct err *);
void remains_free(struct remains *);

/* The index of the stretch that a joined byte is of, or of the next; n: none. */
size_t stretch_at(const struct stretch *, size_t n, uint64_t joined_at);

#endif
