/*
 * chain.h - the cheapest way from the tree a device has to the one it wants.
 *
 * Nodes are trees (by listing hash) and "nothing"; edges are deltas and fulls.
 * Weight: bytes to download.  Ties go to fewer hops, then to the newer
 * intermediate (the path whose releases, compared from the target backwards,
 * are larger first).  Dijkstra 1959 over (bytes, hops, releases).
 *
 * Constraints: an edge that was dropped, lacks a capability, wants more decoder
 * memory than allowed, or a path whose room is over the limit.
 */
#ifndef MANIFEST_CHAIN_H
#define MANIFEST_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"

enum { CHAIN_HOPS_MAX = 64 };

struct chain_edge {
	bool from_nothing;		/* a full */
	struct sha256 from, to;		/* trees */
	uint64_t release;		/* of `to`, for ties */
	uint64_t bytes;			/* still to download (0: in the spool) */
	uint64_t memory_bytes;
	uint64_t room_bytes;		/* objects and what it builds, on the disk */
	bool dropped;			/* failed before, or a capability lacks */
	const char *why;		/* why dropped; borrowed */
	const struct edge *edge;	/* whose it is; borrowed, may be NULL */
};

struct chain_want {
	bool has_tree;			/* false: start from nothing */
	struct sha256 tree;		/* what is there (start also from nothing) */
	struct sha256 target;
	uint64_t memory_limit;		/* UINT64_MAX: none */
	uint64_t room_limit;
	bool never_full;
};

struct chain {
	size_t hops[CHAIN_HOPS_MAX];	/* indexes into the edges, in order */
	size_t n;			/* 0: already there */
	uint64_t bytes;
	uint64_t room_bytes;		/* sum over the hops */
};

/* 1 found, 0 no path, -1 ERR_NOMEM. */
int chain_pick(const struct chain_edge *edges, size_t n, const struct chain_want *,
    struct chain *, struct err *);

/* Up to `max` best different chains, best first (Yen 1971), for `plan`.
 * A way that fetches the tree that is there already is not one of them.
 * Returns how many, -1 on error. */
int chain_list(const struct chain_edge *edges, size_t n, const struct chain_want *,
    struct chain *out, size_t max, struct err *);

#endif
