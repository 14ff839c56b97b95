/*
 * listing_index.h - what is looked up in a listing, by content and by group.
 *
 * Private to listing*.c.
 */
#ifndef MANIFEST_LISTING_INDEX_H
#define MANIFEST_LISTING_INDEX_H

#include <stddef.h>

#include "manifest/listing.h"

struct listing_index {
	size_t cap;		/* entries there is room for */
	size_t *first;		/* first[g - 1]: the first name of group g */
	size_t groups;
	size_t *by_content;	/* files, sorted by hash, size, place; NULL: not built */
	size_t contents;
};

#endif
