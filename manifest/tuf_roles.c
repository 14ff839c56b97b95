#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/utc.h"

#include "manifest/tuf_listed.h"

#include "manifest/tuf_state.h"

int
tuf_check_expiry(
    const struct tuf *t, const struct tuf_meta *m, const char *role, struct err *e)
{
	char expires[UTC_TEXT_MAX], now[UTC_TEXT_MAX];

	if (t->offline || m->expires > t->now)
		return 0;
	return err_set(e, ERR_STALE,
	    "%s: metadata expired on %s, or the clock is wrong: "
	    "it says %s",
	    role, utc_text(expires, m->expires), utc_text(now, t->now));
}

/* All that is checked of a new file before it is compared with the old one:
 * bytes as listed (NULL: nothing lists it), signatures, shape, product, version. */
static int
check_new(const struct tuf *t, const char *role, const struct jv *delegator,
    const struct jv *listed, struct tuf_file *f, struct err *e)
{
	if (listed != NULL && tuf_listed_check_bytes(listed, &f->bytes, e) == -1)
		return -1;
	if ((f->meta = tuf_meta_parse(f->bytes.data, f->bytes.len, e)) == NULL ||
	    tuf_meta_verify(f->meta, delegator, role, e) == -1 ||
	    tuf_meta_check(f->meta, role, e) == -1 ||
	    tuf_meta_check_product(f->meta, tuf_product(t), e) == -1)
		return -1;
	return listed == NULL ? 0 : tuf_listed_check_version(listed, f->meta, e);
}

static size_t
limit_of(const struct jv *listed, size_t otherwise)
{
	int64_t length;

	if (jv_int(jv_get(listed, "length"), &length) == -1)
		return otherwise;
	return length > TUF_FILE_MAX ? TUF_FILE_MAX : (size_t)length;
}

/* Get the role's file and check it so; *f is empty on failure. */
static int
fetch_new(struct tuf *t, const char *role, const struct jv *delegator,
    const struct jv *listed, size_t max, struct tuf_file *f, struct err *e)
{
	uint64_t version =
	    listed != NULL && tuf_consistent(t) ? tuf_listed_version(listed) : 0;

	f->meta = NULL;
	buf_init(&f->bytes, limit_of(listed, max));
	if (tuf_fetch(t, role, version, &f->bytes, e) == -1) {
		/* Only a root may be missing: this host is not complete. */
		if (e->code == ERR_ABSENT && t->source.get != NULL)
			e->code = ERR_NET;
	} else if (check_new(t, role, delegator, listed, f, e) == -1)
		(void)err_wrap(e, "%s", role);
	else
		return 0;
	tuf_file_drop(f);
	return -1;
}

/* A refresh holds the lock already; a role that is loaded later takes it for the
 * moment. */
static int
store_locked(struct tuf *t, const char *role, const struct buf *bytes, struct err *e)
{
	int lock, rc;

	if (t->lock != -1)
		return tuf_store(t->dir, role, bytes, e);
	if ((lock = tuf_lock(t->dir, e)) == -1)
		return -1;
	rc = tuf_store(t->dir, role, bytes, e);
	(void)close(lock);
	return rc;
}

/* Not expired, then on the disk, then trusted. */
static struct tuf_meta *
accept(struct tuf *t, const char *role, struct tuf_file *f, struct err *e)
{
	if (tuf_check_expiry(t, f->meta, role, e) == 0 &&
	    store_locked(t, role, &f->bytes, e) == 0)
		return tuf_keep(t, f);
	tuf_file_drop(f);
	return NULL;
}

int
tuf_timestamp_local(struct tuf *t, struct err *e)
{
	struct tuf_file f;
	int found = tuf_local(t, "timestamp", t->root->signed_part, &f, e);

	t->timestamp = found == 1 ? tuf_keep(t, &f) : NULL;
	return found == -1 ? -1 : 0;
}

/* 1 newer than the trusted one, 0 the same, -1 older. */
static int
compare_timestamps(const struct tuf_meta *old, const struct tuf_meta *new, struct err *e)
{
	uint64_t before, after;

	if (new->version == old->version)
		return 0;
	if (new->version < old->version)
		return err_set(e, ERR_TRUST,
		    "timestamp: rollback to version %llu, %llu was trusted before",
		    (unsigned long long)new->version, (unsigned long long)old->version);
	before = tuf_listed_version(tuf_listed_in(old, "snapshot"));
	after = tuf_listed_version(tuf_listed_in(new, "snapshot"));
	if (after < before)
		return err_set(e, ERR_TRUST,
		    "timestamp: rollback of snapshot to version %llu, %llu was "
		    "trusted before",
		    (unsigned long long)after, (unsigned long long)before);
	return 1;
}

int
tuf_timestamp_update(struct tuf *t, struct err *e)
{
	struct tuf_meta *new;
	struct tuf_file f;
	int newer = 1;

	if (fetch_new(t, "timestamp", t->root->signed_part, NULL, TUF_TIMESTAMP_MAX, &f,
		e) == -1)
		return -1;
	if (t->timestamp != NULL)
		newer = compare_timestamps(t->timestamp, f.meta, e);
	if (newer != 1) {
		/* The same version again says nothing; the old one counts on. */
		tuf_file_drop(&f);
		return newer == -1 ? -1
				   : tuf_check_expiry(t, t->timestamp, "timestamp", e);
	}
	if ((new = accept(t, "timestamp", &f, e)) == NULL)
		return -1;
	t->timestamp = new;
	return 0;
}

/* Every role that was listed is listed still, and none went back. */
static int
check_snapshot(const struct tuf_meta *old, const struct tuf_meta *new, struct err *e)
{
	const struct jv *meta = jv_get(new->signed_part, "meta"), *before;
	const char *name;
	void *it = NULL;

	while (jv_each(jv_get(old->signed_part, "meta"), &it, &name, &before)) {
		const struct jv *after = jv_get(meta, name);

		if (after == NULL)
			return err_set(
			    e, ERR_TRUST, "snapshot: %.64s is not listed any more", name);
		if (tuf_listed_version(after) < tuf_listed_version(before))
			return err_set(e, ERR_TRUST,
			    "snapshot: rollback of %.64s to version %llu, %llu was "
			    "trusted before",
			    name, (unsigned long long)tuf_listed_version(after),
			    (unsigned long long)tuf_listed_version(before));
	}
	return 0;
}

/* Is the local file the very one that is listed today? */
static bool
is_listed(const struct jv *listed, const struct tuf_file *f)
{
	struct err e;

	return tuf_listed_check_version(listed, f->meta, &e) == 0 &&
	       tuf_listed_check_bytes(listed, &f->bytes, &e) == 0;
}

/* `old` may have no metadata: no memory of an earlier snapshot. */
static int
snapshot_fetch(
    struct tuf *t, const struct jv *listed, const struct tuf_meta *old, struct err *e)
{
	struct tuf_file f;

	if (fetch_new(t, "snapshot", t->root->signed_part, listed, TUF_SNAPSHOT_MAX, &f,
		e) == -1)
		return -1;
	if (old != NULL && check_snapshot(old, f.meta, e) == -1) {
		tuf_file_drop(&f);
		return -1;
	}
	t->snapshot = accept(t, "snapshot", &f, e);
	return t->snapshot == NULL ? -1 : 0;
}

int
tuf_snapshot_update(struct tuf *t, struct err *e)
{
	const struct jv *listed = tuf_listed_in(t->timestamp, "snapshot");
	struct tuf_file old;
	int found = tuf_local(t, "snapshot", t->root->signed_part, &old, e);
	int rc;

	if (found == -1)
		return -1;
	/* Offline, the snapshot may be older than a timestamp that came alone. */
	if (found == 1 && (t->offline || is_listed(listed, &old))) {
		t->snapshot = tuf_keep(t, &old);
		return tuf_check_expiry(t, t->snapshot, "snapshot", e);
	}
	if (t->offline)
		return err_set(e, ERR_ABSENT, "snapshot: no refresh was ever completed");
	rc = snapshot_fetch(t, listed, found == 1 ? old.meta : NULL, e);
	if (found == 1)
		tuf_file_drop(&old);
	return rc;
}

static struct tuf_meta *
find_loaded(const struct tuf *t, const char *role)
{
	for (const struct tuf_loaded *l = t->delegated; l != NULL; l = l->next)
		if (strcmp(l->name, role) == 0)
			return l->meta;
	return NULL;
}

static int
remember(struct tuf *t, const char *role, struct tuf_meta *m, struct err *e)
{
	struct tuf_loaded *l = calloc(1, sizeof *l);

	if (l == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a role");
	l->name = role;
	l->meta = m;
	l->next = t->delegated;
	t->delegated = l;
	return 0;
}

static struct tuf_meta *
targets_from_anywhere(struct tuf *t, const char *role, const struct jv *delegator,
    const struct jv *listed, struct err *e)
{
	struct tuf_meta *m;
	struct tuf_file f;
	int found = tuf_local(t, role, delegator, &f, e);

	if (found == -1)
		return NULL;
	if (found == 1 && is_listed(listed, &f)) {
		m = tuf_keep(t, &f);
		return tuf_check_expiry(t, m, role, e) == -1 ? NULL : m;
	}
	if (found == 1)
		tuf_file_drop(&f);
	if (t->offline) {
		(void)err_set(e, ERR_ABSENT, "%s: not here yet; refresh first", role);
		return NULL;
	}
	if (fetch_new(t, role, delegator, listed, TUF_TARGETS_MAX, &f, e) == -1)
		return NULL;
	return accept(t, role, &f, e);
}

int
tuf_targets_load(struct tuf *t, const char *role, const struct jv *delegator,
    struct tuf_meta **out, struct err *e)
{
	const struct jv *listed = tuf_listed_in(t->snapshot, role);
	struct tuf_meta *m = find_loaded(t, role);

	if (listed == NULL)
		return err_set(e, ERR_ABSENT, "%s: snapshot does not list it", role);
	if (m != NULL) {
		/* Loaded on another's word: this delegator must vouch for it too. */
		if (tuf_meta_verify(m, delegator, role, e) == -1)
			return err_wrap(e, "%s", role);
		*out = m;
		return 0;
	}
	m = targets_from_anywhere(t, role, delegator, listed, e);
	if (m == NULL || remember(t, role, m, e) == -1)
		return -1;
	*out = m;
	return 0;
}
