#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/jv.h"
#include "manifest/tuf_meta.h"

#include "hosting/current.h"
#include "hosting/view.h"

#include "hosting/prune.h"

struct prune {
	struct dest *dest;
	struct stamp stamp;
	struct items seen;		/* role files that were read */
	struct items listed;		/* objects of all states that count */
	struct items today;		/* those of the state in force */
	int64_t since;			/* states that ended before do not count */
};

/* A metadata file, from the repository or from the host.  ERR_ABSENT. */
static struct jv *
read_file(const struct prune *p, const char *path, struct err *e)
{
	struct buf file = BUF_INIT(TUF_TARGETS_MAX);
	struct jv *top = NULL;
	int rc = fs_read_file(p->dest->repo, path, &file, e);

	if (rc == -1 && e->code == ERR_ABSENT) {
		err_clear(e);
		rc = p->dest->kind->read(p->dest, path, &file, e);
	}
	if (rc == 0)
		top = jv_parse(file.data, file.len, e);
	buf_free(&file);
	if (top == NULL)
		(void)err_wrap(e, "%s", path);
	return top;
}

static bool
was_read(const struct prune *p, const char *path)
{
	for (size_t i = 0; i < p->seen.n; i++)
		if (strcmp(p->seen.list[i].path, path) == 0)
			return true;
	return false;
}

/* The objects of one role file are listed. */
static int
list_role(struct prune *p, const char *role, uint64_t version, bool today,
    struct err *e)
{
	char path[VIEW_FILE_MAX];
	struct jv *top;
	int rc;

	if (view_role_file(role, version, path, e) == -1)
		return -1;
	if (was_read(p, path))
		return 0;
	if ((top = read_file(p, path, e)) == NULL)
		return -1;
	rc = items_add(&p->seen, path, 0, e);
	if (rc == 0)
		rc = current_list_objects(&p->listed, top, e);
	if (rc == 0 && today)
		rc = current_list_objects(&p->today, top, e);
	jv_free(top);
	return rc;
}

static int
list_state(struct prune *p, const struct jv *snapshot, bool today, struct err *e)
{
	const struct jv *listed;
	const char *name;
	void *it = NULL;

	while (jv_each(jv_get(snapshot, "meta"), &it, &name, &listed)) {
		char role[NAME_MAX_PATH];
		uint64_t version;

		if (current_role_of(name, role, e) == -1 ||
		    jv_get_u64(listed, "version", &version, e) == -1)
			return -1;
		if (strcmp(role, "root") != 0 &&
		    list_role(p, role, version, today, e) == -1)
			return -1;
	}
	return 0;
}

/* One state, whose successor was signed at *ended.  1: go on to the one before. */
static int
look_at_state(struct prune *p, uint64_t version, int64_t *ended, struct err *e)
{
	const struct jv *part;
	char path[VIEW_FILE_MAX];
	const char *signed_at;
	struct jv *top;
	int rc;

	if (view_role_file("snapshot", version, path, e) == -1)
		return -1;
	if ((top = read_file(p, path, e)) == NULL) {
		/* A number that was never in force, or long ago and gone. */
		if (e->code != ERR_ABSENT || version == p->stamp.snapshot)
			return -1;
		err_clear(e);
		return 1;
	}
	part = jv_get(top, "signed");
	signed_at = jv_text(jv_get(part, "x-signed"));
	if (signed_at == NULL || utc_parse(signed_at, ended) == -1)
		rc = err_set(e, ERR_FORMAT, "%s: no x-signed", path);
	else
		rc = list_state(p, part, version == p->stamp.snapshot, e) == -1 ? -1 : 1;
	jv_free(top);
	return rc;
}

/* All states that were in force at some moment of the grace period. */
static int
list_states(struct prune *p, uint64_t *states, struct err *e)
{
	int64_t began = INT64_MAX;
	int rc = 1;

	for (uint64_t v = p->stamp.snapshot; rc == 1 && v > 0 && began > p->since; v--) {
		rc = look_at_state(p, v, &began, e);
		(*states)++;
	}
	items_sort(&p->listed);
	items_sort(&p->today);
	return rc == -1 ? -1 : 0;
}

static int
check_live(const struct prune *p, const struct buf *ours, struct err *e)
{
	struct buf live = BUF_INIT(TUF_TIMESTAMP_MAX);
	int rc = p->dest->kind->read(p->dest, DEST_TIMESTAMP, &live, e);

	if (rc == 0 && (live.len != ours->len ||
	    memcmp(live.data, ours->data, live.len) != 0))
		rc = err_set(e, ERR_POLICY, "%s is at another state than the repository: "
		    "publish, or pull, first", p->dest->where);
	buf_free(&live);
	return rc;
}

/* Paths of what may go, borrowed from `all`. */
static size_t
choose(const struct prune *p, const struct items *all, char **paths,
    struct prune_result *r)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct item *item = &all->list[i];

		if (item->class != CLASS_OBJECT)
			continue;
		if (items_find(&p->today, item->path) != NULL) {
			r->kept++;
		} else if (items_find(&p->listed, item->path) != NULL ||
		    item->changed > p->since) {
			r->waiting++;
			r->waiting_bytes += item->bytes;
		} else {
			r->objects++;
			r->bytes += item->bytes;
			log_detail("%s", item->path);
			paths[n++] = item->path;
		}
	}
	return n;
}

static int
sweep(struct prune *p, bool dry_run, struct prune_result *r, struct err *e)
{
	struct items all = { NULL, 0, 0 };
	char **paths = NULL;
	int rc = -1;
	size_t n;

	if (p->dest->kind->list(p->dest, &all, e) == -1)
		goto out;
	if ((paths = calloc(all.n + 1, sizeof *paths)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	n = choose(p, &all, paths, r);
	rc = dry_run || n == 0 ? 0 : p->dest->kind->remove(p->dest, paths, n, e);
out:
	free(paths);
	items_clear(&all);
	return rc;
}

int
prune_dest(struct dest *d, int64_t now, uint64_t grace_s, bool dry_run,
    struct prune_result *r, struct err *e)
{
	struct prune p = { .dest = d, .since = now - (int64_t)grace_s };
	struct buf ours = BUF_INIT(TUF_TIMESTAMP_MAX);
	int rc = -1;

	memset(r, 0, sizeof *r);
	if (fs_read_file(d->repo, DEST_TIMESTAMP, &ours, e) == 0 &&
	    stamp_read(&ours, &p.stamp, e) == 0 &&
	    ((dry_run && !d->remote) || d->kind->lock(d, e) == 0) &&
	    check_live(&p, &ours, e) == 0 && list_states(&p, &r->states, e) == 0)
		rc = sweep(&p, dry_run, r, e);
	items_clear(&p.seen);
	items_clear(&p.listed);
	items_clear(&p.today);
	buf_free(&ours);
	return rc;
}
