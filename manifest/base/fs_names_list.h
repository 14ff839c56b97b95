/*
 * fs_names_list.h - the names in a folder, for the tree walks of this folder.
 */
#ifndef MANIFEST_BASE_FS_NAMES_LIST_H
#define MANIFEST_BASE_FS_NAMES_LIST_H

#include <stddef.h>

#include "manifest/base/err.h"

struct fs_names {
	char **names;		/* in byte order, without "." and ".." */
	size_t n, cap;
};

/* The names in the open folder dir, whose offset does not matter. */
int fs_names_read(struct fs_names *, int dir, struct err *);
void fs_names_free(struct fs_names *);

#endif
