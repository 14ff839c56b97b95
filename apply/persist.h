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

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/conf.h"
#include "apply/device.h"

#define PERSIST_SEED ".delta/seed"
#define PERSIST_NOTE ".delta/persist"

/* BASE/shared as an absolute path, appended to out. */
int persist_shared_path(const struct conf *, struct buf *out, struct err *);

/* On the complete new tree, in staging.  old_tree -1: none.  ERR_POLICY when a
 * path goes through something that is no folder; anything there may be done
 * again from a fresh tree. */
int persist_apply(const struct device *, int tree, const struct listing *,
    int old_tree, struct err *);

/* The paths of a tree: its note, and what conf (NULL: nothing) names. */
struct persist_mask {
	struct conf_list link, copy;
	bool noted[2 * CONF_LIST_MAX];	/* links first: from the note? */
};
int persist_mask_read(int tree, const struct conf *, struct persist_mask *, struct err *);
void persist_mask_clear(struct persist_mask *);

enum persist_place {
	PERSIST_NOT,		/* an ordinary path */
	PERSIST_ABOVE,		/* a folder that leads to a persist path */
	PERSIST_LINK,		/* the path itself, a link */
	PERSIST_COPY,		/* the path itself, a copy */
	PERSIST_BELOW		/* something below one */
};
enum persist_place persist_place(const struct persist_mask *, const char *path);
/* Is P of this listed path moved away in this tree?  Then its content is at
 * .delta/seed/PATH: out gets the path to read, else `path` itself. */
int persist_where(const struct persist_mask *, const char *path, struct buf *out,
    struct err *);

#endif
