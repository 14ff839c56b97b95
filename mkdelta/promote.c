#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "mkdelta/channel.h"
#include "mkdelta/old_tree.h"

#include "mkdelta/promote.h"

/* The channel that has it, NULL when none. */
static struct repo_role *
find_source(const struct release *r, const char *source, struct err *e)
{
	struct repo_role *channel = NULL, *role, *found = NULL;

	while (found == NULL && (channel = repo_next_channel(r->repo, channel)) != NULL) {
		const char *name = channel->name;

		if (strcmp(name, r->want->channel) == 0 ||
		    (source != NULL && strcmp(name, source) != 0))
			continue;
		role = NULL;
		while ((role = repo_next_platform(r->repo, name, role)) != NULL) {
			struct catalog c;

			if (repo_catalog(r->repo, role, &c, e) == -1)
				return NULL;
			if (catalog_record(&c, r->number) != NULL)
				found = channel;
			catalog_clear(&c);
		}
	}
	return found;
}

static int
check_order(const struct release *r, const struct release_tree *t, struct err *e)
{
	const struct record *newest = t->old.n_records == 0 ? NULL :
	    &t->old.records[t->old.n_records - 1];
	uint64_t floor = channel_floor(r->repo, repo_role(r->repo, r->want->channel));

	if (r->number < floor)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": is below the floor of "
		    "channel %s, %" PRIu64, r->number, r->want->channel, floor);
	if (newest == NULL)
		return 0;
	if (newest->release > r->number)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": channel %s is at %"
		    PRIu64 " for %s already, and devices only go up", r->number,
		    r->want->channel, newest->release, t->platform);
	if (!r->want->keys.force &&
	    version_compare(t->record.version, newest->version) < 0)
		return err_set(e, ERR_POLICY, "version %s: is lower than the newest of "
		    "channel %s, release %" PRIu64 " with version %s; --force promotes "
		    "all the same", t->record.version, r->want->channel, newest->release,
		    newest->version);
	if (t->record.requires_release > newest->release)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": is reached only from %"
		    PRIu64 " on, and channel %s is at %" PRIu64 "; promote that one first",
		    r->number, t->record.requires_release, r->want->channel,
		    newest->release);
	return 0;
}

/* The tree itself, for the deltas: out of its full. */
static int
unpack(const struct release *r, struct release_tree *t, struct err *e)
{
	struct old_tree tree;
	int rc = -1;

	if (old_tree_open(r->repo, r->repo->work, &t->record, &t->full, &tree, e) == -1)
		return -1;
	t->in.temp_at = -1;
	t->listing = listing_parse(tree.text.data, tree.text.len, false, e);
	if (t->listing != NULL && listing_index(t->listing, e) == 0 &&
	    (t->in.dir = fs_open_dir_at(tree.dir, ".", e)) != -1)
		rc = 0;
	/* The folder stays until the work folder goes; its descriptor is ours. */
	(void)snprintf(tree.name, sizeof tree.name, "%s", "");
	old_tree_close(&tree);
	return rc;
}

static int
take_platform(struct release *r, const struct repo_role *role, struct err *e)
{
	struct release_tree *t = &r->trees[r->n];
	const struct repo_role *goal;
	const struct record *x;
	struct catalog from;
	char name[NAME_MAX_PATH];
	int rc = -1;

	/* Not out of archives: they are behind every channel. */
	if (catalog_read(role->part, repo_platform_name(role), &from, e) == -1)
		return -1;
	x = catalog_record(&from, r->number);
	if (x == NULL || catalog_full(&from, r->number) == NULL) {
		catalog_clear(&from);
		return 0;
	}
	t->in.dir = t->in.temp_at = -1;
	(void)snprintf(t->platform, sizeof t->platform, "%s", repo_platform_name(role));
	t->promoted = role;
	r->n++;
	goal = repo_role(r->repo, role_of_platform(r->want->channel, t->platform, name));
	if ((goal != NULL && repo_catalog(r->repo, goal, &t->old, e) == -1) ||
	    record_copy(&t->record, x, e) == -1 ||
	    edge_copy(&t->full, catalog_full(&from, r->number), e) == -1)
		goto out;
	(void)snprintf(r->version, sizeof r->version, "%s", x->version);
	if (catalog_record(&t->old, r->number) != NULL)
		rc = 1;
	else if (check_order(r, t, e) == 0 && unpack(r, t, e) == 0)
		rc = 0;
out:
	catalog_clear(&from);
	return rc;
}

int
promote_prepare(struct release *r, const char *source, struct err *e)
{
	const struct repo_role *goal = repo_channel(r->repo, r->want->channel, e);
	struct repo_role *from, *role = NULL;
	size_t there = 0;

	if (goal == NULL || (source != NULL && repo_channel(r->repo, source, e) == NULL))
		return -1;
	if (channel_has_withdrawn(goal, r->number))
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": was withdrawn from "
		    "channel %s", r->number, goal->name);
	if ((from = find_source(r, source, e)) == NULL)
		return err_set(e, ERR_USAGE, "release %" PRIu64 ": %s has it; mkdelta list "
		    "%s shows all", r->number, source == NULL ? "no other channel" :
		    "that channel does not", r->repo->path);
	while ((role = repo_next_platform(r->repo, from->name, role)) != NULL) {
		int got;

		if (r->want->platform != NULL &&
		    strcmp(repo_platform_name(role), r->want->platform) != 0)
			continue;
		if (r->n == RELEASE_TREES_MAX)
			return err_set(e, ERR_USAGE, "more than %d platforms",
			    RELEASE_TREES_MAX);
		if ((got = take_platform(r, role, e)) == -1)
			return -1;
		if (got == 1) {		/* nothing to do for this one */
			there++;
			release_drop_last(r);
		}
	}
	if (r->n == 0 && there == 0)
		return err_set(e, ERR_USAGE, "release %" PRIu64 ": channel %s has it for no "
		    "such platform", r->number, from->name);
	return r->n > 0;
}
