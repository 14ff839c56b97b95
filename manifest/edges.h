/*
 * edges.h - which deltas a channel's list gets, as numbers of positions in it.
 *
 * Position p (1 is the oldest) gets deltas from p - 2^i for every 2^i that divides
 * p, and, when it is made, being the newest, also from the last three.  So any two
 * positions a < b are joined by at most 2 log2(b) deltas, whatever was skipped.
 */
#ifndef MANIFEST_EDGES_H
#define MANIFEST_EDGES_H

#include <stddef.h>
#include <stdint.h>

enum { EDGES_MAX = 66 };

/* Positions to make deltas from for position p, the nearest first, each >= 1 and
 * once.  Returns how many. */
size_t edges_plan(uint64_t p, uint64_t from[static EDGES_MAX]);

#endif
