/*
 * fs_tree.h - whole trees: walk, remove, copy, sync.
 *
 * A walk never follows a symlink and never leaves the tree: each folder is
 * opened from its parent's descriptor with O_NOFOLLOW.
 */
#ifndef MANIFEST_BASE_FS_TREE_H
#define MANIFEST_BASE_FS_TREE_H

#include <sys/stat.h>

#include "manifest/base/err.h"

struct fs_visit {
	const char *path;	/* below the root, "." for the root itself */
	const char *name;	/* its last component */
	int parent;		/* open folder that holds name (the root: itself) */
	const struct stat *st;	/* of lstat */
};

enum { FS_WALK_STOP = -1, FS_WALK_ON = 0, FS_WALK_SKIP = 1 };	/* skip: not below */

/* Each entry before what is below it, names in byte order.  The callback
 * returns one of the above and fills err for FS_WALK_STOP.  Folder depth is
 * bounded (256), ERR_FORMAT beyond. */
int fs_walk(int dir, int (*visit)(void *arg, const struct fs_visit *,
    struct err *), void *arg, struct err *);

/* rel and all below it are gone; absent is fine.  Folders without write
 * permission are made writable on the way.  Not durable. */
int fs_remove_tree(int at, const char *rel, struct err *);

/* from becomes to (which must not exist): types, modes, times, links and
 * symlinks kept, owners and xattrs where permitted.  Each file is synced. */
int fs_copy_tree(int from_at, const char *from, int at, const char *to,
    struct err *);

/* Durable: every file and folder below dir.  One syncfs. */
int fs_sync_tree(int dir, struct err *);

#endif
