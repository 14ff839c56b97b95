#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/buf.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_write.h"
#include "mkdelta/keys.h"
#include "mkdelta/repo.h"
#include "mkdelta/encode/zwrite.h"

#include "tests/lab/forge.h"

enum { LEVEL = 1, WINDOW_LOG = 20, PACKED_MAX = 64 << 20 };

struct forge {
	struct lab *lab;
	struct repo *repo;
	struct repo_role *role;
	struct catalog catalog;
};

struct forge *
forge_open(struct lab *l)
{
	struct forge *f = calloc(1, sizeof *f);
	struct err e = ERR_INIT;
	char path[512];

	assert_non_null(f);
	f->lab = l;
	(void)snprintf(path, sizeof path, "%s/repo", l->dir);
	if ((f->repo = repo_open(path, "test", &e)) == NULL)
		fail_msg("%s", e.text);
	assert_non_null(f->role = repo_role(f->repo, "stable.any"));
	if (catalog_read(f->role->part, "any", &f->catalog, &e) == -1)
		fail_msg("%s", e.text);
	return f;
}

static void
sign(struct forge *f, const struct object *o, struct jv *custom)
{
	struct err e = ERR_INIT;

	if (custom == NULL || tuf_set_target(f->role->part, o->path, o->bytes, &o->sha256,
	    custom, &e) == -1)
		fail_msg("sign %s: %s", o->path, e.text);
}

void
forge_close(struct forge *f)
{
	struct err e = ERR_INIT;
	struct keys *k;
	char path[512];

	for (size_t i = 0; i < f->catalog.n_records; i++)
		sign(f, &f->catalog.records[i].object,
		    record_to_json(&f->catalog.records[i], &e));
	for (size_t i = 0; i < f->catalog.n_edges; i++)
		sign(f, &f->catalog.edges[i].object,
		    edge_to_json(&f->catalog.edges[i], &e));
	f->role->changed = true;
	(void)snprintf(path, sizeof path, "%s/repo.keys", f->lab->dir);
	if ((k = keys_open(path, &e)) == NULL ||
	    repo_commit(f->repo, k, utc_now(), false, &e) == -1)
		fail_msg("%s", e.text);
	keys_close(k);
	repo_close(f->repo);
	catalog_clear(&f->catalog);
	free(f);
}

struct record *
forge_record(struct forge *f, uint64_t release)
{
	for (size_t i = 0; i < f->catalog.n_records; i++)
		if (f->catalog.records[i].release == release)
			return &f->catalog.records[i];
	fail_msg("no release %u", (unsigned)release);
	return NULL;
}

struct edge *
forge_edge(struct forge *f, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < f->catalog.n_edges; i++) {
		struct edge *x = &f->catalog.edges[i];

		if (x->release == to && x->is_full == (from == 0) &&
		    x->from_release == from)
			return x;
	}
	fail_msg("nothing leads from %u to %u", (unsigned)from, (unsigned)to);
	return NULL;
}

/* The bytes get their name below targets/. */
static void
place(struct forge *f, struct object *o, const void *data, size_t n)
{
	char file[REPO_FILE_MAX], path[REPO_FILE_MAX + 16];
	struct err e = ERR_INIT;

	o->bytes = n;
	assert_int_equal(sha256_of(data, n, &o->sha256, &e), 0);
	(void)snprintf(path, sizeof path, "repo/%s", repo_object_file(o, file));
	lab_write_bytes(f->lab, path, data, n);
}

static void
compress(const void *data, size_t n, struct buf *out)
{
	struct err e = ERR_INIT;

	buf_init(out, PACKED_MAX);
	assert_int_equal(zwrite_frame(data, n, LEVEL, WINDOW_LOG, out, &e), 0);
}

void
forge_listing(struct forge *f, uint64_t release, const char *text, size_t n)
{
	struct record *x = forge_record(f, release);
	struct sha256 before = x->listing;
	struct err e = ERR_INIT;
	struct buf packed;

	compress(text, n, &packed);
	place(f, &x->object, packed.data, packed.len);
	buf_free(&packed);
	x->listing_bytes = n;
	assert_int_equal(sha256_of(text, n, &x->listing, &e), 0);
	for (size_t i = 0; i < f->catalog.n_edges; i++) {
		struct edge *edge = &f->catalog.edges[i];

		if (sha256_equal(&edge->to, &before))
			edge->to = x->listing;
		if (!edge->is_full && sha256_equal(&edge->from, &before))
			edge->from = x->listing;
	}
}

void
forge_packed_listing(struct forge *f, uint64_t release, const void *data, size_t n)
{
	place(f, &forge_record(f, release)->object, data, n);
}

void
forge_full(struct forge *f, uint64_t release, const void *data, size_t n)
{
	place(f, &forge_edge(f, 0, release)->object, data, n);
}

void
forge_delta(struct forge *f, uint64_t from, uint64_t to, const void *data, size_t n)
{
	place(f, &forge_edge(f, from, to)->object, data, n);
}

void
forge_tar(struct forge *f, uint64_t release, const void *data, size_t n)
{
	struct buf packed;

	compress(data, n, &packed);
	forge_full(f, release, packed.data, packed.len);
	buf_free(&packed);
}
