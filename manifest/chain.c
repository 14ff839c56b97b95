/*
 * chain.c - label-setting search over trees (Martins 1984 for the room limit).
 *
 * A label is one way to a node: its last edge and the label before it.  Labels
 * are settled in the order of preference (bytes, hops, newer intermediates);
 * a node keeps a later label only if it needs less room or fewer hops than
 * every one settled there, so the first label to reach the target is the best
 * chain that fits the limits.  Without limits this is Dijkstra's algorithm.
 *
 * Yen's algorithm needs ways between any two nodes with edges and nodes taken
 * out, so the search works on node numbers and on bars.
 */
#include <stdlib.h>
#include <string.h>

#include "manifest/chain.h"

enum { NODE_NOTHING = 0 };	/* where a full starts; other nodes are trees */
enum { LABELS_MAX = 1 << 20 };	/* hostile graphs end here, as "no path" */
#define NO_LABEL SIZE_MAX

struct label {
	size_t node, parent, edge;	/* parent NO_LABEL: a start */
	uint64_t bytes, room;
	uint32_t hops;
	bool settled;
};

struct graph {
	const struct chain_edge *edges;
	size_t n_edges;
	const struct chain_want *want;
	struct sha256 *trees;	/* of each node; [NODE_NOTHING] unused */
	bool *node_barred;
	size_t n_nodes;
	size_t *from, *to;	/* node numbers of each edge */
	bool *barred;		/* edges out of play */
	size_t target;
	size_t start;		/* the tree that is there, or NODE_NOTHING */
	struct label *labels;
	size_t n_labels, cap_labels;
};

static size_t
node_of(struct graph *g, const struct sha256 *tree)
{
	for (size_t i = 1; i < g->n_nodes; i++)
		if (sha256_equal(&g->trees[i], tree))
			return i;
	g->trees[g->n_nodes] = *tree;
	return g->n_nodes++;
}

static void
graph_free(struct graph *g)
{
	free(g->trees);
	free(g->node_barred);
	free(g->from);
	free(g->to);
	free(g->barred);
	free(g->labels);
}

static bool
edge_fits(const struct chain_edge *edge, const struct chain_want *want)
{
	return !edge->dropped && edge->memory_bytes <= want->memory_limit &&
	    !(edge->from_nothing && want->never_full);
}

static void
unbar_all(struct graph *g)
{
	for (size_t i = 0; i < g->n_edges; i++)
		g->barred[i] = !edge_fits(&g->edges[i], g->want);
	memset(g->node_barred, 0, g->n_nodes * sizeof *g->node_barred);
}

static int
graph_make(struct graph *g, const struct chain_edge *edges, size_t n,
    const struct chain_want *want, struct err *e)
{
	memset(g, 0, sizeof *g);
	g->edges = edges;
	g->n_edges = n;
	g->want = want;
	g->trees = calloc(2 * n + 3, sizeof *g->trees);
	g->node_barred = calloc(2 * n + 3, sizeof *g->node_barred);
	g->from = calloc(n + 1, sizeof *g->from);
	g->to = calloc(n + 1, sizeof *g->to);
	g->barred = calloc(n + 1, sizeof *g->barred);
	if (g->trees == NULL || g->node_barred == NULL || g->from == NULL ||
	    g->to == NULL || g->barred == NULL) {
		graph_free(g);
		return err_set(e, ERR_NOMEM, "out of memory for %zu edges", n);
	}
	g->n_nodes = 1;
	g->target = node_of(g, &want->target);
	g->start = want->has_tree ? node_of(g, &want->tree) : NODE_NOTHING;
	for (size_t i = 0; i < n; i++) {
		g->from[i] = edges[i].from_nothing ? NODE_NOTHING :
		    node_of(g, &edges[i].from);
		g->to[i] = node_of(g, &edges[i].to);
	}
	unbar_all(g);
	return 0;
}

/* Releases of the trees between, nearest to the target first: larger wins.
 * The labels stand at one node and have equally many hops. */
static int
compare_intermediates(const struct graph *g, size_t a, size_t b)
{
	const struct label *l = g->labels;
	size_t pa = l[a].parent, pb = l[b].parent;

	for (; pa != pb && l[pa].hops > 0 && l[pb].hops > 0;
	    pa = l[pa].parent, pb = l[pb].parent) {
		uint64_t ra = g->edges[l[pa].edge].release;
		uint64_t rb = g->edges[l[pb].edge].release;

		if (ra != rb)
			return ra > rb ? -1 : 1;
	}
	return 0;
}

/* <0: label a is preferred.  Equal ones: the one found first. */
static int
compare_labels(const struct graph *g, size_t a, size_t b)
{
	const struct label *la = &g->labels[a], *lb = &g->labels[b];
	int order = 0;

	if (la->bytes != lb->bytes)
		return la->bytes < lb->bytes ? -1 : 1;
	if (la->hops != lb->hops)
		return la->hops < lb->hops ? -1 : 1;
	if (la->node == lb->node && la->hops > 0)
		order = compare_intermediates(g, a, b);
	if (order != 0)
		return order;
	return a < b ? -1 : 1;
}

static uint64_t
add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int
label_add(struct graph *g, const struct label *label, struct err *e)
{
	size_t cap = g->cap_labels == 0 ? 64 : g->cap_labels * 2;
	struct label *grown;

	if (g->n_labels == g->cap_labels) {
		grown = realloc(g->labels, cap * sizeof *grown);
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for labels");
		g->labels = grown;
		g->cap_labels = cap;
	}
	g->labels[g->n_labels++] = *label;
	return 0;
}

/* Is some label at the node at least as good in room and hops already? */
static bool
dominated(const struct graph *g, const struct label *label)
{
	for (size_t i = 0; i < g->n_labels; i++) {
		const struct label *other = &g->labels[i];

		if (other->settled && other->node == label->node &&
		    other->room <= label->room && other->hops <= label->hops)
			return true;
	}
	return false;
}

static bool
visited(const struct graph *g, size_t label, size_t node)
{
	for (; label != NO_LABEL; label = g->labels[label].parent)
		if (g->labels[label].node == node)
			return true;
	return false;
}

static int
relax(struct graph *g, size_t at, struct err *e)
{
	for (size_t i = 0; i < g->n_edges && g->n_labels < LABELS_MAX; i++) {
		struct label next = { .node = g->to[i], .parent = at, .edge = i };

		if (g->from[i] != g->labels[at].node || g->barred[i] ||
		    g->node_barred[next.node] || g->labels[at].hops == CHAIN_HOPS_MAX)
			continue;
		next.bytes = add_capped(g->labels[at].bytes, g->edges[i].bytes);
		next.room = add_capped(g->labels[at].room, g->edges[i].room_bytes);
		next.hops = g->labels[at].hops + 1;
		if (next.room > g->want->room_limit || visited(g, at, next.node) ||
		    dominated(g, &next))
			continue;
		if (label_add(g, &next, e) == -1)
			return -1;
	}
	return 0;
}

static size_t
best_open(const struct graph *g)
{
	size_t best = NO_LABEL;

	for (size_t i = 0; i < g->n_labels; i++)
		if (!g->labels[i].settled &&
		    (best == NO_LABEL || compare_labels(g, i, best) < 0))
			best = i;
	return best;
}

static void
chain_of(const struct graph *g, size_t at, const struct chain *root, struct chain *out)
{
	const struct label *last = &g->labels[at];

	*out = *root;
	out->n = last->hops;
	out->bytes = last->bytes;
	out->room_bytes = last->room;
	for (; g->labels[at].parent != NO_LABEL; at = g->labels[at].parent)
		out->hops[g->labels[at].hops - 1] = g->labels[at].edge;
}

/* From the labels that are there to the target: 1 found, 0 not, -1.  `root` is
 * the chain that leads to them. */
static int
search(struct graph *g, const struct chain *root, struct chain *out, struct err *e)
{
	size_t at;

	while ((at = best_open(g)) != NO_LABEL) {
		/* One preferred to it may have been settled since it was made. */
		bool useless = dominated(g, &g->labels[at]);

		if (g->labels[at].node == g->target) {
			chain_of(g, at, root, out);
			return 1;
		}
		g->labels[at].settled = true;
		if (!useless && relax(g, at, e) == -1)
			return -1;
	}
	return 0;
}

static int
start_at(struct graph *g, size_t node, const struct chain *root, struct err *e)
{
	struct label start = { .node = node, .parent = NO_LABEL, .bytes = root->bytes,
		.room = root->room_bytes, .hops = (uint32_t)root->n };

	return label_add(g, &start, e);
}

/* Every way begins at the tree that is there and at nothing as well. */
static int
search_from_start(struct graph *g, struct chain *out, struct err *e)
{
	struct chain none = { 0 };

	g->n_labels = 0;
	if (start_at(g, NODE_NOTHING, &none, e) == -1 ||
	    (g->start != NODE_NOTHING && start_at(g, g->start, &none, e) == -1))
		return -1;
	return search(g, &none, out, e);
}

int
chain_pick(const struct chain_edge *edges, size_t n, const struct chain_want *want,
    struct chain *out, struct err *e)
{
	struct graph g;
	int found;

	if (graph_make(&g, edges, n, want, e) == -1)
		return -1;
	found = search_from_start(&g, out, e);
	graph_free(&g);
	return found;
}

/*
 * Yen: the next best chain leaves one already found at some hop, its "spur".
 */
static void
bar_shared_prefix(struct graph *g, const struct chain *known, size_t n_known,
    const struct chain *base, size_t spur)
{
	for (size_t k = 0; k < n_known; k++)
		if (known[k].n > spur &&
		    memcmp(known[k].hops, base->hops, spur * sizeof base->hops[0]) == 0)
			g->barred[known[k].hops[spur]] = true;
}

/* The best chain that leaves `base` at hop `spur`: 1 found, 0 not, -1. */
static int
spur_chain(struct graph *g, const struct chain *known, size_t n_known,
    const struct chain *base, size_t spur, struct chain *out, struct err *e)
{
	struct chain root = { .n = 0 };

	unbar_all(g);
	bar_shared_prefix(g, known, n_known, base, spur);
	if (spur == 0)
		return search_from_start(g, out, e);
	for (size_t k = 0; k < spur; k++) {
		const struct chain_edge *edge = &g->edges[base->hops[k]];

		g->node_barred[g->from[base->hops[k]]] = true;
		root.hops[root.n++] = base->hops[k];
		root.bytes = add_capped(root.bytes, edge->bytes);
		root.room_bytes = add_capped(root.room_bytes, edge->room_bytes);
	}
	/* Nobody fetches the tree that is there already. */
	g->node_barred[g->start] = true;
	g->n_labels = 0;
	if (start_at(g, g->from[base->hops[spur]], &root, e) == -1)
		return -1;
	return search(g, &root, out, e);
}

static int
compare_chains(const struct graph *g, const struct chain *a, const struct chain *b)
{
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (size_t k = 2; k <= a->n; k++) {
		uint64_t ra = g->edges[a->hops[a->n - k]].release;
		uint64_t rb = g->edges[b->hops[b->n - k]].release;

		if (ra != rb)
			return ra > rb ? -1 : 1;
	}
	return 0;
}

static bool
is_known(const struct chain *list, size_t n, const struct chain *c)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].n == c->n &&
		    memcmp(list[i].hops, c->hops, c->n * sizeof c->hops[0]) == 0)
			return true;
	return false;
}

/* Keep the `max` best candidates, sorted. */
static void
offer(const struct graph *g, struct chain *list, size_t *n, size_t max,
    const struct chain *c)
{
	size_t at = *n;

	if (is_known(list, *n, c))
		return;
	while (at > 0 && compare_chains(g, c, &list[at - 1]) < 0)
		at--;
	if (at == max)
		return;
	if (*n < max)
		(*n)++;
	memmove(&list[at + 1], &list[at], (*n - at - 1) * sizeof *list);
	list[at] = *c;
}

static int
offer_spurs(struct graph *g, const struct chain *out, size_t n, struct chain *candidates,
    size_t *waiting, size_t max, struct err *e)
{
	const struct chain *base = &out[n - 1];
	struct chain found;
	int rc;

	for (size_t spur = 0; spur < base->n; spur++) {
		if ((rc = spur_chain(g, out, n, base, spur, &found, e)) == -1)
			return -1;
		if (rc == 1 && !is_known(out, n, &found))
			offer(g, candidates, waiting, max, &found);
	}
	return 0;
}

static int
yen(struct graph *g, struct chain *out, size_t max, struct chain *candidates,
    struct err *e)
{
	size_t n, waiting = 0;
	int rc;

	if (max == 0 || (rc = search_from_start(g, &out[0], e)) == 0)
		return 0;
	if (rc == -1)
		return -1;
	for (n = 1; n < max; n++) {
		if (offer_spurs(g, out, n, candidates, &waiting, max, e) == -1)
			return -1;
		if (waiting == 0)
			break;
		out[n] = candidates[0];
		waiting--;
		memmove(candidates, candidates + 1, waiting * sizeof *candidates);
	}
	return (int)n;
}

int
chain_list(const struct chain_edge *edges, size_t n, const struct chain_want *want,
    struct chain *out, size_t max, struct err *e)
{
	struct chain *candidates;
	struct graph g;
	int found = -1;

	if ((candidates = calloc(max + 1, sizeof *candidates)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (graph_make(&g, edges, n, want, e) == 0) {
		found = yen(&g, out, max, candidates, e);
		graph_free(&g);
	}
	free(candidates);
	return found;
}
