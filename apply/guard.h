/*
 * guard.h - files that decide what root runs are writable by root only.
 *
 * Says nothing when the applier does not run as root.
 */
#ifndef APPLY_GUARD_H
#define APPLY_GUARD_H

#include "manifest/base/err.h"

/* path and every folder above it: owned by root, not writable by group (other
 * than root's) or others; a sticky folder such as /tmp may be above it.  Symlinks
 * are resolved first.  ERR_POLICY names the one that is not, after `what`. */
int guard_path(const char *path, const char *what, struct err *);

#endif
