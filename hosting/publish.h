/*
 * publish.h - copy a repository to a static host in an order that is safe.
 *
 * Objects first, then N.root.json, then every other N.ROLE.json, then
 * N.snapshot.json, timestamp.json last: a reader at any moment sees the old
 * state or the new one, never a name without its bytes.  What was there before
 * is never replaced, timestamp.json excepted; each file arrives under a
 * temporary name, is synced, and renamed.
 *
 * timestamp.json is read before anything is copied, so a release that is made
 * meanwhile cannot slip in half.
 */
#ifndef HOSTING_PUBLISH_H
#define HOSTING_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct publish_result {
	uint64_t files, bytes;		/* copied (or to be copied) */
	uint64_t kept;			/* were there already */
	uint64_t version;		/* of timestamp.json */
	bool current;			/* DEST had this very timestamp */
};

/* Descriptors of both folders, borrowed; dest may be -1 in a dry run: there is
 * no such folder yet, all of it is new.  ERR_POLICY: DEST holds other bytes
 * under an immutable name, or a newer timestamp.  ERR_TRUST: an object whose
 * bytes are not those its name promises.  ERR_BUSY: another publish runs. */
int publish_tree(int repo, int dest, bool dry_run, struct publish_result *,
    struct err *);

#endif
