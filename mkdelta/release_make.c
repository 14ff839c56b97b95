#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "mkdelta/encode/zwrite.h"
#include "mkdelta/pack.h"

#include "mkdelta/release.h"

enum { LISTING_LEVEL = 19, LISTING_WINDOW_LOG = 23 };

static void
name_object(const struct release *r, const struct release_tree *t, enum target_kind kind,
    struct object *o)
{
	struct target_name name = { .kind = kind, .release = r->number };

	(void)snprintf(name.platform, sizeof name.platform, "%s", t->platform);
	(void)target_path(&name, o->path);
}

/* Bytes that are in memory become a file in REPO_WORK. */
static int
write_object(const struct release *r, const char *temp, const void *data, size_t n,
    struct object *o, struct err *e)
{
	o->bytes = n;
	if (sha256_of(data, n, &o->sha256, e) == -1)
		return -1;
	return fs_write_file(r->repo->work, temp, data, n, 0644, e);
}

static int
make_listing(struct release *r, struct release_tree *t, struct err *e)
{
	struct buf packed = BUF_INIT(LISTING_TEXT_MAX);
	int rc = zwrite_frame(t->text.data, t->text.len, LISTING_LEVEL,
	    LISTING_WINDOW_LOG, &packed, e);

	(void)snprintf(t->tree_temp, sizeof t->tree_temp, "%s.tree", t->platform);
	name_object(r, t, TARGET_TREE, &t->record.object);
	if (rc == 0)
		rc = write_object(r, t->tree_temp, packed.data, packed.len,
		    &t->record.object, e);
	buf_free(&packed);
	return rc;
}

static int
fill_record(const struct release *r, struct release_tree *t, struct err *e)
{
	struct record *x = &t->record;

	x->release = r->number;
	(void)snprintf(x->platform, sizeof x->platform, "%s", t->platform);
	(void)snprintf(x->version, sizeof x->version, "%s", r->version);
	(void)snprintf(x->commit, sizeof x->commit, "%s", r->commit);
	x->listing_bytes = t->text.len;
	x->files = t->listing->files;
	x->content_bytes = t->listing->content_bytes;
	x->created = r->created;
	x->usable = true;
	return release_says_fill(&r->want->says, x, e);
}

/* Where the frame index stands, for the record. */
static struct jv *
frames_json(const struct pack_frame *index, struct err *e)
{
	struct jv *o = jv_new_object();
	char hex[SHA256_HEX_MAX];

	if (jv_set(o, "offset", jv_new_int((int64_t)index->offset)) == 0 &&
	    jv_set(o, "bytes", jv_new_int((int64_t)index->bytes)) == 0 &&
	    jv_set(o, "sha256", jv_new_text(sha256_hex(&index->sha256, hex))) == 0)
		return o;
	jv_free(o);
	(void)err_set(e, ERR_NOMEM, "out of memory");
	return NULL;
}

static int
fill_full(const struct release *r, struct release_tree *t, const struct pack_result *p,
    struct err *e)
{
	struct edge *x = &t->full;

	x->is_full = x->usable = true;
	x->release = r->number;
	x->to = t->record.listing;
	x->output_bytes = p->unpacked_bytes;
	x->memory_bytes = p->memory_bytes;
	x->object.bytes = p->bytes;
	x->object.sha256 = p->sha256;
	name_object(r, t, TARGET_FULL, &x->object);
	return (x->frames = frames_json(&p->index, e)) == NULL ? -1 : 0;
}

static int
make_full(struct release *r, struct release_tree *t, struct err *e)
{
	struct pack_options options = { .owners = r->want->owners,
		.jobs = r->want->jobs };
	struct pack_result packed = { 0 };
	int fd, rc = -1;

	(void)snprintf(t->full_temp, sizeof t->full_temp, "%s.full", t->platform);
	if ((fd = fs_create(r->repo->work, t->full_temp, 0644, e)) == -1)
		return -1;
	if (pack_tree(t->in.dir, t->listing, &options, fd, &packed, e) == 0)
		rc = fill_full(r, t, &packed, e);
	else
		(void)err_wrap(e, "%s", t->path);
	pack_result_clear(&packed);
	(void)close(fd);
	return rc;
}

static int
make_notes(struct release *r, struct release_tree *t, struct err *e)
{
	if (r->notes.len == 0)
		return 0;
	(void)snprintf(t->notes_temp, sizeof t->notes_temp, "%s.notes", t->platform);
	name_object(r, t, TARGET_NOTES, &t->notes);
	return write_object(r, t->notes_temp, r->notes.data, r->notes.len, &t->notes, e);
}

int
release_make(struct release *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct release_tree *t = &r->trees[i];

		log_detail("%s: full artifact of %s", t->platform, t->path);
		if (fill_record(r, t, e) == -1 || make_listing(r, t, e) == -1 ||
		    make_full(r, t, e) == -1 || make_notes(r, t, e) == -1)
			return -1;
	}
	return release_deltas(r, e);
}

void
release_drop_last(struct release *r)
{
	struct release_tree *t = &r->trees[--r->n];

	ingest_close(&t->in);
	listing_free(t->listing);
	buf_free(&t->text);
	for (size_t k = 0; k < t->n_deltas; k++)
		edge_clear(&t->deltas[k].edge);
	catalog_clear(&t->old);
	record_clear(&t->record);
	edge_clear(&t->full);
	memset(t, 0, sizeof *t);
}

struct release *
release_new(struct repo *repo, const struct release_want *want, struct err *e)
{
	struct release *r = calloc(1, sizeof *r);

	if (r == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	r->repo = repo;
	r->want = want;
	return r;
}

void
release_free(struct release *r)
{
	if (r == NULL)
		return;
	while (r->n > 0)
		release_drop_last(r);
	buf_free(&r->notes);
	free(r);
}
