/*
 * tree_write.h - a listing and its contents become a folder.
 */
#ifndef MKDELTA_TREE_WRITE_H
#define MKDELTA_TREE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

struct tree_source {
	void *arg;
	/* The content of file i into fd, which is new and empty.  Called in
	 * listing order, for the first name of a hard link group only. */
	int (*content)(void *arg, const struct listing *, size_t i, int fd,
	    struct err *);
};

/*
 * Make the folder rel below at (it must not exist) with all entries.  Each
 * content is checked against size and hash: ERR_TRUST, named.  Where a reduced
 * listing lacks the hash it is set.  Modes are exact; owners, and attributes other
 * than user.*, are set by root only.  `time` is given to all entries, -1 leaves
 * them.  Nothing is synced.  When it fails, what was made
 * is removed again.
 */
int tree_write(int at, const char *rel, struct listing *, const struct tree_source *,
    int64_t time, struct err *);

/* A source that copies from another tree by path: arg points to its descriptor. */
int tree_copy_content(void *arg, const struct listing *, size_t i, int fd,
    struct err *);

#endif
