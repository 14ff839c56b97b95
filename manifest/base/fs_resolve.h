/*
 * fs_resolve.h - rel paths to descriptors; for the fs*.c of this folder alone.
 */
#ifndef MANIFEST_BASE_FS_RESOLVE_H
#define MANIFEST_BASE_FS_RESOLVE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* The folder that holds the last component of a rel path. */
struct fs_place {
	int dir;
	const char *last;	/* within the rel path given */
	bool own;		/* dir is ours to close */
};

/* -1: ERR_ABSENT when the folder is missing, ERR_FORMAT for an unsafe path. */
int fs_place_find(struct fs_place *, int at, const char *rel, struct err *);
void fs_place_end(struct fs_place *);	/* errno survives */

/* As openat(2), beneath at and without following any symlink (ELOOP).
 * O_CLOEXEC is added; no flags that create.  -1: errno. */
int fs_resolve(int at, const char *rel, uint64_t flags);

/* For tests: walk component by component as on a kernel without openat2. */
void fs_resolve_by_walk(bool);

#endif
