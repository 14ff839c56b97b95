/*
 * shape.h - what a tree is, in one value: names, types, modes, sizes, content,
 * link targets.  Owners and times are left out.
 */
#ifndef TESTS_CUT_SHAPE_H
#define TESTS_CUT_SHAPE_H

#include <stdbool.h>

#include "manifest/base/hash.h"

struct shape {
	bool there;
	struct sha256 sum;
};

struct shape shape_of(const char *path);
bool shape_equal(const struct shape *, const struct shape *);

/* The names of everything below, one a line, sorted; owned. */
char *shape_names(const char *path);

#endif
