/*
 * old_tree.h - a release that is in the repository already, back as a folder.
 *
 * Its full artifact is unpacked below REPO_WORK and every entry is checked against
 * its listing: so it also proves the full.
 */
#ifndef MKDELTA_OLD_TREE_H
#define MKDELTA_OLD_TREE_H

#include "manifest/base/buf.h"
#include "manifest/listing.h"
#include "mkdelta/repo.h"

struct old_tree {
	int at;				/* the folder that holds it, borrowed */
	char name[NAME_MAX_PATH];	/* in there; "" when empty */
	int dir;
	struct listing *listing;	/* indexed, so that threads may share it */
	struct buf text;
};

/* Unpack the full of a record.  ERR_TRUST: an object is not what was signed.  *tree
 * is empty when it fails. */
int old_tree_open(const struct repo *, int at, const struct record *,
    const struct edge *full, struct old_tree *tree, struct err *);
void old_tree_close(struct old_tree *);		/* removes the folder */

/* The listing of a record alone: its text (checked) appended to out. */
int old_tree_text(const struct repo *, const struct record *, struct buf *out,
    struct err *);
/* A descriptor of an object whose every byte was checked. */
int old_tree_object(const struct repo *, const struct object *, struct err *);

#endif
