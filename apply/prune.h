/*
 * prune.h - what commit and rollback leave behind on the disk.
 */
#ifndef APPLY_PRUNE_H
#define APPLY_PRUNE_H

#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/device.h"

/* Releases that stand beside `live`, the live one included if it stands there;
 * numbers in ascending order, at most max.  How many there are, -1. */
int releases_list(const struct device *, uint64_t *out, size_t max, struct err *);

/* Remove a release that is not live: out of the way by one rename, then piece
 * by piece; absent is fine. */
int release_remove(const struct device *, uint64_t release, struct err *);

/* Keep conf->keep releases: `live`, `previous` (0 none) and the newest others.
 * Backups of other releases go too, and leftovers of earlier removals. */
int releases_prune(const struct device *, uint64_t live, uint64_t previous,
    struct err *);

/* Durable: what was removed in the device's folders, spool and backups too, will
 * not be back after a power cut, when nobody looks for it any more. */
int prune_sync(const struct device *, struct err *);

#endif
