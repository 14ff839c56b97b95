#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"
#include "manifest/edges.h"

#include "hosting/pull_metadata.h"
#include "hosting/wanted.h"

#include "hosting/pull.h"

static int
want_release(struct wanted *w, const struct catalog *c, const struct record *r,
    struct err *e)
{
	const struct edge *full = catalog_full(c, r->release);

	if (wanted_add(w, &r->object, e) == -1)
		return -1;
	return full == NULL ? 0 : wanted_add(w, &full->object, e);
}

/* Old trees of the next release of this platform, and those that were asked for. */
static int
want_platform(struct wanted *w, const struct catalog *c, const struct pull_want *want,
    struct err *e)
{
	uint64_t from[EDGES_MAX], number;
	size_t n = edges_plan(c->n_records + 1, from);

	for (size_t i = 0; i < n; i++)
		if (want_release(w, c, &c->records[from[i] - 1], e) == -1)
			return -1;
	for (int i = 0; i < want->releases.n; i++) {
		const struct record *r;

		if (name_parse_release(want->releases.values[i], &number, e) == -1)
			return -1;
		if ((r = catalog_record(c, number)) != NULL &&
		    want_release(w, c, r, e) == -1)
			return -1;
	}
	return 0;
}

static int
want_object(void *arg, const struct view_role *role, const struct object *o,
    struct err *e)
{
	(void)role;
	return wanted_add(arg, o, e);
}

static int
want_channel(struct wanted *w, const struct view *v, const struct view_role *channel,
    const struct pull_want *want, unsigned *seen, struct err *e)
{
	const struct view_role *role;
	const char *platform;
	size_t it = 0;
	int rc = 0;

	while (rc == 0 &&
	    (role = view_next_platform(v, channel, &it, &platform)) != NULL) {
		struct catalog c;

		if (want->platform != NULL && strcmp(platform, want->platform) != 0)
			continue;
		(*seen)++;
		if (view_catalog(v, role, &c, e) == -1)
			return -1;
		rc = want_platform(w, &c, want, e);
		catalog_clear(&c);
	}
	return rc;
}

static int
choose(struct wanted *w, const struct view *v, const struct pull_want *want,
    struct err *e)
{
	const struct view_role *channel;
	unsigned channels = 0, platforms = 0;
	size_t it = 0;

	if (want->all)
		return view_each_object(v, want_object, w, e);
	while ((channel = view_next_channel(v, &it)) != NULL) {
		if (want->channel != NULL &&
		    strcmp(view_role_name(channel), want->channel) != 0)
			continue;
		channels++;
		if (want_channel(w, v, channel, want, &platforms, e) == -1)
			return -1;
	}
	if (want->channel != NULL && channels == 0)
		return err_set(e, ERR_USAGE, "--channel %s: the repository has none",
		    want->channel);
	/* A platform may be new with the next release. */
	if (want->platform != NULL && platforms == 0)
		log_warn("no release for %s yet", want->platform);
	return 0;
}

static int
pull_all(const struct site *s, int repo, const struct view *v,
    const struct pull_want *want, struct pull_result *r, struct err *e)
{
	struct wanted w = { NULL, 0, 0 };
	int rc = -1;

	if (pull_same_line(s, repo, v, &r->current, e) == -1 ||
	    choose(&w, v, want, e) == -1 ||
	    wanted_missing(&w, repo, &r->objects, &r->bytes, &r->kept, e) == -1)
		goto out;
	if (want->dry_run) {
		rc = 0;
		goto out;
	}
	progress_start("pull", r->bytes, true);
	rc = wanted_fetch(&w, s, repo, PULL_FOLDER, e);
	progress_end();
	if (rc == 0)
		rc = pull_metadata(s, repo, v, &r->unnamed, e);
	if (rc == 0)
		rc = pull_forget_parts(repo, e);
out:
	wanted_clear(&w);
	return rc;
}

int
pull_repo(const struct site *s, int repo, const struct pull_want *want,
    struct pull_result *r, struct err *e)
{
	struct view v;
	int dir, rc = -1;

	memset(r, 0, sizeof *r);
	if ((dir = pull_open_folder(repo, &want->trust, e)) == -1)
		return -1;
	if (view_open(&v, s, dir, &want->trust, e) == 0) {
		r->timestamp = v.timestamp;
		rc = pull_all(s, repo, &v, want, r, e);
		view_close(&v);
	}
	(void)close(dir);
	return rc;
}

int
pull_check(const struct site *s, int repo, const struct view_trust *trust,
    struct pull_result *r, struct err *e)
{
	struct view v;
	int dir, rc = -1;

	memset(r, 0, sizeof *r);
	if ((dir = pull_open_folder(repo, trust, e)) == -1)
		return -1;
	if (view_open(&v, s, dir, trust, e) == 0) {
		r->timestamp = v.timestamp;
		rc = pull_same_line(s, repo, &v, &r->current, e);
		if (rc == 0 && !r->current)
			rc = err_set(e, ERR_POLICY, "%s has gone on: its timestamp is %"
			    PRIu64 " now; pull again before anything is signed", s->where,
			    v.timestamp);
		view_close(&v);
	}
	(void)close(dir);
	return rc;
}
