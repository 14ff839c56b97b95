/*
 * map.h - where an address of the old image is in the new one.
 *
 * The copies of an output are the map: what was at an old address is, after the
 * copy, at a new one.  Between copies the nearest one before extends.  Overrides
 * name single targets that the copies guess wrong.
 *
 * Addresses are relative to image->low on either side, 32 bits.
 */
#ifndef APPLY_PATCH_MAP_H
#define APPLY_PATCH_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"

struct map_range {
	uint32_t from, bytes;	/* old */
	uint32_t to;		/* new */
};

/* An override: the ranges' answer for this one address is wrong by so much. */
struct map_point {
	uint32_t from, by;
};

struct map {
	struct map_range *ranges;	/* ascending, disjoint after map_settle() */
	size_t n_ranges, cap_ranges;
	const struct map_point *points;	/* ascending by from; borrowed */
	size_t n_points;
	struct arena *arena;
};

/* Room for `ranges` calls of map_add(); more are ignored.  No overrides: set points
 * and n_points for them. */
int map_open(struct map *, size_t ranges, struct arena *, struct err *);
void map_close(struct map *);
void map_add(struct map *, uint32_t from, uint32_t bytes, uint32_t to);
/* Sort the ranges and cut overlaps: the longer range has the bytes. */
void map_settle(struct map *);

/* By ranges alone: the one that holds it or the nearest before; itself if none. */
uint32_t map_guess(const struct map *, uint32_t address);
/* The same, put right by an override. */
uint32_t map_address(const struct map *, uint32_t address);

#endif
