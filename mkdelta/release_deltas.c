#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/ability.h"
#include "apply/patch/packing.h"
#include "apply/patch/rule.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/chain.h"
#include "mkdelta/encode/delta_check.h"
#include "mkdelta/encode/delta_write.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/old_tree.h"

#include "mkdelta/release.h"

#define MEMORY_EACH ((uint64_t)1 << 30)

struct delta_item {
	struct release_tree *tree;
	struct release_delta *delta;
};

struct delta_pool {
	const struct release *release;
	struct delta_item *items;
	size_t n;
	unsigned jobs;			/* threads inside one delta */
	uint64_t memory_bytes;		/* for one delta */
};

/* A release that comes from another channel may have this delta there. */
static int
find_elsewhere(const struct release *r, const struct release_tree *t,
    struct release_delta *d, struct err *e)
{
	struct repo_role *channel = NULL;
	int rc = 0;

	while (rc == 0 && (channel = repo_next_channel(r->repo, channel)) != NULL) {
		char name[NAME_MAX_PATH];
		const struct repo_role *role = repo_role(r->repo,
		    role_of_platform(channel->name, t->platform, name));
		struct catalog c;

		if (role == NULL)
			continue;
		if (repo_catalog(r->repo, role, &c, e) == -1)
			return -1;
		for (size_t i = 0; rc == 0 && !d->elsewhere && i < c.n_edges; i++) {
			const struct edge *x = &c.edges[i];

			if (x->is_full ||
			    strcmp(x->object.path, d->edge.object.path) != 0)
				continue;
			edge_clear(&d->edge);
			rc = edge_copy(&d->edge, x, e);
			d->elsewhere = rc == 0;
		}
		catalog_clear(&c);
	}
	return rc;
}

/* Releases to make deltas from: the plan's, each tree once, the nearest first. */
static int
plan_tree(const struct release *r, struct release_tree *t, struct err *e)
{
	uint64_t from[EDGES_MAX];
	size_t n = edges_plan(t->old.n_records + 1, from);

	t->n_deltas = 0;
	for (size_t i = 0; i < n; i++) {
		const struct record *old = &t->old.records[from[i] - 1];
		struct release_delta *d = &t->deltas[t->n_deltas];
		struct target_name name = { TARGET_DELTA, r->number, old->release, "" };
		bool known = sha256_equal(&old->listing, &t->record.listing) ||
		    catalog_full(&t->old, old->release) == NULL;

		for (size_t k = 0; k < t->n_deltas; k++)
			known = known || sha256_equal(&old->listing,
			    &t->deltas[k].edge.from);
		if (known)
			continue;
		memset(d, 0, sizeof *d);
		d->from = old;
		d->edge.release = r->number;
		d->edge.from_release = old->release;
		d->edge.from = old->listing;
		d->edge.to = t->record.listing;
		d->edge.usable = true;
		(void)snprintf(name.platform, sizeof name.platform, "%s", t->platform);
		(void)target_path(&name, d->edge.object.path);
		(void)snprintf(d->temp, sizeof d->temp, "%s.from-%" PRIu64,
		    name.platform, old->release);
		t->n_deltas++;
		if (t->promoted != NULL && find_elsewhere(r, t, d, e) == -1)
			return -1;
	}
	return 0;
}

static int
set_needs(struct edge *x, const struct delta_stats *stats, struct err *e)
{
	char name[ABILITY_MAX];
	int rc = -1;

	if ((x->needs = jv_new_list()) != NULL)
		rc = jv_push(x->needs, jv_new_text("delta-1"));
	for (unsigned id = 0; rc == 0 && id < RULE_IDS; id++)
		if ((stats->rules >> id & 1) != 0)
			rc = jv_push(x->needs, jv_new_text(ability_of_rule(id, name)));
	for (size_t i = 0; rc == 0 && i < stats->n_codes; i++) {
		if (packing_need(stats->codes[i], stats->logs[i], name, e) == -1)
			return -1;
		rc = jv_push(x->needs, jv_new_text(name));
	}
	return rc == 0 ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* Write the delta from an old tree, then prove it with the device's decoder. */
static int
write_delta(const struct delta_pool *p, const struct release_tree *t,
    const struct old_tree *old, struct release_delta *d, int fd, struct err *e)
{
	struct delta_job job = { .from = old->listing, .to = t->listing,
		.from_dir = old->dir, .to_dir = t->in.dir, .jobs = p->jobs,
		.memory_bytes = p->memory_bytes,
		.effort = p->release->want->effort,
		.without = p->release->want->without };
	struct delta_stats stats;

	if (delta_write(&job, fd, &stats, e) == -1 ||
	    delta_check(old->listing, old->dir, t->listing, fd, e) == -1 ||
	    sha256_of_fd(fd, &d->edge.object.sha256, &d->edge.object.bytes, e) == -1)
		return -1;
	d->edge.output_bytes = stats.output_bytes;
	d->edge.memory_bytes = stats.memory_bytes;
	d->edge.scratch_bytes = stats.scratch_bytes;
	return set_needs(&d->edge, &stats, e);
}

static int
make_delta(void *arg, size_t i, struct err *e)
{
	const struct delta_pool *p = arg;
	struct release_tree *t = p->items[i].tree;
	struct release_delta *d = p->items[i].delta;
	const struct repo *repo = p->release->repo;
	struct old_tree old;
	int fd = -1, rc = -1;

	if (old_tree_open(repo, repo->work, d->from,
	    catalog_full(&t->old, d->from->release), &old, e) == -1)
		return -1;
	if ((fd = fs_create(repo->work, d->temp, 0644, e)) != -1)
		rc = write_delta(p, t, &old, d, fd, e);
	if (fd != -1)
		(void)close(fd);
	old_tree_close(&old);
	if (rc == -1)
		return err_wrap(e, "%s: delta from release %" PRIu64, t->platform,
		    d->from->release);
	progress_add(t->record.content_bytes);
	return 0;
}

static struct chain_edge
chain_edge_of(const struct edge *x)
{
	return (struct chain_edge){ .from_nothing = x->is_full, .from = x->from,
		.to = x->to, .release = x->release, .bytes = x->object.bytes,
		.dropped = !x->usable, .edge = x };
}

uint64_t
release_cost(const struct release_tree *t, const struct record *from)
{
	struct chain_want want = { .has_tree = from != NULL, .target = t->record.listing,
		.memory_limit = UINT64_MAX, .room_limit = UINT64_MAX };
	struct chain_edge *edges = calloc(t->old.n_edges + t->n_deltas + 1,
	    sizeof *edges);
	struct err ignored = ERR_INIT;
	struct chain chain;
	uint64_t bytes = UINT64_MAX;
	size_t n = 0;

	if (edges == NULL)
		return bytes;
	if (from != NULL)
		want.tree = from->listing;
	for (size_t i = 0; i < t->old.n_edges; i++)
		edges[n++] = chain_edge_of(&t->old.edges[i]);
	edges[n++] = chain_edge_of(&t->full);
	for (size_t i = 0; i < t->n_deltas; i++)
		if (t->deltas[i].kept)
			edges[n++] = chain_edge_of(&t->deltas[i].edge);
	if (chain_pick(edges, n, &want, &chain, &ignored) == 1)
		bytes = chain.bytes;
	free(edges);
	return bytes;
}

/* The nearest first, so that far ones are measured against what those offer. */
static void
keep_or_drop(struct release_tree *t)
{
	for (size_t i = 0; i < t->n_deltas; i++) {
		struct release_delta *d = &t->deltas[i];
		uint64_t instead = release_cost(t, d->from);

		d->kept = d->edge.object.bytes < instead;
		if (!d->kept)
			d->instead_bytes = instead;
	}
}

int
release_deltas(struct release *r, struct err *e)
{
	struct delta_pool p = { .release = r };
	unsigned threads = jobs_count(r->want->jobs), at_once;
	uint64_t total = 0;
	int rc;

	for (size_t i = 0; i < r->n; i++)
		if (plan_tree(r, &r->trees[i], e) == -1)
			return -1;
	if ((p.items = calloc(RELEASE_TREES_MAX * EDGES_MAX, sizeof *p.items)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->trees[i].n_deltas; k++) {
			if (r->trees[i].deltas[k].elsewhere)
				continue;
			p.items[p.n].tree = &r->trees[i];
			p.items[p.n++].delta = &r->trees[i].deltas[k];
			total += r->trees[i].record.content_bytes;
		}
	at_once = p.n < threads ? (unsigned)p.n : threads;
	if (at_once > 0) {
		p.jobs = threads / at_once;
		p.memory_bytes = r->want->memory_bytes == 0 ? MEMORY_EACH :
		    r->want->memory_bytes / at_once;
	}
	progress_start("deltas", total, true);
	rc = at_once == 0 ? 0 : jobs_run(at_once, p.n, make_delta, &p, e);
	progress_end();
	free(p.items);
	for (size_t i = 0; rc == 0 && i < r->n; i++)
		keep_or_drop(&r->trees[i]);
	return rc;
}
