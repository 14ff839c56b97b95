#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/tuf_client.h"
#include "mkdelta/encode/delta_check.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/old_tree.h"
#include "mkdelta/scratch.h"

#include "mkdelta/audit.h"

struct object_item {
	struct object object;
	const char *role;
	bool bad;		/* said already: what needs it is not said again */
};

struct tree_item {
	const struct catalog *catalog;
	const struct record *record;
	const char *role;
};

struct auditor {
	const struct repo *repo;
	struct catalog *catalogs;
	size_t n_catalogs;
	struct object_item *objects;
	size_t n_objects, cap_objects;
	struct tree_item *trees;
	size_t n_trees;
	struct scratch scratch;
	pthread_mutex_t lock;
	struct audit *result;
};

/* A fault of the repository is said and counted; one of this machine ends it all. */
static int
fault(struct auditor *a, struct err *e)
{
	if (e->code == ERR_NOMEM || e->code == ERR_ROOM || e->code == ERR_CANCEL)
		return -1;
	(void)pthread_mutex_lock(&a->lock);
	a->result->faults++;
	(void)jv_push(a->result->messages, jv_new_text(e->text));
	log_error(e);
	(void)pthread_mutex_unlock(&a->lock);
	err_clear(e);
	return 0;
}

static void
count(struct auditor *a, uint64_t *which, uint64_t bytes)
{
	(void)pthread_mutex_lock(&a->lock);
	(*which)++;
	a->result->bytes += bytes;
	(void)pthread_mutex_unlock(&a->lock);
}

static void
count_unproved(struct auditor *a, uint64_t paths)
{
	(void)pthread_mutex_lock(&a->lock);
	a->result->unproved += paths;
	(void)pthread_mutex_unlock(&a->lock);
}

static int
add_object(struct auditor *a, const struct tuf_target *t, const char *role, struct err *e)
{
	struct object_item *more;

	if (a->n_objects == a->cap_objects) {
		a->cap_objects = a->cap_objects == 0 ? 256 : 2 * a->cap_objects;
		more = realloc(a->objects, a->cap_objects * sizeof *more);
		if (more == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		a->objects = more;
	}
	if (!t->has_sha256 || strlen(t->path) >= sizeof a->objects->object.path ||
	    tuf_target_name_check(t->path, e) == -1)
		return err_set(e, ERR_FORMAT, "role %s: target %s has no sha256, or a "
		    "bad name", role, t->path);
	more = &a->objects[a->n_objects++];
	(void)snprintf(more->object.path, sizeof more->object.path, "%s", t->path);
	more->object.bytes = t->length;
	more->object.sha256 = t->sha256;
	more->role = role;
	more->bad = false;
	return 0;
}

static int
collect_role(struct auditor *a, const struct repo_role *role, struct err *e)
{
	struct tuf_target t;
	void *it = NULL;
	int got;

	while ((got = tuf_role_each(role->part, &it, &t, e)) != 0)
		if ((got == -1 || add_object(a, &t, role->name, e) == -1) &&
		    fault(a, e) == -1)
			return -1;
	return 0;
}

static int
collect_trees(struct auditor *a, struct err *e)
{
	struct repo_role *channel = NULL, *role;
	size_t n = 0;

	while ((channel = repo_next_channel(a->repo, channel)) != NULL) {
		const char *name = channel->name;

		role = NULL;
		while ((role = repo_next_platform(a->repo, name, role)) != NULL) {
			struct catalog *c = &a->catalogs[a->n_catalogs];
			struct tree_item *more;

			if (repo_catalog(a->repo, role, c, e) == -1) {
				if (fault(a, e) == -1)
					return -1;
				continue;
			}
			a->n_catalogs++;
			a->result->ignored += c->ignored;
			more = realloc(a->trees, (n + c->n_records + 1) * sizeof *more);
			if (more == NULL)
				return err_set(e, ERR_NOMEM, "out of memory");
			a->trees = more;
			for (size_t i = 0; i < c->n_records; i++)
				a->trees[n++] = (struct tree_item){ c, &c->records[i],
				    role->name };
		}
	}
	a->n_trees = n;
	a->result->releases = n;
	return 0;
}

static int
by_path(const void *x, const void *y)
{
	return strcmp(((const struct object_item *)x)->object.path,
	    ((const struct object_item *)y)->object.path);
}

/* A path that two roles list must be one object. */
static int
check_paths(struct auditor *a, struct err *e)
{
	if (a->n_objects > 0)
		qsort(a->objects, a->n_objects, sizeof *a->objects, by_path);
	for (size_t i = 1; i < a->n_objects; i++) {
		const struct object_item *x = &a->objects[i - 1], *y = &a->objects[i];

		if (by_path(x, y) != 0 || (x->object.bytes == y->object.bytes &&
		    sha256_equal(&x->object.sha256, &y->object.sha256)))
			continue;
		(void)err_set(e, ERR_TRUST, "%s: roles %s and %s give it different "
		    "hashes", x->object.path, x->role, y->role);
		if (fault(a, e) == -1)
			return -1;
	}
	return 0;
}

static int
check_object(void *arg, size_t i, struct err *e)
{
	struct auditor *a = arg;
	const struct object *o = &a->objects[i].object;
	int fd = old_tree_object(a->repo, o, e);

	progress_add(o->bytes);
	if (fd == -1) {
		a->objects[i].bad = true;
		return fault(a, e);
	}
	(void)close(fd);
	count(a, &a->result->objects, o->bytes);
	return 0;
}

/* Was the object found to be missing or damaged?  Then that was said. */
static bool
is_bad(const struct auditor *a, const struct object *o)
{
	struct object_item key = { .object = *o };
	const struct object_item *x = bsearch(&key, a->objects, a->n_objects,
	    sizeof *a->objects, by_path);

	return x != NULL && x->bad;
}

/* The frame index lies where it was signed to be. */
static int
check_frames(const struct auditor *a, const struct edge *full, struct err *e)
{
	const char *hex = jv_text(jv_get(full->frames, "sha256"));
	uint64_t offset, bytes;
	struct sha256 want, got;
	struct buf index = BUF_INIT(LISTING_TEXT_MAX);
	int fd, rc = -1;

	if (full->frames == NULL)
		return 0;
	if (hex == NULL || sha256_parse(&want, hex) == -1 ||
	    jv_get_u64(full->frames, "offset", &offset, e) == -1 ||
	    jv_get_u64(full->frames, "bytes", &bytes, e) == -1 ||
	    offset > full->object.bytes || bytes != full->object.bytes - offset)
		return err_set(e, ERR_FORMAT, "%s: the place of its frame index is wrong",
		    full->object.path);
	if ((fd = repo_open_object(a->repo, &full->object, e)) == -1)
		return -1;
	if (buf_reserve(&index, bytes, e) == 0 &&
	    fs_pread(fd, index.data, bytes, offset, e) == 0 &&
	    sha256_of(index.data, bytes, &got, e) == 0)
		rc = sha256_equal(&got, &want) ? 0 : err_set(e, ERR_TRUST,
		    "%s: its frame index is not the one that was signed",
		    full->object.path);
	(void)close(fd);
	buf_free(&index);
	return rc;
}

/* The tree is proved; what else is signed of it must be true too. */
static int
check_claims(struct auditor *a, const struct tree_item *t, const struct edge *full,
    const struct listing *l, struct err *e)
{
	const struct record *x = t->record;
	int rc = check_frames(a, full, e);

	if (rc == 0 && (x->files != l->files || x->content_bytes != l->content_bytes))
		rc = err_set(e, ERR_FORMAT, "%s: has %zu files and %" PRIu64 " bytes, "
		    "but other numbers were signed", x->object.path, l->files,
		    l->content_bytes);
	if (rc == 0)
		return 0;
	(void)err_wrap(e, "role %s", t->role);
	return fault(a, e);
}

static int
check_delta(struct auditor *a, const struct tree_item *t, const struct old_tree *old,
    const struct edge *x, struct err *e)
{
	const struct record *to = catalog_record(t->catalog, x->release);
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *listing = NULL;
	int fd = -1, rc = -1;

	if (is_bad(a, &x->object) || is_bad(a, &to->object)) {
		count_unproved(a, 1);
		return 0;
	}
	if (old_tree_text(a->repo, to, &text, e) == 0 &&
	    (listing = listing_parse(text.data, text.len, false, e)) != NULL &&
	    listing_index(listing, e) == 0 &&
	    (fd = old_tree_object(a->repo, &x->object, e)) != -1)
		rc = delta_check(old->listing, old->dir, listing, fd, e);
	if (fd != -1)
		(void)close(fd);
	listing_free(listing);
	buf_free(&text);
	if (rc == -1) {
		(void)err_wrap(e, "role %s: %s", t->role, x->object.path);
		return fault(a, e);
	}
	count(a, &a->result->deltas, 0);
	return 0;
}

static bool
begins_at(const struct edge *x, const struct record *from)
{
	return !x->is_full && x->from_release == from->release;
}

/* Without the old tree none of the deltas that begin there can be applied. */
static void
skip_tree(struct auditor *a, const struct tree_item *t)
{
	uint64_t paths = 1;

	for (size_t k = 0; k < t->catalog->n_edges; k++)
		paths += begins_at(&t->catalog->edges[k], t->record);
	count_unproved(a, paths);
}

/* The full becomes a folder in `place`, and all deltas that begin there follow. */
static int
check_paths_of(struct auditor *a, const struct tree_item *t, const struct edge *full,
    const struct scratch *place, struct err *e)
{
	struct old_tree old;
	int rc;

	if (old_tree_open(a->repo, place->dir, t->record, full, &old, e) == -1) {
		skip_tree(a, t);
		(void)err_wrap(e, "role %s", t->role);
		return fault(a, e);
	}
	count(a, &a->result->fulls, 0);
	rc = check_claims(a, t, full, old.listing, e);
	for (size_t k = 0; rc == 0 && k < t->catalog->n_edges; k++)
		if (begins_at(&t->catalog->edges[k], t->record))
			rc = check_delta(a, t, &old, &t->catalog->edges[k], e);
	old_tree_close(&old);
	return rc;
}

static int
check_tree(void *arg, size_t i, struct err *e)
{
	struct auditor *a = arg;
	const struct tree_item *t = &a->trees[i];
	const struct edge *full = catalog_full(t->catalog, t->record->release);
	struct scratch place = a->scratch;
	char name[NAME_MAX_PATH];
	int rc;

	progress_add(1);
	if (full == NULL) {
		skip_tree(a, t);
		(void)err_set(e, ERR_FORMAT, "role %s: release %" PRIu64 " has no full "
		    "artifact", t->role, t->record->release);
		return fault(a, e);
	}
	if (is_bad(a, &full->object) || is_bad(a, &t->record->object)) {
		skip_tree(a, t);
		return 0;
	}
	/* Two channels may hold one release: a place for each. */
	(void)snprintf(name, sizeof name, "%zu", i);
	if (scratch_below(&a->scratch, name, &place, e) == -1)
		return -1;
	rc = check_paths_of(a, t, full, &place, e);
	scratch_close(&place);
	return rc;
}

static int
look(struct auditor *a, unsigned jobs, struct err *e)
{
	uint64_t bytes = 0;
	int rc;

	for (size_t i = 0; i < a->n_objects; i++)
		bytes += a->objects[i].object.bytes;
	progress_start("objects", bytes, true);
	rc = jobs_run(jobs, a->n_objects, check_object, a, e);
	progress_end();
	if (rc == -1)
		return -1;
	progress_start("paths", a->n_trees, false);
	rc = jobs_run(jobs, a->n_trees, check_tree, a, e);
	progress_end();
	return rc;
}

int
audit_run(const struct repo *r, unsigned jobs, struct audit *result, struct err *e)
{
	struct auditor a = { .repo = r, .result = result };
	size_t roles = 1;
	int rc = -1;

	memset(result, 0, sizeof *result);
	if ((result->messages = jv_new_list()) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	(void)pthread_mutex_init(&a.lock, NULL);
	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		roles++;
	if (scratch_open(&a.scratch, e) == -1)
		goto out;
	if ((a.catalogs = calloc(roles, sizeof *a.catalogs)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		if (collect_role(&a, role, e) == -1)
			goto out;
	if (collect_trees(&a, e) == 0 && check_paths(&a, e) == 0)
		rc = look(&a, jobs, e);
out:
	scratch_close(&a.scratch);
	for (size_t i = 0; i < a.n_catalogs; i++)
		catalog_clear(&a.catalogs[i]);
	free(a.catalogs);
	free(a.objects);
	free(a.trees);
	(void)pthread_mutex_destroy(&a.lock);
	return rc;
}

void
audit_clear(struct audit *result)
{
	jv_free(result->messages);
	memset(result, 0, sizeof *result);
}
