#include <sys/vfs.h>
#include <unistd.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/persist.h"
#include "apply/plan_edges.h"

#include "apply/plan.h"

/* Files over 2 GiB on 32-bit devices. */
_Static_assert(sizeof(off_t) == 8, "needs 64-bit file offsets");

enum { INODES_SPARE = 64 };

void
plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n_hops; i++) {
		edge_clear(&p->hops[i]);
		record_clear(&p->trees[i]);
	}
	free(p->hops);
	free(p->trees);
	record_clear(&p->from_record);
	record_clear(&p->to);
	memset(p, 0, sizeof *p);
}

/* What runs, as its signed record said: from the catalog, else from its tree.
 * A tree without one stays unknown. */
static int
find_from(const struct device *d, const struct catalog *c, const struct live *live,
    struct plan *p, struct err *e)
{
	const struct record *r = catalog_record(c, live->release);
	struct err why = ERR_INIT;
	int tree;

	p->from = live->release;
	if (live->release == 0 || !live->has_record)
		return 0;
	if (r != NULL && sha256_equal(&r->listing, &live->listing))
		return record_copy(&p->from_record, r, e);
	if ((tree = live_open_tree(d, live->release, &why)) == -1)
		return 0;
	if (tree_record_read(tree, &p->from_record, NULL, &why) == -1)
		memset(&p->from_record, 0, sizeof p->from_record);
	(void)close(tree);
	return 0;
}

static int
add_hop(struct plan *p, const struct catalog *c, const struct edge *x, struct err *e)
{
	const struct record *r = catalog_record(c, x->release);

	if (r == NULL)
		return err_set(e, ERR_FORMAT, "%s: makes a tree without a record",
		    x->object.path);
	if (edge_copy(&p->hops[p->n_hops], x, e) == -1)
		return -1;
	if (record_copy(&p->trees[p->n_hops], r, e) == -1) {
		edge_clear(&p->hops[p->n_hops]);
		return -1;
	}
	p->n_hops++;
	if (x->memory_bytes > p->memory_bytes)
		p->memory_bytes = x->memory_bytes;
	return 0;
}

/* Does a copy share its bytes with what it was made of (btrfs, XFS)? */
static bool
copies_share(const struct device *d)
{
	struct statfs fs;

	return fstatfs(d->releases, &fs) == 0 &&
	    ((uint64_t)fs.f_type == 0x9123683e || (uint64_t)fs.f_type == 0x58465342);
}

/* Are files that do not change copied rather than shared?  reuse.h decides for
 * each; here it is only counted, and in doubt they are. */
static bool
copies_unchanged(const struct device *d)
{
	if (d->conf->reuse == REUSE_COPY)
		return true;
	/* Links are for root's own files alone. */
	if (geteuid() == 0 && (!d->conf->owner_set || d->conf->owner_uid == 0) &&
	    d->conf->reuse != REUSE_REFLINK)
		return false;
	return !copies_share(d);
}

/* What persist-copy will copy out of the tree that runs. */
static int
count_copies(const struct device *d, uint64_t from, uint64_t *bytes, uint64_t *inodes,
    struct err *e)
{
	struct err why = ERR_INIT;
	int tree, rc;

	*bytes = *inodes = 0;
	if (from == 0 || d->conf->persist_copy.n == 0)
		return 0;
	if ((tree = live_open_tree(d, from, &why)) == -1)
		return 0;	/* what cannot be opened is not copied either */
	rc = persist_copy_room(d, tree, bytes, inodes, e);
	(void)close(tree);
	if (copies_share(d))
		*bytes = 0;
	return rc;
}

static int
count_room(const struct device *d, struct plan *p, uint64_t chain_room, struct err *e)
{
	const struct edge *last = p->n_hops > 0 ? &p->hops[p->n_hops - 1] : NULL;
	uint64_t copied = 0, sum, own, own_inodes;

	if (count_copies(d, p->from, &own, &own_inodes, e) == -1)
		return -1;
	if (copies_unchanged(d) && (last == NULL || !last->is_full))
		copied = p->to.content_bytes;
	if (last != NULL && copied > 0)
		copied -= last->output_bytes < copied ? last->output_bytes : copied;
	if (u64_add(chain_room, copied, &sum) == -1 ||
	    u64_add(sum, plan_slack_bytes(&p->to), &sum) == -1 ||
	    u64_add(sum, own, &sum) == -1)
		sum = UINT64_MAX;
	p->peak_bytes = sum;
	if (u64_add(p->to.files, INODES_SPARE, &p->inodes) == -1 ||
	    u64_add(p->inodes, own_inodes, &p->inodes) == -1)
		p->inodes = UINT64_MAX;
	return 0;
}

static int
fill(const struct device *d, const struct catalog *c, const struct live *live,
    const struct record *to, const struct plan_graph *g, const struct chain *chain,
    struct plan *p, struct err *e)
{
	p->hops = calloc(chain->n + 1, sizeof *p->hops);
	p->trees = calloc(chain->n + 1, sizeof *p->trees);
	if (p->hops == NULL || p->trees == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a plan");
	if (record_copy(&p->to, to, e) == -1 || find_from(d, c, live, p, e) == -1)
		return -1;
	for (size_t i = 0; i < chain->n; i++)
		if (add_hop(p, c, g->edges[chain->hops[i]].edge, e) == -1)
			return -1;
	/* The same tree may be the tree of several releases: the last one is `to`. */
	if (p->n_hops > 0) {
		record_clear(&p->trees[p->n_hops - 1]);
		if (record_copy(&p->trees[p->n_hops - 1], to, e) == -1) {
			edge_clear(&p->hops[--p->n_hops]);
			return -1;
		}
	}
	p->download_bytes = chain->bytes;
	p->full_bytes = plan_full_bytes(c, to);
	return count_room(d, p, chain->room_bytes, e);
}

static int
no_room(const struct device *d, const struct chain *chain, uint64_t limit, struct err *e)
{
	char need[BYTES_TEXT_MAX], have[BYTES_TEXT_MAX];

	(void)err_set(e, ERR_ROOM, "%s: the update needs %s of room, and %s can be used",
	    d->root_path, bytes_text(need, chain->room_bytes), bytes_text(have, limit));
	return err_hint(e, "make room there");
}

/* No chain within the limits: the first limit that is in the way says why. */
static int
no_chain(const struct device *d, struct plan_graph *g, const struct record *to,
    size_t n_bad, struct err *e)
{
	struct chain_want want = g->want;
	struct chain chain;
	int rc;

	want.room_limit = UINT64_MAX;
	if ((rc = chain_pick(g->edges, g->n, &want, &chain, e)) != 0)
		return rc == -1 ? -1 : no_room(d, &chain, g->want.room_limit, e);
	want.memory_limit = UINT64_MAX;
	if ((rc = chain_pick(g->edges, g->n, &want, &chain, e)) != 0)
		return rc == -1
			   ? -1
			   : err_set(e, ERR_POLICY,
				 "every way to release %" PRIu64
				 " needs more memory to decode than app.memory allows",
				 to->release);
	want.never_full = false;
	if ((rc = chain_pick(g->edges, g->n, &want, &chain, e)) != 0)
		return rc == -1 ? -1
				: err_set(e, ERR_POLICY,
				      "only the full leads to release %" PRIu64
				      ", and device.never-full forbids it",
				      to->release);
	if (n_bad > 0)
		return err_set(e, ERR_NET, "no other way leads to release %" PRIu64
		    " than those that failed", to->release);
	return err_set(e, ERR_NET, "no usable way to release %" PRIu64 " is offered",
	    to->release);
}

int
plan_make(const struct device *d, const struct catalog *c, const struct live *live,
    const struct record *to, const struct sha256 *bad, size_t n_bad, struct plan *p,
    struct err *e)
{
	struct plan_graph g;
	struct chain chain;
	int rc;

	memset(p, 0, sizeof *p);
	if (plan_graph_make(d, c, live, to, bad, n_bad, &g, e) == -1)
		return -1;
	rc = chain_pick(g.edges, g.n, &g.want, &chain, e);
	if (rc == 0)
		rc = no_chain(d, &g, to, n_bad, e);
	else if (rc == 1)
		rc = fill(d, c, live, to, &g, &chain, p, e);
	if (rc == -1)
		plan_clear(p);
	plan_graph_clear(&g);
	return rc;
}
