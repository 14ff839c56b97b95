/*
 * layout.h - a listing laid out as folders, links and names, around its files.
 *
 * Folders are the applier's and open to it alone while things go into them; their
 * own modes and times come last.
 */
#ifndef APPLY_LAYOUT_H
#define APPLY_LAYOUT_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/conf.h"
#include "apply/owners.h"

struct layout {
	int tree;			/* an empty folder */
	const struct listing *listing;
	struct owners owners;
	int64_t created;		/* time of what is new, seconds since 1970 */
};

/* Folders and symlinks.  ERR_FORMAT for a path that is the device's own. */
int layout_begin(const struct layout *, struct err *);
/* A finished, open file gets its owner, mode and time. */
int layout_file(const struct layout *, int fd, const struct entry *, struct err *);
/* The second and later names of hard links; then owners, times and modes of
 * folders, save what would keep the applier from writing into them. */
int layout_names(const struct layout *, struct err *);
/* The exact modes of those; where persist moved them to as well. */
int layout_end(const struct layout *, const struct conf *, struct err *);

#endif
