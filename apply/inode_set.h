/*
 * inode_set.h - inode numbers of one filesystem that were seen before.
 */
#ifndef APPLY_INODE_SET_H
#define APPLY_INODE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct inode_set {
	uint64_t *slots;	/* open addressing; 0: free (no file has inode 0) */
	size_t room, n;		/* room is a power of two, at most half of it used */
};

bool inode_set_has(const struct inode_set *, uint64_t ino);
int inode_set_add(struct inode_set *, uint64_t ino, struct err *);	/* ERR_NOMEM */
void inode_set_clear(struct inode_set *);

#endif
