/*
 * Which number, which version: a number once used is never used for other content.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/utc.h"
#include "mkdelta/channel.h"

#include "mkdelta/release.h"

enum { CREATED_APART = 2 };	/* seconds; file times tell releases apart */

struct survey {			/* of all that was ever released here */
	uint64_t highest;		/* number, over all channels */
	int64_t last_created;
	struct record newest;		/* of our channel; release 0: none */
	struct record same;		/* of our channel, with the number wanted */
	bool used_elsewhere;		/* the number wanted, by another channel */
	char elsewhere[NAME_MAX_PATH];
	bool withdrawn;			/* the number wanted, by any channel */
};

static void
survey_catalog(struct survey *s, const struct catalog *c, const char *channel, bool ours,
    uint64_t wanted)
{
	for (size_t i = 0; i < c->n_records; i++) {
		const struct record *x = &c->records[i];

		if (x->release > s->highest)
			s->highest = x->release;
		if (x->created > s->last_created)
			s->last_created = x->created;
		if (ours && x->release >= s->newest.release)
			s->newest = *x;
		if (x->release != wanted)
			continue;
		if (ours)
			s->same = *x;
		else {
			s->used_elsewhere = true;
			(void)snprintf(s->elsewhere, sizeof s->elsewhere, "%s", channel);
		}
	}
	/* What they own goes with the catalog. */
	s->newest.needs = s->newest.requires_hardware = NULL;
	s->same.needs = s->same.requires_hardware = NULL;
}

/* Records of all channels; those of ours are kept with their trees. */
static int
survey_all(struct release *r, uint64_t wanted, struct survey *s, struct err *e)
{
	struct repo_role *channel = NULL, *role;

	memset(s, 0, sizeof *s);
	while ((channel = repo_next_channel(r->repo, channel)) != NULL) {
		const char *name = channel->name;
		bool ours = strcmp(name, r->want->channel) == 0;

		if (channel_last_withdrawn(channel) > s->highest)
			s->highest = channel_last_withdrawn(channel);
		if (channel_has_withdrawn(channel, wanted))
			s->withdrawn = true;

		role = NULL;
		while ((role = repo_next_platform(r->repo, name, role)) != NULL) {
			const char *platform = repo_platform_name(role);
			struct catalog c, *keep = &c;

			for (size_t i = 0; ours && i < r->n; i++)
				if (strcmp(r->trees[i].platform, platform) == 0)
					keep = &r->trees[i].old;
			if (repo_catalog(r->repo, role, keep, e) == -1)
				return -1;
			survey_catalog(s, keep, name, ours, wanted);
			if (keep == &c)
				catalog_clear(&c);
		}
	}
	return 0;
}

static bool
is_same(const struct release *r, const struct release_tree *t, const struct record *x)
{
	char number[24];

	(void)snprintf(number, sizeof number, "%" PRIu64, x->release);
	return sha256_equal(&x->listing, &t->record.listing) &&
	    strcmp(x->version, r->version_given ? r->version : number) == 0;
}

/* Is each tree what the channel has as this release (0: its newest)? */
static bool
is_released(const struct release *r, uint64_t number)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct catalog *c = &r->trees[i].old;
		const struct record *x = number == 0 && c->n_records > 0 ?
		    &c->records[c->n_records - 1] : catalog_record(c, number);

		if (x == NULL || !is_same(r, &r->trees[i], x))
			return false;
	}
	return true;
}

/* The number stands already: only platforms that it lacks may come, as equals. */
static int
join_release(struct release *r, const struct survey *s, struct err *e)
{
	uint64_t n = s->same.release;

	for (size_t i = 0; i < r->n; i++) {
		const struct release_tree *t = &r->trees[i];
		const struct catalog *c = &t->old;

		if (catalog_record(c, n) != NULL)
			return err_set(e, ERR_POLICY, "release %" PRIu64 ": is used "
			    "already for %s %s, with other content; a number is never "
			    "used twice, leave out --number for the next one", n,
			    t->platform, catalog_record(c, n)->version);
		if (c->n_records > 0 && c->records[c->n_records - 1].release > n)
			return err_set(e, ERR_POLICY, "release %" PRIu64 ": %s is at %"
			    PRIu64 " already", n, t->platform,
			    c->records[c->n_records - 1].release);
	}
	if (r->version_given && strcmp(r->version, s->same.version) != 0)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": its other platforms "
		    "have version %s, not %s", n, s->same.version, r->version);
	if (r->commit[0] != '\0' && strcmp(r->commit, s->same.commit) != 0)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": its other platforms "
		    "were built from commit %s, not %s", n, s->same.commit[0] == '\0' ?
		    "(unknown)" : s->same.commit, r->commit);
	(void)snprintf(r->version, sizeof r->version, "%s", s->same.version);
	(void)snprintf(r->commit, sizeof r->commit, "%s", s->same.commit);
	r->created = s->same.created;
	r->number = n;
	return release_says_reachable(r, e) == -1 ? -1 : 1;
}

static int
check_number(const struct release *r, uint64_t n, const struct survey *s, struct err *e)
{
	if (s->used_elsewhere)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": is used already in "
		    "channel %s; a number is never used twice", n, s->elsewhere);
	if (n < s->newest.release)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": is lower than the "
		    "newest of channel %s, %" PRIu64 "; leave out --number for the next "
		    "one", n, r->want->channel, s->newest.release);
	return 0;
}

static int
check_version(const struct release *r, const struct survey *s, struct err *e)
{
	if (s->newest.release == 0 || r->want->keys.force ||
	    version_compare(r->version, s->newest.version) >= 0)
		return 0;
	return err_set(e, ERR_POLICY, "version %s: is lower than the newest of channel "
	    "%s, release %" PRIu64 " with version %s; devices only go up: release the "
	    "old tree under a higher version, or --force", r->version, r->want->channel,
	    s->newest.release, s->newest.version);
}

static void
set_created(struct release *r, const struct survey *s)
{
	r->created = utc_now();
	if (r->created < s->last_created + CREATED_APART)
		r->created = s->last_created + CREATED_APART;
}

int
release_decide(struct release *r, struct err *e)
{
	struct survey s;
	uint64_t wanted = 0;

	if (r->want->number != NULL &&
	    name_parse_release(r->want->number, &wanted, e) == -1)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (sha256_of(r->trees[i].text.data, r->trees[i].text.len,
		    &r->trees[i].record.listing, e) == -1)
			return -1;
	if (survey_all(r, wanted, &s, e) == -1)
		return -1;
	if (is_released(r, wanted)) {
		const struct catalog *c = &r->trees[0].old;

		int higher;

		r->number = wanted != 0 ? wanted : c->records[c->n_records - 1].release;
		if ((higher = release_says_compare(r, e)) == -1)
			return -1;
		return higher == 1 ? 2 : 0;
	}
	if (s.withdrawn)
		return err_set(e, ERR_POLICY, "release %" PRIu64 ": was withdrawn; a number "
		    "is never used twice, leave out --number for the next one", wanted);
	if (s.same.release != 0)
		return join_release(r, &s, e);
	if (wanted != 0 && check_number(r, wanted, &s, e) == -1)
		return -1;
	if (wanted == 0 && s.highest >= RELEASE_MAX)
		return err_set(e, ERR_POLICY, "release numbers: the last one is used");
	r->number = wanted != 0 ? wanted : s.highest + 1;
	if (!r->version_given)
		(void)snprintf(r->version, sizeof r->version, "%" PRIu64, r->number);
	set_created(r, &s);
	return check_version(r, &s, e) == -1 || release_says_reachable(r, e) == -1 ?
	    -1 : 1;
}
