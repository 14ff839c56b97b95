/*
 * refetch.h - the tree of a release made anew from its full artifact.
 *
 * The last resort of a rollback: an application may have written through a hard
 * link into both trees, and then nothing on the device has the right bytes.
 */
#ifndef APPLY_REFETCH_H
#define APPLY_REFETCH_H

#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/run.h"

/* What stands as this release's tree, live or not, is exchanged for one that is
 * exactly its listing (persist paths as they are); one exchange, durable.
 * ERR_NET, ERR_ABSENT (no full is offered, or no network at boot), and what
 * stage_build() and fetch_object() say; nothing has changed then. */
int tree_refetch(struct run *, uint64_t release, struct err *);

/* Its parts.  The tree stands in staging; the record is what is signed of it, to be
 * cleared by the caller. */
int tree_stage_full(struct run *, uint64_t release, struct record *, struct err *);
/* Is the staged tree the record's, every entry?  ERR_TRUST names what is not. */
int tree_staged_is(const struct device *, const struct record *, struct err *);
/* It and the tree that stands for the release, live or not, change places. */
int tree_exchange(const struct device *, uint64_t release, struct err *);

#endif
