/*
 * wanted.h - a list of objects, each once.
 */
#ifndef HOSTING_WANTED_H
#define HOSTING_WANTED_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"

#include "hosting/site.h"

struct wanted {
	struct object *objects;
	size_t n, cap;
};

/* One that is there already is left out: the same path and hash. */
int wanted_add(struct wanted *, const struct object *, struct err *);
/* How many of them a folder lacks, and has, whole. */
int wanted_missing(const struct wanted *, int dir, uint64_t *objects, uint64_t *bytes,
    uint64_t *kept, struct err *);
/* Those come from the site; on their way they lie in dir/parts, which is there. */
int wanted_fetch(const struct wanted *, const struct site *, int dir, const char *parts,
    struct err *);
void wanted_clear(struct wanted *);

#endif
