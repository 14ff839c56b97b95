/*
 * view.h - everything that a repository offers, as its verified metadata say.
 *
 * The TUF client reads it from a site: roots up to the newest, timestamp, snapshot,
 * targets, and every delegated role below.  What it verified lies, byte for byte as it
 * was served, in a folder of the caller's.
 */
#ifndef HOSTING_VIEW_H
#define HOSTING_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"
#include "manifest/names.h"
#include "manifest/record.h"
#include "manifest/tuf_client.h"

#include "hosting/site.h"

enum { VIEW_DEPTH_MAX = 6, VIEW_FILE_MAX = NAME_MAX_PATH * 3 + 80 };

struct view_role {
	const char *chain[VIEW_DEPTH_MAX];	/* "targets", "stable", ...; borrowed */
	size_t depth;
	const struct jv *part;			/* verified, borrowed */
	uint64_t version;
};

struct view {
	const struct site *site;
	int dir;			/* borrowed */
	struct tuf *tuf;
	struct view_role *roles;	/* targets first, breadth first */
	size_t n_roles;
	uint64_t timestamp, snapshot, root;	/* their versions */
};

struct view_trust {
	const char *root_file;		/* NULL: what the folder trusts already */
	bool expired;			/* metadata whose time is over is read, too */
};

/* ERR_USAGE: nothing is trusted yet; else as tuf_refresh(). */
int view_open(struct view *, const struct site *, int dir, const struct view_trust *,
    struct err *);
void view_close(struct view *);		/* may be all zero */

/* The name of a role: the end of its chain. */
const char *view_role_name(const struct view_role *);
const struct view_role *view_find(const struct view *, const char *name);

/* Channels, platforms of a channel; *it starts 0.  NULL at the end. */
const struct view_role *view_next_channel(const struct view *, size_t *it);
const struct view_role *view_next_platform(const struct view *,
    const struct view_role *channel, size_t *it, const char **platform);
/* All that a platform's role and its archives list; the caller's to clear. */
int view_catalog(const struct view *, const struct view_role *platform_role,
    struct catalog *, struct err *);

/* Call for every object that is listed; one may be listed more than once. */
int view_each_object(const struct view *, int (*visit)(void *arg,
    const struct view_role *, const struct object *, struct err *), void *arg,
    struct err *);

/* "targets/42/<sha256>.linux-arm64.tar.zst" into out (of VIEW_FILE_MAX). */
const char *view_object_file(const struct object *, char out[static VIEW_FILE_MAX]);
/* "metadata/7.stable.json"; version 0: the name without one. */
int view_role_file(const char *role, uint64_t version, char out[static VIEW_FILE_MAX],
    struct err *);

#endif
