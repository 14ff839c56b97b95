/*
 * overrides.h - targets that the copies of an output map to the wrong place.
 *
 * Each reference that is copied votes: its old target became that new target.  Where
 * most votes for a target differ from what the map says, and an override costs less
 * than the wrong operands, it is one.
 */
#ifndef MKDELTA_ENCODE_OVERRIDES_H
#define MKDELTA_ENCODE_OVERRIDES_H

#include <stddef.h>

#include "apply/patch/map.h"
#include "apply/patch/predict.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/image_side.h"

/* *out is the caller's to free, ascending, *n of them. */
int overrides_find(const struct image_side *old, const struct image_side *new,
    const struct pair *, const struct copies *, const struct map *,
    struct map_point **out, size_t *n, struct err *);

#endif
