#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/chain.h"
#include "manifest/names.h"

#include "hosting/pull_metadata.h"
#include "hosting/wanted.h"

#include "hosting/export.h"

#define PARTS ".export"

/* Where a device on `at` (NULL: nothing) goes next: the highest that it may. */
static const struct record *
next_step(const struct catalog *c, const struct record *at)
{
	uint64_t now = at == NULL ? 0 : at->release;

	for (size_t i = c->n_records; i-- > 0 && c->records[i].release > now;)
		if (c->records[i].usable && !c->records[i].archived &&
		    (c->records[i].requires_release <= now || at == NULL))
			return &c->records[i];
	return NULL;
}

/* The objects of one hop: what it is made with, and the listing of what it makes. */
static int
want_hop(struct wanted *w, const struct catalog *c, const struct edge *hop,
    struct err *e)
{
	const struct record *to = catalog_record(c, hop->release);

	if (to != NULL && wanted_add(w, &to->object, e) == -1)
		return -1;
	return wanted_add(w, &hop->object, e);
}

static int
want_way(struct wanted *w, const struct catalog *c, const struct record *at,
    const struct record *to, struct err *e)
{
	struct chain_edge *edges = calloc(c->n_edges + 1, sizeof *edges);
	struct chain_want want = { .has_tree = at != NULL, .target = to->listing,
		.memory_limit = UINT64_MAX, .room_limit = UINT64_MAX };
	struct chain chain;
	int rc;

	if (edges == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (at != NULL)
		want.tree = at->listing;
	for (size_t i = 0; i < c->n_edges; i++) {
		const struct edge *x = &c->edges[i];

		edges[i] = (struct chain_edge){ .from_nothing = x->is_full,
			.from = x->from, .to = x->to, .release = x->release,
			.bytes = x->object.bytes, .dropped = !x->usable, .edge = x };
	}
	rc = chain_pick(edges, c->n_edges, &want, &chain, e);
	if (rc == 0)
		rc = err_set(e, ERR_POLICY, "release %" PRIu64 ": there is no way to it",
		    to->release);
	for (size_t i = 0; rc == 1 && i < chain.n; i++)
		if (want_hop(w, c, &c->edges[chain.hops[i]], e) == -1)
			rc = -1;
	free(edges);
	return rc == -1 ? -1 : wanted_add(w, &to->object, e);
}

/* All steps of a device that is on `number`; 0: on none. */
static int
want_from(struct wanted *w, const struct catalog *c, uint64_t number, struct err *e)
{
	const struct record *at = NULL, *to;

	if (number != 0 && (at = catalog_record(c, number)) == NULL)
		return err_set(e, ERR_USAGE, "--from %" PRIu64 ": is not listed any more; "
		    "devices there need the full: leave --from away", number);
	if ((to = next_step(c, at)) == NULL) {
		log_warn("release %" PRIu64 ": nothing newer for it", number);
		return at == NULL ? 0 : wanted_add(w, &at->object, e);
	}
	for (; to != NULL; at = to, to = next_step(c, at))
		if (want_way(w, c, at, to, e) == -1)
			return -1;
	return 0;
}

static int
choose(struct wanted *w, const struct catalog *c, const struct export_want *want,
    struct export_result *r, struct err *e)
{
	const struct edge *full;
	uint64_t number;

	for (size_t i = 0; i < c->n_records; i++)
		if (!c->records[i].archived)
			r->release = c->records[i].release;
	if (r->release == 0)
		return err_set(e, ERR_USAGE, "%s: no release yet", want->platform);
	for (int i = 0; i < want->from.n; i++)
		if (name_parse_release(want->from.values[i], &number, e) == -1 ||
		    want_from(w, c, number, e) == -1)
			return -1;
	if (want->from.n == 0 && want_from(w, c, 0, e) == -1)
		return -1;
	if (want->full && (full = catalog_full(c, r->release)) != NULL)
		return want_hop(w, c, full, e);
	return 0;
}

static int
find_catalog(const struct view *v, const struct export_want *want, struct catalog *c,
    struct err *e)
{
	const struct view_role *channel, *role;
	const char *platform;
	size_t it = 0, k = 0;

	while ((channel = view_next_channel(v, &it)) != NULL)
		if (want->channel == NULL ||
		    strcmp(view_role_name(channel), want->channel) == 0)
			break;
	if (channel == NULL)
		return err_set(e, ERR_USAGE, "%s: the repository has no such channel",
		    want->channel == NULL ? "--channel" : want->channel);
	while ((role = view_next_platform(v, channel, &k, &platform)) != NULL)
		if (strcmp(platform, want->platform) == 0)
			return view_catalog(v, role, c, e);
	return err_set(e, ERR_USAGE, "--platform %s: channel %s has no release for it",
	    want->platform, view_role_name(channel));
}

static int
bring(const struct view *v, int medium, const struct wanted *w, struct export_result *r,
    struct err *e)
{
	uint64_t unnamed = 0;
	int rc;

	if (fs_mkdirs(medium, PARTS, 0700, e) == -1 ||
	    wanted_missing(w, medium, &r->objects, &r->bytes, &r->kept, e) == -1)
		return -1;
	progress_start("export", r->bytes, true);
	rc = wanted_fetch(w, v->site, medium, PARTS, e);
	progress_end();
	if (rc == -1 || fs_rmdir(medium, PARTS, e) == -1)
		return -1;
	return pull_metadata(v->site, medium, v, &unnamed, e);
}

int
export_to(const struct view *v, int medium, const struct export_want *want,
    struct export_result *r, struct err *e)
{
	struct wanted w = { NULL, 0, 0 };
	struct catalog c;
	int rc = -1;

	memset(r, 0, sizeof *r);
	r->timestamp = v->timestamp;
	if (find_catalog(v, want, &c, e) == -1)
		return -1;
	if (choose(&w, &c, want, r, e) == 0)
		rc = bring(v, medium, &w, r, e);
	wanted_clear(&w);
	catalog_clear(&c);
	return rc;
}
