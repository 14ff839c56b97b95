/*
 * plan_store.c - STATE/plan.json.
 *
 *	{ "format": 1, "from": 41, "platform": "linux-arm64", "to": PATH,
 *	  "hops": [ PATH... ], "trees": [ PATH... ],  the targets' paths
 *	  "download-bytes": ..., "full-bytes": ..., ...
 *	  "part": { targets metadata with the records and edges above },
 *	  "from-part": { the same with the record of what ran } }
 *
 * The records and edges stand there as they were signed, so one reader
 * (catalog_read) understands both.
 */
#include <stdlib.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/state_json.h"

#include "apply/plan.h"

#define PLAN_FILE "plan.json"
enum { PLAN_FORMAT = 1 };

/* Takes custom. */
static void
put_target(struct jv **targets, const struct object *o, struct jv *custom)
{
	struct jv *target = jv_new_object(), *hashes = jv_new_object();
	char hex[SHA256_HEX_MAX];

	json_put_text(&hashes, "sha256", sha256_hex(&o->sha256, hex));
	json_put(&target, "hashes", hashes);
	json_put_u64(&target, "length", o->bytes);
	json_put(&target, "custom", custom);
	json_put(targets, o->path, target);
}

static void
put_record(struct jv **targets, const struct record *r, struct err *e)
{
	if (jv_get(*targets, r->object.path) == NULL)
		put_target(targets, &r->object, record_to_json(r, e));
}

/* Takes targets. */
static struct jv *
new_part(struct jv *targets)
{
	struct jv *part = jv_new_object();

	json_put_text(&part, "_type", "targets");
	json_put(&part, "targets", targets);
	return part;
}

/* The record of an end of an edge.  Two releases may be the same tree, and the
 * edge speak of the one that the plan does not: the reader wants that one. */
static void
put_end(struct jv **targets, const struct record *like, uint64_t release,
    const struct plan *p, struct err *e)
{
	struct target_name name = { .kind = TARGET_TREE, .release = release };
	struct record r = *like;

	r.release = release;
	memcpy(r.platform, p->to.platform, sizeof r.platform);
	memcpy(name.platform, p->to.platform, sizeof name.platform);
	(void)target_path(&name, r.object.path);
	put_record(targets, &r, e);
}

static struct jv *
part_of(const struct plan *p, struct err *e)
{
	struct jv *targets = jv_new_object();

	put_record(&targets, &p->to, e);
	for (size_t i = 0; i < p->n_hops; i++)
		put_record(&targets, &p->trees[i], e);
	for (size_t i = 0; i < p->n_hops; i++) {
		const struct edge *x = &p->hops[i];

		put_end(&targets, &p->trees[i], x->release, p, e);
		if (!x->is_full)
			put_end(&targets, i == 0 ? &p->from_record : &p->trees[i - 1],
			    x->from_release, p, e);
		put_target(&targets, &x->object, edge_to_json(x, e));
	}
	return new_part(targets);
}

static void
put_paths(struct jv **doc, const struct plan *p)
{
	struct jv *hops = jv_new_list(), *trees = jv_new_list();

	for (size_t i = 0; i < p->n_hops; i++) {
		json_push(&hops, jv_new_text(p->hops[i].object.path));
		json_push(&trees, jv_new_text(p->trees[i].object.path));
	}
	json_put(doc, "hops", hops);
	json_put(doc, "trees", trees);
}

static struct jv *
plan_to_json(const struct plan *p, struct err *e)
{
	struct jv *doc = jv_new_object(), *from = NULL;

	json_put_u64(&doc, "format", PLAN_FORMAT);
	json_put_u64(&doc, "from", p->from);
	json_put_text(&doc, "platform", p->to.platform);
	json_put_text(&doc, "to", p->to.object.path);
	put_paths(&doc, p);
	json_put_u64(&doc, "download-bytes", p->download_bytes);
	json_put_u64(&doc, "full-bytes", p->full_bytes);
	json_put_u64(&doc, "peak-bytes", p->peak_bytes);
	json_put_u64(&doc, "inodes", p->inodes);
	json_put_u64(&doc, "memory-bytes", p->memory_bytes);
	json_put(&doc, "part", part_of(p, e));
	if (p->from_record.release != 0) {
		from = jv_new_object();
		put_record(&from, &p->from_record, e);
		json_put_text(&doc, "from-platform", p->from_record.platform);
		json_put(&doc, "from-part", new_part(from));
	}
	return doc;
}

int
plan_save(const struct device *d, const struct plan *p, struct err *e)
{
	struct jv *doc = json_done(plan_to_json(p, e), e);
	int rc;

	if (doc == NULL)
		return -1;
	rc = state_json_write(d->state, PLAN_FILE, doc, e);
	jv_free(doc);
	return rc;
}

static const struct record *
record_at(const struct catalog *c, const char *path)
{
	for (size_t i = 0; path != NULL && i < c->n_records; i++)
		if (strcmp(c->records[i].object.path, path) == 0)
			return &c->records[i];
	return NULL;
}

static const struct edge *
edge_at(const struct catalog *c, const char *path)
{
	for (size_t i = 0; path != NULL && i < c->n_edges; i++)
		if (strcmp(c->edges[i].object.path, path) == 0)
			return &c->edges[i];
	return NULL;
}

static int
damaged(const char *what, struct err *e)
{
	return err_set(e, ERR_FORMAT, "%s is missing", what);
}

static int
take_hops(struct plan *p, const struct jv *doc, const struct catalog *c, struct err *e)
{
	const struct jv *hops = jv_get(doc, "hops"), *trees = jv_get(doc, "trees");
	size_t n = jv_count(hops);

	if (n > CHAIN_HOPS_MAX || jv_count(trees) != n)
		return err_set(e, ERR_FORMAT, "hops and trees do not match");
	p->hops = calloc(n + 1, sizeof *p->hops);
	p->trees = calloc(n + 1, sizeof *p->trees);
	if (p->hops == NULL || p->trees == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a plan");
	for (size_t i = 0; i < n; i++) {
		const struct edge *x = edge_at(c, jv_text(jv_at(hops, i)));
		const struct record *r = record_at(c, jv_text(jv_at(trees, i)));

		if (x == NULL || r == NULL)
			return damaged("a hop", e);
		if (edge_copy(&p->hops[i], x, e) == -1)
			return -1;
		if (record_copy(&p->trees[i], r, e) == -1) {
			edge_clear(&p->hops[i]);
			return -1;
		}
		p->n_hops++;
	}
	return 0;
}

static int
take_from(struct plan *p, const struct jv *doc, struct err *e)
{
	const struct jv *part = jv_get(doc, "from-part");
	struct catalog c;
	int rc = 0;

	p->from = json_u64(doc, "from");
	if (part == NULL)
		return 0;
	if (catalog_read(part, json_text(doc, "from-platform"), &c, e) == -1)
		return -1;
	if (c.n_records == 1)
		rc = record_copy(&p->from_record, &c.records[0], e);
	catalog_clear(&c);
	return rc;
}

static int
plan_from_json(struct plan *p, const struct jv *doc, struct err *e)
{
	const struct record *to;
	struct catalog c;
	int rc;

	if (json_u64(doc, "format") > PLAN_FORMAT)
		return err_set(e, ERR_POLICY,
		    "written by a newer delta-apply; install that "
		    "version again");
	if (catalog_read(jv_get(doc, "part"), json_text(doc, "platform"), &c, e) == -1)
		return -1;
	to = record_at(&c, json_text(doc, "to"));
	rc = to == NULL ? damaged("the target's record", e) : record_copy(&p->to, to, e);
	if (rc == 0)
		rc = take_hops(p, doc, &c, e);
	catalog_clear(&c);
	if (rc == -1 || take_from(p, doc, e) == -1)
		return -1;
	p->download_bytes = json_u64(doc, "download-bytes");
	p->full_bytes = json_u64(doc, "full-bytes");
	p->peak_bytes = json_u64(doc, "peak-bytes");
	p->inodes = json_u64(doc, "inodes");
	p->memory_bytes = json_u64(doc, "memory-bytes");
	return 0;
}

int
plan_load(const struct device *d, struct plan *p, struct err *e)
{
	struct jv *doc = state_json_read(d->state, PLAN_FILE, e);
	int rc;

	memset(p, 0, sizeof *p);
	if (doc == NULL)
		return -1;
	rc = plan_from_json(p, doc, e);
	jv_free(doc);
	if (rc == 0)
		return 0;
	plan_clear(p);
	return err_wrap(e, "state: " PLAN_FILE);
}

int
plan_remove(const struct device *d, struct err *e)
{
	struct stat st;

	if (fs_stat_at(d->state, PLAN_FILE, &st, e) == 0)
		return 0;
	if (fs_unlink(d->state, PLAN_FILE, e) == -1 ||
	    fs_sync_dir(d->state, ".", e) == -1)
		return err_wrap(e, "state");
	return 0;
}
