/*
 * pull.h - a repository from its host, as far as the next release needs it.
 *
 * All metadata that are in force, every root, and of each channel and platform the
 * listings and fulls of those releases that the next one gets deltas from (edges.h):
 * an empty build machine pulls, releases, publishes, and never moves the history.
 *
 * Everything is verified before it gets its name, timestamp.json comes last: a
 * reader of the folder sees the state before or the one after.  Files of the host
 * that no timestamp names (of a publish that died) come too, at least their names:
 * what is signed next takes higher numbers.
 */
#ifndef HOSTING_PULL_H
#define HOSTING_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/opt.h"

#include "hosting/site.h"
#include "hosting/view.h"

struct pull_want {
	const char *channel, *platform;	/* NULL: all */
	struct opt_list releases;	/* numbers whose trees are needed besides */
	bool all;			/* every object */
	bool dry_run;
	struct view_trust trust;
};

struct pull_result {
	uint64_t timestamp;		/* its version */
	bool current;			/* the repository was there already */
	uint64_t objects, bytes;	/* fetched, or to be fetched */
	uint64_t kept;			/* objects that were there */
	uint64_t unnamed;		/* metadata of the host that nothing names */
};

/* repo: the folder, locked by the caller.  ERR_POLICY: it holds what the host does
 * not have, or its line and the host's parted. */
int pull_repo(const struct site *, int repo, const struct pull_want *,
    struct pull_result *, struct err *);

/* Did the host go on since the repository was pulled?  Metadata alone, nothing is
 * changed.  ERR_POLICY when it did. */
int pull_check(const struct site *, int repo, const struct view_trust *,
    struct pull_result *, struct err *);

#endif
