#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs_change.h"

#include "manifest/tuf_state.h"

struct tuf *
tuf_open(int dir, const struct tuf_source *source, const struct tuf_clock *clock,
    struct err *e)
{
	struct tuf *t = calloc(1, sizeof *t);

	if (t == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for metadata");
		return NULL;
	}
	t->dir = dir;
	t->lock = -1;
	t->clock = *clock;
	if (source != NULL)
		t->source = *source;
	if (tuf_root_load(t, e) == 0 && tuf_timestamp_local(t, e) == 0)
		return t;
	tuf_close(t);
	return NULL;
}

static void
forget_delegated(struct tuf *t)
{
	struct tuf_loaded *l, *next;

	for (l = t->delegated; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	t->delegated = NULL;
}

void
tuf_close(struct tuf *t)
{
	struct tuf_meta *m, *next;

	if (t == NULL)
		return;
	forget_delegated(t);
	for (m = t->kept; m != NULL; m = next) {
		next = m->next;
		tuf_meta_free(m);
	}
	if (t->lock != -1)
		(void)close(t->lock);
	free(t);
}

int64_t
tuf_now(const struct tuf *t)
{
	int64_t floor = t->clock.built;

	/* The publisher's clock counts only where the publisher writes it. */
	if (tuf_product(t) == NULL)
		return t->clock.system_now;
	if (t->timestamp != NULL && t->timestamp->x_signed > floor)
		floor = t->timestamp->x_signed;
	if (t->clock.untrusted || floor > t->clock.system_now)
		return floor;
	return t->clock.system_now;
}

/* Everything but root anew, each step on what the one before left. */
static int
load_all(struct tuf *t, struct err *e)
{
	t->snapshot = t->targets = NULL;
	forget_delegated(t);
	if (tuf_timestamp_local(t, e) == -1)
		return -1;
	t->now = tuf_now(t);
	if (tuf_check_expiry(t, t->root, "root", e) == -1)
		return -1;
	if (t->offline && t->timestamp == NULL)
		return err_set(e, ERR_ABSENT, "timestamp: no refresh was ever completed");
	if (!t->offline && tuf_timestamp_update(t, e) == -1)
		return -1;
	if (tuf_snapshot_update(t, e) == -1)
		return -1;
	return tuf_targets_load(t, "targets", t->root->signed_part, &t->targets, e);
}

int
tuf_refresh(struct tuf *t, struct err *e)
{
	int rc = -1;

	t->offline = false;
	if ((t->lock = tuf_lock(t->dir, e)) == -1)
		return -1;
	/* Another run may have gone on from what we opened. */
	if (fs_remove_temps(t->dir, ".", e) == 0 && tuf_root_load(t, e) == 0 &&
	    tuf_root_update(t, e) == 0)
		rc = load_all(t, e);
	(void)close(t->lock);
	t->lock = -1;
	return rc;
}

int
tuf_load_local(struct tuf *t, struct err *e)
{
	t->offline = true;
	if (tuf_root_load(t, e) == -1)
		return -1;
	return load_all(t, e);
}

const char *
tuf_product(const struct tuf *t)
{
	return tuf_product_of(t->root->signed_part);
}

bool
tuf_consistent(const struct tuf *t)
{
	return jv_bool(jv_get(t->root->signed_part, "consistent_snapshot"), false);
}

const struct jv *
tuf_signed(const struct tuf *t, const char *role)
{
	const struct tuf_meta *m = NULL;

	if (strcmp(role, "root") == 0)
		m = t->root;
	else if (strcmp(role, "timestamp") == 0)
		m = t->timestamp;
	else if (strcmp(role, "snapshot") == 0)
		m = t->snapshot;
	else if (strcmp(role, "targets") == 0)
		m = t->targets;
	return m == NULL ? NULL : m->signed_part;
}

int
tuf_times(const struct tuf *t, int64_t *x_signed, int64_t *expires)
{
	if (t->timestamp == NULL)
		return -1;
	*x_signed = tuf_product(t) == NULL ? 0 : t->timestamp->x_signed;
	*expires = t->timestamp->expires;
	return 0;
}

void
tuf_counts(const struct tuf *t, uint64_t *requests, uint64_t *bytes)
{
	*requests = t->requests;
	*bytes = t->bytes;
}
