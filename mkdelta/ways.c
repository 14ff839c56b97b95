#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/ways.h"

int
way_pick(const struct catalog *c, const struct record *from, const struct record *to,
    struct way *way, struct err *e)
{
	struct chain_edge *edges = calloc(c->n_edges + 1, sizeof *edges);
	struct chain_want want = { .has_tree = from != NULL, .target = to->listing,
		.memory_limit = UINT64_MAX, .room_limit = UINT64_MAX };
	struct chain chain;
	int found;

	memset(way, 0, sizeof *way);
	if (edges == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (from != NULL)
		want.tree = from->listing;
	for (size_t i = 0; i < c->n_edges; i++) {
		const struct edge *x = &c->edges[i];

		edges[i] = (struct chain_edge){ .from_nothing = x->is_full,
			.from = x->from, .to = x->to, .release = x->release,
			.bytes = x->object.bytes, .dropped = !x->usable, .edge = x };
	}
	if ((found = chain_pick(edges, c->n_edges, &want, &chain, e)) == 1) {
		way->bytes = chain.bytes;
		way->n = chain.n;
		for (size_t i = 0; i < chain.n; i++)
			way->hops[i] = edges[chain.hops[i]].edge;
	}
	free(edges);
	return found;
}

const char *
way_text(char out[static WAY_TEXT_MAX], const struct way *way)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < way->n; i++) {
		const struct edge *x = way->hops[i];

		if (x->is_full)
			at += (size_t)snprintf(out + at, WAY_TEXT_MAX - at, "full%s",
			    way->n > 1 ? " " : "");
		else if (i == 0)
			at += (size_t)snprintf(out + at, WAY_TEXT_MAX - at, "%" PRIu64,
			    x->from_release);
		if (!x->is_full || way->n > 1)
			at += (size_t)snprintf(out + at, WAY_TEXT_MAX - at, "%s%" PRIu64,
			    x->is_full ? "" : " > ", x->release);
	}
	return out;
}
