#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/log.h"
#include "manifest/edges.h"
#include "manifest/tuf_meta.h"

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

/* Is it here, whole?  1, 0, -1. */
static int
is_here(int repo, const char *file, const struct object *o, struct err *e)
{
	struct sha256 got;
	struct stat st;
	int fd, rc;

	if ((rc = fs_stat_at(repo, file, &st, e)) != 1)
		return rc;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != o->bytes)
		return 0;
	if ((fd = fs_open_file(repo, file, NULL, e)) == -1)
		return -1;
	rc = sha256_of_fd(fd, &got, NULL, e);
	(void)close(fd);
	return rc == -1 ? -1 : sha256_equal(&got, &o->sha256);
}

static int
fetch_object(const struct site *s, int repo, const char *file, const struct object *o,
    struct err *e)
{
	char partial[SHA256_HEX_MAX + 32], hex[SHA256_HEX_MAX], folder[VIEW_FILE_MAX];

	(void)snprintf(partial, sizeof partial, PULL_FOLDER "/%s.part",
	    sha256_hex(&o->sha256, hex));
	(void)snprintf(folder, sizeof folder, "%s", file);
	*strrchr(folder, '/') = '\0';
	if (fs_mkdirs(repo, folder, 0755, e) == -1 ||
	    site_fetch(s, file, o, repo, file, partial, e) == -1)
		return -1;
	return fs_sync_dir(repo, folder, e);
}

/* What lacks, counted; with `fetch` it comes. */
static int
go_through(const struct site *s, int repo, const struct wanted *w, bool fetch,
    struct pull_result *r, struct err *e)
{
	char file[VIEW_FILE_MAX];

	for (size_t i = 0; i < w->n; i++) {
		const struct object *o = &w->objects[i];
		int here = is_here(repo, view_object_file(o, file), o, e);

		if (here == -1)
			return -1;
		if (!fetch) {
			r->kept += here == 1;
			r->objects += here == 0;
			r->bytes += here == 0 ? o->bytes : 0;
		} else if (here == 0 && fetch_object(s, repo, file, o, e) == -1) {
			if (e->code == ERR_ABSENT)
				e->code = ERR_NET;	/* the host is not complete */
			return -1;
		}
	}
	return 0;
}

static int
pull_all(const struct site *s, int repo, const struct view *v,
    const struct pull_want *want, struct pull_result *r, struct err *e)
{
	struct wanted w = { NULL, 0, 0 };
	int rc = -1;

	if (pull_same_line(s, repo, v, &r->current, e) == -1 ||
	    choose(&w, v, want, e) == -1 || go_through(s, repo, &w, false, r, e) == -1)
		goto out;
	if (want->dry_run) {
		rc = 0;
		goto out;
	}
	progress_start("pull", r->bytes, true);
	rc = go_through(s, repo, &w, true, r, e);
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
