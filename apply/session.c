#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/halt.h"
#include "manifest/names.h"
#include "manifest/tuf_meta.h"

#include "apply/clock.h"
#include "apply/state_json.h"

#include "apply/session.h"

enum { URL_MAX = 8192, ARCHIVES_MAX = 64 };

struct session {
	const struct device *dev;
	struct fetch *fetch;
	int dir;			/* STATE/metadata */
	struct tuf *tuf;
	struct catalog catalog;
	const char *platform;
	uint64_t floor, downgrade;
	const struct jv *halt;
};

static int
get_metadata(void *arg, const char *name, struct buf *out, struct err *e)
{
	const struct session *s = arg;
	struct buf url = BUF_INIT(URL_MAX);
	int rc = -1;

	if (buf_addf(&url, e, "%s/metadata/%s", s->dev->conf->url, name) == 0)
		rc = fetch_small(s->fetch, buf_text(&url), out, e);
	buf_free(&url);
	return rc;
}

/* First use: the root that came with the device. */
static int
bootstrap(const struct session *s, struct err *e)
{
	struct buf root = BUF_INIT(TUF_ROOT_MAX);
	const char *path = s->dev->conf->trust_root;
	struct stat st;
	int there, rc;

	if ((there = fs_stat_at(s->dir, "root.json", &st, e)) != 0)
		return there == 1 ? 0 : -1;
	if (path == NULL)
		return err_set(e, ERR_USAGE, "trust.root is not set");
	if (fs_read_path(path, &root, e) == -1) {
		e->code = ERR_USAGE;
		rc = err_wrap(e, "trust.root");
	} else if ((rc = tuf_trust(s->dir, root.data, root.len, e)) == -1) {
		(void)err_wrap(e, "trust.root: %s", path);
	}
	buf_free(&root);
	return rc;
}

static int
open_tuf(struct session *s, struct err *e)
{
	struct tuf_source source = { .arg = s, .get = get_metadata };
	struct tuf_clock clock;

	clock_now(&clock, s->dev->conf->clock_untrusted);
	if (fs_mkdirs(s->dev->state, "metadata", 0700, e) == -1 ||
	    (s->dir = fs_open_dir_at(s->dev->state, "metadata", e)) == -1 ||
	    bootstrap(s, e) == -1)
		return -1;
	s->tuf = tuf_open(s->dir, s->fetch == NULL ? NULL : &source, &clock, e);
	if (s->tuf == NULL)
		return -1;
	if (tuf_product(s->tuf) == NULL)
		return err_set(e, ERR_TRUST,
		    "%s: the trusted root has no x-product, so this "
		    "is no repository of mkdelta",
		    s->dev->conf->url);
	return 0;
}

struct session *
session_open(const struct device *d, struct fetch *fetch, struct err *e)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	s->dev = d;
	s->fetch = fetch;
	s->dir = -1;
	if (open_tuf(s, e) == 0)
		return s;
	session_close(s);
	return NULL;
}

void
session_close(struct session *s)
{
	if (s == NULL)
		return;
	catalog_clear(&s->catalog);
	tuf_close(s->tuf);
	if (s->dir != -1)
		(void)close(s->dir);
	free(s);
}

/* "no channel beta; there are: stable nightly" */
static int
no_channel(const struct session *s, struct err *e)
{
	const struct jv *roles =
	    jv_get(jv_get(tuf_signed(s->tuf, "targets"), "delegations"), "roles");

	(void)err_set(e, ERR_USAGE, "app.channel: %s has no channel %s",
	    s->dev->conf->url, s->dev->conf->channel);
	for (size_t i = 0; i < jv_count(roles); i++)
		(void)err_hint(e, "there is %s", json_text(jv_at(roles, i), "name"));
	return -1;
}

/* The role that lists this device's releases, NULL with ERR_ABSENT when none. */
static const struct jv *
platform_role(struct session *s, const char *platform, struct err *e)
{
	const char *channel = s->dev->conf->channel;
	char name[NAME_MAX_PATH];
	const char *const chain[] = { "targets", channel,
		role_of_platform(channel, platform, name) };
	const struct jv *part = tuf_role(s->tuf, chain, 3, e);

	if (part != NULL)
		s->platform = platform;
	return part;
}

static void
read_policy(struct session *s, const struct jv *channel)
{
	const struct jv *x = jv_get(channel, "x-channel");
	uint64_t own = json_u64(x, "floor");

	s->floor = json_u64(tuf_signed(s->tuf, "targets"), "x-floor");
	if (own > s->floor)
		s->floor = own;
	s->downgrade = json_u64(x, "downgrade_to");
}

/* What targets delegates must be there: a halt that got lost is no leave to go on. */
static int
read_halt(struct session *s, struct err *e)
{
	const char *const chain[] = { "targets", HALT_ROLE };

	s->halt = NULL;
	if (tuf_role_entry(tuf_signed(s->tuf, "targets"), HALT_ROLE) == NULL)
		return 0;
	if ((s->halt = tuf_role(s->tuf, chain, 2, e)) != NULL)
		return 0;
	if (e->code == ERR_ABSENT && s->fetch != NULL)
		e->code = ERR_TRUST;
	return -1;
}

/* The platform's role; and where the tree that runs is long outdated, the archives, the
 * newest first, until one knows it.  Recent devices ask for none. */
static int
read_catalog(struct session *s, const struct jv *part, struct err *e)
{
	const struct jv *roles = jv_get(jv_get(part, "delegations"), "roles");
	const struct jv *parts[1 + ARCHIVES_MAX] = { part };
	char platform[NAME_MAX_PATH];
	const char *chain[] = { "targets", s->dev->conf->channel,
		role_of_platform(s->dev->conf->channel, s->platform, platform), NULL };
	struct live live;
	size_t n = 1;

	memset(&live, 0, sizeof live);
	(void)live_read(s->dev, &live, e);
	for (size_t i = jv_count(roles);;) {
		if (catalog_read_parts(parts, n, s->platform, &s->catalog, e) == -1)
			return -1;
		err_clear(e);
		if (i == 0 || n > ARCHIVES_MAX || !live.has_record ||
		    catalog_by_listing(&s->catalog, &live.listing) != NULL)
			return 0;
		chain[3] = json_text(jv_at(roles, --i), "name");
		if ((parts[n++] = tuf_role(s->tuf, chain, 4, e)) == NULL) {
			/* Without network only what came before is here. */
			if (e->code != ERR_ABSENT)
				return -1;
			err_clear(e);
			return 0;
		}
		catalog_clear(&s->catalog);
	}
}

static int
load_catalog(struct session *s, struct err *e)
{
	const struct conf *c = s->dev->conf;
	const char *const chain[] = { "targets", c->channel };
	const struct jv *channel = tuf_role(s->tuf, chain, 2, e), *part;

	if (channel == NULL)
		return e->code == ERR_ABSENT ? no_channel(s, e) : -1;
	read_policy(s, channel);
	if (read_halt(s, e) == -1)
		return -1;
	part = platform_role(s, c->platform, e);
	if (part == NULL && e->code == ERR_ABSENT && strcmp(c->platform, "any") != 0) {
		err_clear(e);
		part = platform_role(s, "any", e);
	}
	catalog_clear(&s->catalog);
	if (part != NULL)
		return read_catalog(s, part, e);
	if (e->code != ERR_ABSENT)
		return -1;
	/* A channel without a release for this platform is not an error. */
	err_clear(e);
	s->platform = c->platform;
	return 0;
}

int
session_refresh(struct session *s, struct err *e)
{
	if (tuf_refresh(s->tuf, e) == -1) {
		/* A host without metadata is a network matter, whatever it says. */
		if (e->code == ERR_ABSENT)
			e->code = ERR_NET;
		return err_wrap(e, "%s", s->dev->conf->name);
	}
	clock_say_if_behind(s->tuf);
	return load_catalog(s, e) == -1 ? err_wrap(e, "%s", s->dev->conf->name) : 0;
}

int
session_local(struct session *s, struct err *e)
{
	if (tuf_load_local(s->tuf, e) == -1 || load_catalog(s, e) == -1)
		return err_wrap(e, "%s", s->dev->conf->name);
	return 0;
}

const struct catalog *
session_catalog(const struct session *s)
{
	return &s->catalog;
}

const char *
session_platform(const struct session *s)
{
	return s->platform;
}

uint64_t
session_floor(const struct session *s)
{
	return s->floor;
}

uint64_t
session_downgrade(const struct session *s)
{
	return s->downgrade;
}

const struct jv *
session_halt(const struct session *s)
{
	return s->halt;
}

struct tuf *
session_tuf(struct session *s)
{
	return s->tuf;
}

int
object_url(const struct conf *c, const struct object *o, struct buf *out, struct err *e)
{
	const char *slash = strrchr(o->path, '/');
	int dir = slash == NULL ? 0 : (int)(slash - o->path) + 1;
	char hex[SHA256_HEX_MAX];

	return buf_addf(out, e, "%s/targets/%.*s%s.%s", c->url, dir, o->path,
	    sha256_hex(&o->sha256, hex), o->path + dir);
}
