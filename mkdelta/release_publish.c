#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_write.h"
#include "mkdelta/archive.h"
#include "mkdelta/channel.h"
#include "mkdelta/expiry.h"
#include "mkdelta/notes.h"
#include "mkdelta/pending.h"

#include "mkdelta/release.h"

static int
add_target(struct repo_role *role, const struct object *o, struct jv *custom,
    struct err *e)
{
	return custom == NULL ? -1 :
	    tuf_set_target(role->part, o->path, o->bytes, &o->sha256, custom, e);
}

static struct jv *
notes_json(const struct buf *notes, struct err *e)
{
	char title[NOTES_TITLE_MAX + 1];
	struct jv *o = jv_new_object();

	notes_title(notes, title);
	if (jv_set(o, "kind", jv_new_text("notes")) == 0 &&
	    jv_set(o, "title", jv_new_text(title)) == 0)
		return o;
	jv_free(o);
	(void)err_set(e, ERR_NOMEM, "out of memory");
	return NULL;
}

static int
place_own(const struct release *r, const struct release_tree *t, struct err *e)
{
	if (repo_place(r->repo, t->tree_temp, &t->record.object, e) == -1 ||
	    repo_place(r->repo, t->full_temp, &t->full.object, e) == -1)
		return -1;
	return r->notes.len == 0 ? 0 : repo_place(r->repo, t->notes_temp, &t->notes, e);
}

static int
place_tree(const struct release *r, const struct release_tree *t, struct err *e)
{
	if (t->promoted == NULL && place_own(r, t, e) == -1)
		return -1;
	for (size_t i = 0; i < t->n_deltas; i++)
		if (t->deltas[i].kept && !t->deltas[i].elsewhere &&
		    repo_place(r->repo, t->deltas[i].temp, &t->deltas[i].edge.object,
			e) == -1)
			return -1;
	return 0;
}

static int
list_own(const struct release *r, struct release_tree *t, struct repo_role *role,
    struct err *e)
{
	if (add_target(role, &t->record.object, record_to_json(&t->record, e), e) == -1 ||
	    add_target(role, &t->full.object, edge_to_json(&t->full, e), e) == -1)
		return -1;
	return r->notes.len == 0 ? 0 :
	    add_target(role, &t->notes, notes_json(&r->notes, e), e);
}

/* What the other channel signed of the release, letter by letter, but its deltas. */
static int
list_promoted(const struct release *r, const struct release_tree *t,
    struct repo_role *role, struct err *e)
{
	const struct jv *target;
	const char *path;
	void *it = NULL;

	while (jv_each(jv_get(t->promoted->part, "targets"), &it, &path, &target)) {
		struct target_name name;

		if (target_parse(path, &name) == -1 || name.release != r->number ||
		    name.kind == TARGET_DELTA)
			continue;
		if (jv_set(jv_get_mutable(role->part, "targets"), path, jv_copy(target)) ==
		    -1)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int
list_tree(struct release *r, struct release_tree *t, struct err *e)
{
	struct repo_role *role = repo_platform_role(r->repo, r->want->channel,
	    t->platform, e);

	if (role == NULL)
		return -1;
	role->changed = true;
	if ((t->promoted != NULL ? list_promoted(r, t, role, e) :
	    list_own(r, t, role, e)) == -1)
		return -1;
	for (size_t i = 0; i < t->n_deltas; i++)
		if (t->deltas[i].kept && add_target(role, &t->deltas[i].edge.object,
		    edge_to_json(&t->deltas[i].edge, e), e) == -1)
			return -1;
	return 0;
}

/* Releases keep their channel from running out, with the keys that are here anyway. */
static void
renew_channel(struct release *r, int64_t now)
{
	struct repo_role *channel = repo_role(r->repo, r->want->channel), *role = channel;

	do {
		struct repo_role *archive = NULL;

		if (expiry_half_over(role->signed_at, role->expires, now))
			role->changed = true;
		while (role != channel &&
		    (archive = repo_next_archive(r->repo, role, archive)) != NULL)
			if (expiry_half_over(archive->signed_at, archive->expires, now))
				archive->changed = true;
	} while ((role = repo_next_platform(r->repo, channel->name,
	    role == channel ? NULL : role)) != NULL);
}

/* Who was sent down may come up again: to this one. */
static int
end_downgrade(struct release *r, struct err *e)
{
	struct repo_role *channel = repo_role(r->repo, r->want->channel);
	uint64_t down = channel_downgrade(channel);

	if (down != 0)
		log_say("channel %s: no longer takes devices down to release %" PRIu64,
		    channel->name, down);
	return channel_set_downgrade(channel, 0, e);
}

int
release_publish(struct release *r, const struct keys *keys, struct err *e)
{
	for (size_t i = 0; i < r->n; i++)
		if (list_tree(r, &r->trees[i], e) == -1)
			return -1;
	for (size_t i = 0; i < r->n; i++)
		if (archive_old(r->repo, repo_platform_role(r->repo, r->want->channel,
		    r->trees[i].platform, e), e) == -1)
			return -1;
	renew_channel(r, utc_now());
	if (end_downgrade(r, e) == -1)
		return -1;
	(void)snprintf(r->repo->reason, sizeof r->repo->reason, "release %" PRIu64 " of %s",
	    r->number, r->want->channel);
	if (pending_check_free(r->repo, e) == -1 || (!repo_can_publish(r->repo, keys) &&
	    repo_place_pending(r->repo, e) == -1))
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (place_tree(r, &r->trees[i], e) == -1)
			return -1;
	return repo_commit(r->repo, keys, utc_now(), r->want->keys.force, e);
}
