/*
 * hook_copy.h - hooks that a release ships, run from copies of our own.
 *
 * The tree's listing says what TREE/.delta/hooks/NAME has to be; the copy at
 * BASE/.hooks/N/NAME is hashed again before each use and made anew when it is
 * not that.
 */
#ifndef APPLY_HOOK_COPY_H
#define APPLY_HOOK_COPY_H

#include <stdbool.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "apply/device.h"

#define HOOK_COPIES ".hooks"

/* Does the release ship this hook?  1, 0, -1. */
int hook_shipped(const struct device *, uint64_t release, enum hook, struct err *);
/* Its copy, verified; the absolute path is appended.  ERR_TRUST: the tree's file
 * is not what its listing says. */
int hook_copy(const struct device *, uint64_t release, enum hook, struct buf *path,
    struct err *);

/* Good copies of all hooks that the tree (with this listing) ships for the release,
 * so that hook_copy() finds them whatever becomes of the tree. */
int hook_copies(const struct device *, uint64_t release, int tree,
    const struct listing *, struct err *);

#endif
