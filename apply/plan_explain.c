/*
 * plan_explain.c - the ways that are offered, best first, and why they lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/plan_edges.h"
#include "apply/state_json.h"

#include "apply/plan.h"

enum { WAYS_MAX = 8, NOTE_MAX = 128 };

static struct jv *
hop_to_json(const struct chain_edge *edge, bool from_live, uint64_t live)
{
	const struct edge *x = edge->edge;
	struct jv *v = jv_new_object();

	json_put_text(&v, "kind", x->is_full ? "full" : "delta");
	if (!x->is_full)
		json_put_u64(&v, "from", from_live ? live : x->from_release);
	json_put_u64(&v, "to", x->release);
	json_put_u64(&v, "bytes", edge->bytes);
	return v;
}

/* Why this way and not the best one. */
static void
note_of(char out[static NOTE_MAX], size_t rank, const struct chain *c,
    const struct chain *best)
{
	char more[BYTES_TEXT_MAX];

	if (rank == 0)
		(void)snprintf(out, NOTE_MAX, "the fewest bytes");
	else if (c->bytes > best->bytes)
		(void)snprintf(out, NOTE_MAX, "%s more",
		    bytes_text(more, c->bytes - best->bytes));
	else if (c->n > best->n)
		(void)snprintf(out, NOTE_MAX, "as many bytes, more hops");
	else
		(void)snprintf(out, NOTE_MAX, "as many bytes, through older releases");
}

static struct jv *
way_to_json(const struct plan_graph *g, const struct chain *c, const char *note,
    bool chosen, uint64_t live)
{
	struct jv *v = jv_new_object(), *hops = jv_new_list();

	for (size_t i = 0; i < c->n; i++)
		json_push(&hops, hop_to_json(&g->edges[c->hops[i]], i == 0, live));
	json_put_bool(&v, "chosen", chosen);
	json_put(&v, "hops", hops);
	json_put_u64(&v, "bytes", c->bytes);
	json_put_u64(&v, "room-bytes", c->room_bytes);
	json_put_text(&v, "why", note);
	return v;
}

/* May there be ways that only a limit of this device keeps out?  Looking for them
 * costs as much again. */
static bool
is_limited(const struct plan_graph *g, int found)
{
	if (g->want.never_full || (found < WAYS_MAX && g->want.room_limit != UINT64_MAX))
		return true;
	for (size_t i = 0; i < g->n; i++)
		if (g->edges[i].memory_bytes > g->want.memory_limit)
			return true;
	return false;
}

/* The ways that fit, then those that only a limit keeps out. */
static int
put_ways(struct jv **list, struct plan_graph *g, uint64_t live, struct err *e)
{
	struct chain ways[WAYS_MAX];
	struct chain_want limits = g->want;
	int n = chain_list(g->edges, g->n, &g->want, ways, WAYS_MAX, e);

	for (int i = 0; i < n; i++) {
		char note[NOTE_MAX];

		note_of(note, (size_t)i, &ways[i], &ways[0]);
		json_push(list, way_to_json(g, &ways[i], note, i == 0, live));
	}
	if (n == -1 || !is_limited(g, n))
		return n == -1 ? -1 : 0;
	g->want.memory_limit = g->want.room_limit = UINT64_MAX;
	g->want.never_full = false;
	n = chain_list(g->edges, g->n, &g->want, ways, WAYS_MAX, e);
	for (int i = 0; i < n; i++) {
		const char *why = NULL;

		if (ways[i].room_bytes > limits.room_limit)
			why = "not enough room";
		for (size_t k = 0; k < ways[i].n; k++) {
			const struct chain_edge *edge = &g->edges[ways[i].hops[k]];

			if (edge->memory_bytes > limits.memory_limit)
				why = "more memory than app.memory";
			else if (edge->from_nothing && limits.never_full)
				why = "device.never-full";
		}
		if (why != NULL)
			json_push(list, way_to_json(g, &ways[i], why, false, live));
	}
	return n == -1 ? -1 : 0;
}

static struct jv *
dropped_to_json(const struct plan_graph *g)
{
	struct jv *list = jv_new_list();

	for (size_t i = 0; i < g->n; i++) {
		const struct chain_edge *edge = &g->edges[i];
		struct jv *v;

		if (!edge->dropped)
			continue;
		v = hop_to_json(edge, false, 0);
		json_put_text(&v, "why", edge->why);
		json_push(&list, v);
	}
	return list;
}

static void
put_totals(struct jv **v, const struct device *d, const struct plan *p)
{
	json_put_u64(v, "from", p->from);
	json_put_text(v, "from-version", p->from_record.version);
	json_put_u64(v, "to", p->to.release);
	json_put_text(v, "to-version", p->to.version);
	json_put_text(v, "channel", d->conf->channel);
	json_put_text(v, "platform", p->to.platform);
	json_put_u64(v, "download-bytes", p->download_bytes);
	json_put_u64(v, "full-bytes", p->full_bytes);
	json_put_u64(v, "room-bytes", p->peak_bytes);
	json_put_u64(v, "memory-bytes", p->memory_bytes);
}

struct jv *
plan_explain(const struct device *d, const struct catalog *c, const struct live *live,
    const struct plan *p, struct err *e)
{
	struct jv *v = jv_new_object(), *ways = jv_new_list();
	struct plan_graph g;

	if (plan_graph_make(d, c, live, &p->to, NULL, 0, &g, e) == -1 ||
	    put_ways(&ways, &g, live->release, e) == -1) {
		plan_graph_clear(&g);
		jv_free(v);
		jv_free(ways);
		return NULL;
	}
	json_put_text(&v, "name", d->conf->name);
	put_totals(&v, d, p);
	json_put(&v, "ways", ways);
	json_put(&v, "left-out", dropped_to_json(&g));
	plan_graph_clear(&g);
	return json_done(v, e);
}
