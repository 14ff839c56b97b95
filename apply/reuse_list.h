/*
 * reuse_list.h - what reuse.c hands to reuse_check.c: the entries that share an
 * inode with the old tree.
 */
#ifndef APPLY_REUSE_LIST_H
#define APPLY_REUSE_LIST_H

#include <stddef.h>

#include "manifest/listing.h"

struct reuse;

struct reuse_list {
	const struct entry **entries;	/* of the new listing */
	size_t n, room;
};
const struct reuse_list *reuse_linked(const struct reuse *);

#endif
