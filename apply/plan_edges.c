#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/decoder.h"
#include "apply/spool.h"

#include "apply/plan_edges.h"

enum { SLACK_BYTES = 1 << 20, SLACK_PER_FILE = 512 };

static uint64_t
sum(uint64_t a, uint64_t b)
{
	uint64_t s;

	return u64_add(a, b, &s) == 0 ? s : UINT64_MAX;
}

uint64_t
plan_slack_bytes(const struct record *to)
{
	uint64_t files;

	if (u64_mul(to->files, SLACK_PER_FILE, &files) == -1)
		return UINT64_MAX;
	return sum(SLACK_BYTES, files);
}

static uint64_t
still_to_fetch(const struct device *d, const struct object *o)
{
	return o->bytes - spool_have_bytes(d, o);
}

static bool
is_bad(const struct sha256 *id, const struct sha256 *bad, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sha256_equal(id, &bad[i]))
			return true;
	return false;
}

uint64_t
plan_full_bytes(const struct catalog *c, const struct record *r)
{
	const struct edge *full = catalog_full(c, r->release);

	return full == NULL ? 0 : sum(full->object.bytes, r->object.bytes);
}

static void
set_dropped(struct chain_edge *out, const char *why)
{
	out->dropped = true;
	out->why = why;
}

static void
fill(const struct device *d, const struct catalog *c, const struct edge *x,
    const struct sha256 *bad, size_t n_bad, struct chain_edge *out)
{
	const struct record *r = catalog_record(c, x->release);
	const char *missing;

	out->from_nothing = x->is_full;
	out->from = x->from;
	out->to = x->to;
	out->release = x->release;
	out->bytes = still_to_fetch(d, &x->object);
	out->memory_bytes = x->memory_bytes;
	out->edge = x;
	/* A delta carries the listing of what it makes, a full does not. */
	if (x->is_full && r != NULL)
		out->bytes = sum(out->bytes, still_to_fetch(d, &r->object));
	out->room_bytes = sum(out->bytes, sum(x->output_bytes, x->scratch_bytes));
	if (!x->usable)
		set_dropped(out,
		    "is marked with something this delta-apply does not know");
	else if (!needs_met(x->needs, decoder_knows, &missing))
		set_dropped(out, "needs a newer delta-apply");
	else if (is_bad(&x->object.sha256, bad, n_bad) ||
	    (x->is_full && r != NULL && is_bad(&r->object.sha256, bad, n_bad)))
		set_dropped(out, "failed in this run");
}

/* Room counts here only where everything stands on one filesystem; preflight
 * looks at each where there are two. */
static int
room_limit(const struct device *d, const struct record *to, uint64_t *limit,
    struct err *e)
{
	uint64_t bytes, inodes, slack = plan_slack_bytes(to);
	struct stat state, releases;

	*limit = UINT64_MAX;
	if (fstat(d->state, &state) == -1 || fstat(d->releases, &releases) == -1)
		return err_sys(e, "%s", d->root_path);
	if (state.st_dev != releases.st_dev)
		return 0;
	if (fs_room(d->releases, &bytes, &inodes, e) == -1)
		return -1;
	*limit = bytes > slack ? bytes - slack : 0;
	return 0;
}

int
plan_graph_make(const struct device *d, const struct catalog *c, const struct live *live,
    const struct record *to, const struct sha256 *bad, size_t n_bad, struct plan_graph *g,
    struct err *e)
{
	memset(g, 0, sizeof *g);
	g->want.has_tree = live->release != 0 && live->has_record;
	g->want.tree = live->listing;
	g->want.target = to->listing;
	g->want.memory_limit = d->conf->memory_bytes;
	g->want.never_full = d->conf->never_full;
	if (room_limit(d, to, &g->want.room_limit, e) == -1)
		return -1;
	if ((g->edges = calloc(c->n_edges + 1, sizeof *g->edges)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a plan");
	for (size_t i = 0; i < c->n_edges; i++)
		fill(d, c, &c->edges[i], bad, n_bad, &g->edges[i]);
	g->n = c->n_edges;
	return 0;
}

void
plan_graph_clear(struct plan_graph *g)
{
	free(g->edges);
	memset(g, 0, sizeof *g);
}
