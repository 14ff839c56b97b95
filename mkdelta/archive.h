/*
 * archive.h - old releases leave a platform's role for its archives.
 *
 * Every device reads its platform's role whole, so that stays small: the newest
 * releases, and those that devices must pass on the way to them (requires).  The rest,
 * and all deltas that begin or end there, goes to CHANNEL.PLATFORM.archive-K, which is
 * asked for by devices that run such an old tree.  It is never the goal of an update.
 */
#ifndef MKDELTA_ARCHIVE_H
#define MKDELTA_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/err.h"
#include "mkdelta/repo.h"

/* A platform's role holds up to MOST; then all but the newest LEAST go.  An archive
 * holds EACH releases. */
enum { ARCHIVE_MOST = 8, ARCHIVE_LEAST = 5, ARCHIVE_EACH = 128 };

/* Move what is due; role may be NULL after an error. */
int archive_old(struct repo *, struct repo_role *role, struct err *);

/* Devices below what the release at `i` of a catalog requires pass one of those before
 * it: that is kept too, the one that asks for least of the newest. */
void archive_keep_steps(const struct catalog *, size_t i, bool *keep);

#endif
