#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/record_json.h"
#include "manifest/tuf_client.h"

#include "manifest/record.h"

void
record_clear(struct record *r)
{
	jv_free(r->requires_hardware);
	jv_free(r->needs);
	r->requires_hardware = r->needs = NULL;
}

void
edge_clear(struct edge *x)
{
	jv_free(x->needs);
	jv_free(x->frames);
	x->needs = x->frames = NULL;
}

static int
copy_value(struct jv **to, const struct jv *from)
{
	*to = from == NULL ? NULL : jv_copy(from);
	return from != NULL && *to == NULL ? -1 : 0;
}

int
record_copy(struct record *to, const struct record *from, struct err *e)
{
	struct record copy = *from;
	int rc = copy_value(&copy.requires_hardware, from->requires_hardware);

	if (copy_value(&copy.needs, from->needs) == -1 || rc == -1) {
		record_clear(&copy);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	*to = copy;
	return 0;
}

int
edge_copy(struct edge *to, const struct edge *from, struct err *e)
{
	struct edge copy = *from;
	int rc = copy_value(&copy.needs, from->needs);

	if (copy_value(&copy.frames, from->frames) == -1 || rc == -1) {
		edge_clear(&copy);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	*to = copy;
	return 0;
}

static int
object_of(const struct tuf_target *t, struct object *o)
{
	if (!t->has_sha256 || strlen(t->path) >= sizeof o->path)
		return -1;
	(void)snprintf(o->path, sizeof o->path, "%s", t->path);
	o->bytes = t->length;
	o->sha256 = t->sha256;
	return 0;
}

/* Room for one more: the list anew, NULL when there is no memory. */
static void *
grow(void *list, size_t n, size_t size, struct err *e)
{
	void *grown;

	if ((n & (n - 1)) != 0)		/* full only at powers of two */
		return list;
	if ((grown = realloc(list, (n == 0 ? 1 : 2 * n) * size)) == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory for the catalog");
	return grown;
}

/* 1 taken, 0 skipped, -1 out of memory. */
static int
take_record(struct catalog *c, const struct tuf_target *t, const struct target_name *name,
    struct err *e)
{
	struct record r, *grown;

	if (record_from_json(t->custom, &r, e) == -1)
		return e->code == ERR_NOMEM ? -1 : 0;
	if (r.release != name->release || strcmp(r.platform, name->platform) != 0 ||
	    object_of(t, &r.object) == -1) {
		record_clear(&r);
		return 0;
	}
	if ((grown = grow(c->records, c->n_records, sizeof r, e)) == NULL) {
		record_clear(&r);
		return -1;
	}
	c->records = grown;
	c->records[c->n_records++] = r;
	return 1;
}

static int
take_edge(struct catalog *c, const struct tuf_target *t, const struct target_name *name,
    struct err *e)
{
	struct edge x, *grown;

	if (edge_from_json(t->custom, name->kind == TARGET_FULL, &x, e) == -1)
		return e->code == ERR_NOMEM ? -1 : 0;
	x.release = name->release;
	x.from_release = name->from;
	if (object_of(t, &x.object) == -1) {
		edge_clear(&x);
		return 0;
	}
	if ((grown = grow(c->edges, c->n_edges, sizeof x, e)) == NULL) {
		edge_clear(&x);
		return -1;
	}
	c->edges = grown;
	c->edges[c->n_edges++] = x;
	return 1;
}

static const char *
kind_word(const struct jv *custom)
{
	const char *word = jv_text(jv_get(custom, "kind"));

	return word == NULL ? "" : word;
}

static int
take_target(struct catalog *c, const struct tuf_target *t, const char *platform,
    struct err *e)
{
	static const char *const kinds[] = { "tree", "full", "delta" };
	struct target_name name;

	if (target_parse(t->path, &name) == -1 || strcmp(name.platform, platform) != 0)
		return 0;
	if (name.kind == TARGET_NOTES)
		return 1;
	if (t->custom == NULL || strcmp(kind_word(t->custom), kinds[name.kind]) != 0)
		return 0;
	return (name.kind == TARGET_TREE ? take_record : take_edge)(c, t, &name, e);
}

static int
by_release(const void *pa, const void *pb)
{
	const struct record *a = pa, *b = pb;

	return a->release < b->release ? -1 : a->release > b->release;
}

static int
by_name(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;

	if (a->release != b->release)
		return a->release < b->release ? -1 : 1;
	return a->from_release < b->from_release ? -1 : a->from_release > b->from_release;
}

/* An edge counts only between the very trees that records here name. */
static bool
edge_fits(const struct catalog *c, const struct edge *x)
{
	const struct record *to = catalog_record(c, x->release);
	const struct record *from =
	    x->is_full ? NULL : catalog_record(c, x->from_release);

	if (to == NULL || !sha256_equal(&to->listing, &x->to))
		return false;
	return x->is_full || (from != NULL && sha256_equal(&from->listing, &x->from));
}

static void
drop_unfit_edges(struct catalog *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n_edges; i++) {
		if (edge_fits(c, &c->edges[i])) {
			c->edges[kept++] = c->edges[i];
			continue;
		}
		edge_clear(&c->edges[i]);
		c->ignored++;
	}
	c->n_edges = kept;
}

static int
add(const struct jv *part, const char *platform, struct catalog *c, struct err *e)
{
	struct tuf_target t;
	void *it = NULL;
	int rc;

	/* One that cannot be read, by a hash of tomorrow for one, hides no other. */
	while ((rc = tuf_role_each(part, &it, &t, e)) != 0) {
		int taken = rc == 1 ? take_target(c, &t, platform, e) : 0;

		if (taken == -1)
			return -1;
		c->ignored += taken == 0;
	}
	return 0;
}

int
catalog_read_parts(const struct jv *const *parts, size_t n, const char *platform,
    struct catalog *c, struct err *e)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < n; i++) {
		size_t before = c->n_records;

		if (add(parts[i], platform, c, e) == -1) {
			catalog_clear(c);
			return -1;
		}
		while (i > 0 && before < c->n_records)
			c->records[before++].archived = true;
	}
	if (c->n_records > 0)
		qsort(c->records, c->n_records, sizeof *c->records, by_release);
	if (c->n_edges > 0)
		qsort(c->edges, c->n_edges, sizeof *c->edges, by_name);
	drop_unfit_edges(c);
	return 0;
}

int
catalog_read(const struct jv *part, const char *platform, struct catalog *c,
    struct err *e)
{
	return catalog_read_parts(&part, 1, platform, c, e);
}

void
catalog_clear(struct catalog *c)
{
	for (size_t i = 0; i < c->n_records; i++)
		record_clear(&c->records[i]);
	for (size_t i = 0; i < c->n_edges; i++)
		edge_clear(&c->edges[i]);
	free(c->records);
	free(c->edges);
	memset(c, 0, sizeof *c);
}

const struct record *
catalog_record(const struct catalog *c, uint64_t release)
{
	for (size_t i = 0; i < c->n_records; i++)
		if (c->records[i].release == release)
			return &c->records[i];
	return NULL;
}

const struct record *
catalog_by_listing(const struct catalog *c, const struct sha256 *listing)
{
	const struct record *found = NULL;

	/* The newest, where a tree was released twice. */
	for (size_t i = 0; i < c->n_records; i++)
		if (sha256_equal(&c->records[i].listing, listing))
			found = &c->records[i];
	return found;
}

const struct edge *
catalog_full(const struct catalog *c, uint64_t release)
{
	for (size_t i = 0; i < c->n_edges; i++)
		if (c->edges[i].is_full && c->edges[i].release == release)
			return &c->edges[i];
	return NULL;
}

bool
needs_met(const struct jv *needs, bool (*has)(const char *name), const char **missing)
{
	for (size_t i = 0; i < jv_count(needs); i++) {
		const char *name = jv_text(jv_at(needs, i));

		if (name == NULL || !has(name)) {
			*missing = name == NULL ? "" : name;
			return false;
		}
	}
	return true;
}
