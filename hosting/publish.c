#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/tuf_meta.h"

#include "hosting/current.h"
#include "hosting/view.h"

#include "hosting/publish.h"

struct publish {
	struct dest *dest;
	struct items ours, theirs;
	struct buf timestamp, live;	/* ours; the host's, empty: none */
	struct stamp stamp;
	struct current current;
	struct item **some;		/* room for pointers to all of ours */
	bool dry_run;
};

/* The first bytes of ours are what a killed upload left: out of the way with them. */
static int
drop_scrap(struct publish *p, const struct item *item, uint64_t bytes, struct err *e)
{
	struct buf ours = BUF_INIT(TUF_TARGETS_MAX), theirs = BUF_INIT(TUF_TARGETS_MAX);
	int rc = -1;

	if (fs_read_file(p->dest->repo, item->path, &ours, e) == -1 ||
	    p->dest->kind->read(p->dest, item->path, &theirs, e) == -1)
		goto out;
	if (theirs.len != bytes || bytes > ours.len ||
	    memcmp(ours.data, theirs.data, theirs.len) != 0)
		(void)err_set(e, ERR_POLICY, "%s: the destination holds other bytes under "
		    "this name; it belongs to another repository?", item->path);
	else
		rc = p->dry_run ? 0 : p->dest->kind->remove(p->dest, &item->path, 1, e);
out:
	buf_free(&ours);
	buf_free(&theirs);
	return rc;
}

/* Is it there already?  Of what comes in pieces, a shorter one is none yet. */
static int
look(struct publish *p, struct item *item, struct err *e)
{
	const struct item *there = items_find(&p->theirs, item->path);

	if (there == NULL)
		return 0;
	if (there->bytes == item->bytes)
		item->there = true;
	else if (p->dest->remote && there->bytes < item->bytes &&
	    item->class != CLASS_OBJECT)
		return drop_scrap(p, item, there->bytes, e);
	else if (!p->dest->remote || there->bytes > item->bytes)
		return err_set(e, ERR_POLICY, "%s: the destination holds something else "
		    "under this name; it belongs to another repository?", item->path);
	return 0;
}

/* Metadata under names that are there must be the same.  Each question to another
 * machine costs time, so only what is in force is asked for there. */
static int
compare_metadata(struct publish *p, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < p->ours.n; i++) {
		struct item *item = &p->ours.list[i];

		if (item->there && item->class != CLASS_OBJECT && (!p->dest->remote ||
		    item->class == CLASS_ROOT ||
		    items_find(&p->current.metadata, item->path) != NULL))
			p->some[n++] = item;
	}
	return p->dest->kind->check(p->dest, p->some, n, e);
}

/* Every object that the new state lists is here, or on the host already. */
static int
check_complete(struct publish *p, struct err *e)
{
	for (size_t i = 0; i < p->current.objects.n; i++) {
		const struct item *o = &p->current.objects.list[i], *have;

		if ((have = items_find(&p->ours, o->path)) == NULL)
			have = items_find(&p->theirs, o->path);
		if (have == NULL)
			return err_set(e, ERR_TRUST, "%s: is listed, but neither here nor at "
			    "the destination; pull it with: delta-host pull --all", o->path);
		if (have->bytes != o->bytes)
			return err_set(e, ERR_TRUST, "%s: has %" PRIu64 " bytes, signed were %"
			    PRIu64 "; run mkdelta verify", o->path, have->bytes, o->bytes);
	}
	return 0;
}

/* The host's timestamp as it is now; empty when there is none. */
static int
read_live(struct publish *p, struct buf *out, struct err *e)
{
	if (p->dest->kind->read(p->dest, DEST_TIMESTAMP, out, e) == 0)
		return 0;
	if (e->code != ERR_ABSENT)
		return -1;
	err_clear(e);
	return 0;
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Does the repository hold the snapshot that the host is at? */
static int
check_line(struct publish *p, const struct stamp *live, struct err *e)
{
	struct buf file = BUF_INIT(TUF_SNAPSHOT_MAX);
	char path[VIEW_FILE_MAX];
	struct sha256 got;
	bool ours = false;

	if (live->version >= p->stamp.version)
		return err_set(e, ERR_POLICY,
		    "the destination is at timestamp %" PRIu64 ", this repository at %" PRIu64
		    ": publish from the repository that made it, or pull", live->version,
		    p->stamp.version);
	if (view_role_file("snapshot", live->snapshot, path, e) == -1)
		return -1;
	if (fs_read_file(p->dest->repo, path, &file, e) == 0 &&
	    sha256_of(file.data, file.len, &got, e) == 0)
		ours = sha256_equal(&got, &live->hash);
	buf_free(&file);
	return ours ? (err_clear(e), 0) : err_set(e, ERR_POLICY, "the destination is at "
	    "snapshot %" PRIu64 ", which this repository does not go on from: another "
	    "release was published meanwhile; pull into an empty folder and make the "
	    "release there", live->snapshot);
}

static int
compare_timestamps(struct publish *p, struct publish_result *r, struct err *e)
{
	struct stamp live;

	if (read_live(p, &p->live, e) == -1)
		return -1;
	r->current = same(&p->live, &p->timestamp);
	if (p->live.len == 0 || r->current)
		return 0;
	return stamp_read(&p->live, &live, e) == -1 ? -1 : check_line(p, &live, e);
}

static int
gather(struct publish *p, struct publish_result *r, struct err *e)
{
	if (items_gather(&p->ours, p->dest->repo, e) == -1 ||
	    p->dest->kind->list(p->dest, &p->theirs, e) == -1)
		return -1;
	if ((p->some = calloc(p->ours.n + 1, sizeof(struct item *))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < p->ours.n; i++) {
		struct item *item = &p->ours.list[i];

		if (look(p, item, e) == -1)
			return -1;
		r->kept += item->there;
		r->files += !item->there;
		r->bytes += item->there ? 0 : item->bytes;
	}
	return 0;
}

/* Objects are named by their hash: other bytes never leave here. */
static int
check_ours(const struct publish *p, struct item *const *items, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int fd, rc;

		if (cancel_check(e) == -1 ||
		    (fd = fs_open_file(p->dest->repo, items[i]->path, NULL, e)) == -1)
			return -1;
		rc = item_check_object(fd, items[i]->path, e);
		(void)close(fd);
		if (rc == -1)
			return -1;
	}
	return 0;
}

static size_t
choose(struct publish *p, enum item_class class)
{
	size_t n = 0;

	for (size_t i = 0; i < p->ours.n; i++)
		if (!p->ours.list[i].there && p->ours.list[i].class == class)
			p->some[n++] = &p->ours.list[i];
	return n;
}

static int
copy_class(struct publish *p, enum item_class class, struct err *e)
{
	size_t n = choose(p, class);

	if (n == 0)
		return 0;
	if (class == CLASS_OBJECT && check_ours(p, p->some, n, e) == -1)
		return -1;
	if (p->dest->kind->put(p->dest, p->some, n, e) == -1)
		return -1;
	return p->dest->kind->check(p->dest, p->some, n, e);
}

/* Where names cannot be created exclusively, another one may have written them after
 * they were read back. */
static int
check_again(struct publish *p, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; !p->dest->exclusive && i < p->ours.n; i++)
		if (!p->ours.list[i].there && p->ours.list[i].class != CLASS_OBJECT)
			p->some[n++] = &p->ours.list[i];
	return p->dest->kind->check(p->dest, p->some, n, e);
}

/* The last look at the host's timestamp, ours in its place, and is it there? */
static int
switch_over(struct publish *p, struct err *e)
{
	struct buf now = BUF_INIT(TUF_TIMESTAMP_MAX), after = BUF_INIT(TUF_TIMESTAMP_MAX);
	int rc = -1;

	if (check_again(p, e) == -1 || read_live(p, &now, e) == -1)
		goto out;
	if (!same(&now, &p->live)) {
		(void)err_set(e, ERR_POLICY, "another release was published meanwhile; "
		    "nothing of it was replaced; pull and make this one again");
		goto out;
	}
	if (p->dest->kind->replace(p->dest, &p->timestamp, e) == -1 ||
	    read_live(p, &after, e) == -1)
		goto out;
	rc = same(&after, &p->timestamp) ? 0 : err_set(e, ERR_POLICY, DEST_TIMESTAMP
	    ": the destination has another one than was just put there: another job "
	    "publishes at the same moment; let them wait for each other");
out:
	buf_free(&now);
	buf_free(&after);
	return rc;
}

static int
copy_all(struct publish *p, const struct publish_result *r, struct err *e)
{
	int rc = 0;

	progress_start("publish", r->bytes, true);
	for (enum item_class c = CLASS_OBJECT; rc == 0 && c < CLASS_NONE; c++)
		rc = copy_class(p, c, e);
	progress_end();
	return rc == -1 || r->current ? rc : switch_over(p, e);
}

static int
read_ours(struct publish *p, struct publish_result *r, struct err *e)
{
	if (fs_read_file(p->dest->repo, DEST_TIMESTAMP, &p->timestamp, e) == -1) {
		if (e->code == ERR_ABSENT)
			(void)err_set(e, ERR_USAGE, "no repository: " DEST_TIMESTAMP
			    " is missing; mkdelta init makes one");
		return -1;
	}
	if (stamp_read(&p->timestamp, &p->stamp, e) == -1)
		return -1;
	r->version = p->stamp.version;
	return current_read(&p->current, p->dest->repo, &p->stamp, e);
}

int
publish_repo(struct dest *d, bool dry_run, struct publish_result *r, struct err *e)
{
	struct publish p = { .dest = d, .timestamp = BUF_INIT(TUF_TIMESTAMP_MAX),
		.live = BUF_INIT(TUF_TIMESTAMP_MAX), .dry_run = dry_run };
	int rc = -1;

	memset(r, 0, sizeof *r);
	/* Names first: of another repository the age says nothing. */
	if (read_ours(&p, r, e) == 0 &&
	    ((dry_run && !d->remote) || d->kind->lock(d, e) == 0) &&
	    gather(&p, r, e) == 0 && compare_metadata(&p, e) == 0 &&
	    compare_timestamps(&p, r, e) == 0 && check_complete(&p, e) == 0)
		rc = dry_run ? 0 : copy_all(&p, r, e);
	if (rc == 0 && !r->current)
		r->files++, r->bytes += p.timestamp.len;
	r->exclusive = d->exclusive;
	items_clear(&p.ours);
	items_clear(&p.theirs);
	current_clear(&p.current);
	free(p.some);
	buf_free(&p.timestamp);
	buf_free(&p.live);
	return rc;
}
