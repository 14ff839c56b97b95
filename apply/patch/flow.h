/*
 * flow.h - bytes and numbers on their way from one part of the decoder to the next.
 */
#ifndef APPLY_PATCH_FLOW_H
#define APPLY_PATCH_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* Where bytes go, in order, in pieces of any size. */
struct sink {
	void *arg;
	int (*write)(void *arg, const uint8_t *data, size_t n, struct err *);
};

/* Where numbers come from; ERR_FORMAT when there are none left. */
struct numbers {
	void *arg;
	int (*next)(void *arg, uint64_t *out, struct err *);
};

#endif
