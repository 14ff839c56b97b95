/*
 * wanted.h - a list of objects, each once.
 */
#ifndef HOSTING_WANTED_H
#define HOSTING_WANTED_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"

struct wanted {
	struct object *objects;
	size_t n, cap;
};

/* One that is there already is left out: the same path and hash. */
int wanted_add(struct wanted *, const struct object *, struct err *);
void wanted_clear(struct wanted *);

#endif
