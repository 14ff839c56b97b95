/*
 * old.h - the old side of an output: bytes read by position.
 *
 * One file, or several one behind the other; whoever makes it knows.  Rules and
 * copies see offsets in the whole.
 */
#ifndef APPLY_PATCH_OLD_H
#define APPLY_PATCH_OLD_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct old {
	void *arg;
	/* Exactly n bytes from `at` on; at + n <= bytes is the caller's duty. */
	int (*read)(void *arg, void *out, size_t n, uint64_t at, struct err *);
	uint64_t bytes;
};

/* n bytes from `at`, checked: ERR_FORMAT when they reach past the end. */
int old_read(const struct old *, void *out, size_t n, uint64_t at, struct err *);

#endif
