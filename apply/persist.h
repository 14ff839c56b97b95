/*
 * persist.h - what of a tree belongs to the device and outlives releases.
 *
 *	persist      TREE/P is an absolute link to BASE/shared/P, which is seeded
 *	             once: from the old tree where P is no link yet, else from the
 *	             release, else as an empty folder
 *	persist-copy TREE/P is a copy of the old tree's P, else the release's own
 *
 * What the release ships at P is moved to TREE/.delta/seed/P, so that deltas
 * from this tree still find it.  TREE/.delta/persist notes the paths: a line
 * "link P" or "copy P" each.  Verification masks P and looks at the seed.
 */
#ifndef APPLY_PERSIST_H
#define APPLY_PERSIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "apply/conf.h"
#include "apply/device.h"

#define PERSIST_SEED ".delta/seed"
#define PERSIST_NOTE ".delta/persist"

/* BASE/shared as an absolute path, appended to out. */
int persist_shared_path(const struct conf *, struct buf *out, struct err *);

/* On the complete new tree, in staging, once.  old_tree -1: none.  ERR_POLICY
 * when a path goes through something that is no folder, ERR_USAGE when one path
 * is inside another. */
int persist_apply(const struct device *, int tree, int old_tree, struct err *);

/* Room that the copies of persist-copy will take: what lies at those paths of
 * old_tree or, where a link is there, of shared/.  Nothing when old_tree is -1. */
int persist_copy_room(const struct device *, int old_tree, uint64_t *bytes,
    uint64_t *inodes, struct err *);

struct persist_path {
	char *path;		/* owned */
	bool copy;
	bool noted;		/* by the tree: what was shipped there is in the seed */
};

/* The paths of a tree: its note, and what conf (NULL: nothing) names besides. */
struct persist_mask {
	struct persist_path *paths;
	size_t n;
};
int persist_mask_read(int tree, const struct conf *, struct persist_mask *,
    struct err *);
void persist_mask_clear(struct persist_mask *);

enum persist_place {
	PERSIST_NOT,		/* an ordinary path */
	PERSIST_ABOVE,		/* a folder that leads to a persist path */
	PERSIST_AT,		/* the path itself */
	PERSIST_BELOW		/* something below it */
};
/* *which (may be NULL) gets the path it is about. */
enum persist_place persist_place(const struct persist_mask *, const char *path,
    const struct persist_path **which);
/* Where the release's own entry is in this tree: .delta/seed/PATH or `path`;
 * replaces what is in out. */
int persist_where(const struct persist_mask *, const char *path, struct buf *out,
    struct err *);

#endif
