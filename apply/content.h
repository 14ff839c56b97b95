/*
 * content.h - where the files of a tree are that a hop starts from.
 *
 * The tree may stand on the disk, or be one between two hops: then a file is
 * where the tree before had it, or where a hop put it.  A file that a hop built
 * is removed as soon as no tree needs it any more.
 */
#ifndef APPLY_CONTENT_H
#define APPLY_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/persist.h"

struct content;

/* Takes the listing.  No entry has a place yet. */
struct content *content_new(struct listing *, struct err *);
void content_free(struct content *);	/* NULL is fine */
const struct listing *content_listing(const struct content *);

/* All files are at their paths below `tree` (borrowed while the content is used),
 * those of persist paths where the mask says. */
int content_at_tree(struct content *, int tree, const struct persist_mask *,
    struct err *);
/* Entry i is at (dir, rel), made by a hop, its hash known to be right. */
int content_put_built(struct content *, size_t i, int dir, const char *rel,
    struct err *);
/* Entry i is at (dir, rel), not ours: what its bytes are is looked at as they are
 * used.  dir is borrowed while the content is used. */
int content_put_at(struct content *, size_t i, int dir, const char *rel, struct err *);
/* Entry i is where `other` has its entry k. */
void content_share(struct content *, size_t i, const struct content *other, size_t k);

/* Entry i for reading, regular.  `check`: also hashed through this descriptor,
 * unless it was already and has not been touched since.  ERR_TRUST: it is
 * missing, of another type, or its content is another.  *own: built by a hop. */
int content_open(struct content *, size_t i, bool check, int *fd, bool *own,
    struct err *);

/* An unknown folder tree as content: every regular file whose size is one that
 * `wanted` has is hashed.  NULL: ERR_IO, ERR_NOMEM, ERR_CANCEL. */
struct content *content_scan(int tree, const struct listing *wanted, struct err *);

#endif
