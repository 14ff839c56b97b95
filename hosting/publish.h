/*
 * publish.h - copy a repository to a static host in an order that is safe.
 *
 * Objects first, then N.root.json, then every other N.ROLE.json, then
 * N.snapshot.json, timestamp.json last: a reader at any moment sees the old
 * state or the new one, never a name without its bytes.  What was there before
 * is never replaced, timestamp.json excepted.  What came is read back, class by
 * class, before the next one.
 *
 * Two publishers: N.snapshot.json is created, so one of them finds that it is there
 * (or, where a host cannot create names exclusively, that other bytes are).  The
 * host's timestamp must be one that this repository went on from, and is read
 * again before it is replaced and after.  The loser has replaced nothing.
 *
 * timestamp.json of the repository is read before anything is copied, so a release
 * that is made meanwhile cannot slip in half.
 */
#ifndef HOSTING_PUBLISH_H
#define HOSTING_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "hosting/dest.h"

struct publish_result {
	uint64_t files, bytes;		/* copied (or to be copied) */
	uint64_t kept;			/* were there already */
	uint64_t version;		/* of timestamp.json */
	bool current;			/* the host had this very timestamp */
	bool exclusive;			/* names were created, not just not found */
};

/* ERR_POLICY: the host holds other bytes under an immutable name, or a state that the
 * repository does not go on from, or another publisher was faster.  ERR_TRUST: an
 * object whose bytes are not those its name promises, or that is nowhere.  ERR_BUSY:
 * another publish runs here.  ERR_NET: try again. */
int publish_repo(struct dest *, bool dry_run, struct publish_result *, struct err *);

#endif
