/*
 * plan_edges.h - the catalog as the planner sees it, between plan*.c.
 */
#ifndef APPLY_PLAN_EDGES_H
#define APPLY_PLAN_EDGES_H

#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/chain.h"
#include "manifest/record.h"

#include "apply/device.h"

struct plan_graph {
	struct chain_edge *edges;	/* one for each edge of the catalog */
	size_t n;
	struct chain_want want;
};

/* Room that the numbers leave open: folders, blocks that are not full. */
uint64_t plan_slack_bytes(const struct record *to);

/* What is in the spool already costs nothing.  `bad` are objects not to use. */
int plan_graph_make(const struct device *, const struct catalog *, const struct live *,
    const struct record *to, const struct sha256 *bad, size_t n_bad, struct plan_graph *,
    struct err *);
void plan_graph_clear(struct plan_graph *);

/* What the full of this release costs altogether, its listing included; 0: there
 * is none. */
uint64_t plan_full_bytes(const struct catalog *, const struct record *);

#endif
