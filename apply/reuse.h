/*
 * reuse.h - an unchanged file of the new tree from one that is here already.
 *
 * reuse = auto: a reflink where it works; else a hard link, but only when the
 * source was hashed in this run through the descriptor that is linked, belongs
 * to root with an applier that runs as root, is not writable by others, and has
 * mode, owner and attributes of the new entry already, and no other new entry
 * stands on that inode; else a copy, hashed while it is written.  EMLINK, EXDEV
 * and EPERM fall back to the copy.
 */
#ifndef APPLY_REUSE_H
#define APPLY_REUSE_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/conf.h"
#include "apply/owners.h"
#include "apply/run.h"

enum reuse_how { REUSED_NOT, REUSED_CLONE, REUSED_LINK, REUSED_COPY };

struct reuse;		/* of one tree under construction */

/* conf NULL: auto.  Both are borrowed. */
struct reuse *reuse_new(const struct conf *, const struct owners *, struct err *);
void reuse_free(struct reuse *);	/* NULL is fine */
/* The application writes into its tree: no hard links, whatever the mode. */
void reuse_without_links(struct reuse *);

/* Entry `to` (of the listing that reuse_note() will get) at its path below `dir`,
 * from the regular file open as `source`, which is hashed here.  REUSED_NOT with
 * ERR_TRUST: the source's content is not the entry's (nothing is left behind);
 * other codes: it could not be done at all.  Mode, owner and attributes are set,
 * the source's time is kept. */
enum reuse_how reuse_file(struct reuse *, int source, int dir, const struct entry *to,
    struct err *);

/* The same where the source is a file in staging that only the applier has, and
 * that goes away by that name: a second name on it is enough, its mode, owner and
 * time (`created`) are set. */
enum reuse_how reuse_own(struct reuse *, int source, int dir, const struct entry *to,
    int64_t created, struct err *);

/* What was done so far. */
struct reuse_counts {
	uint64_t clones, links, copies, copied_bytes;
};
void reuse_counts(const struct reuse *, struct reuse_counts *);

/*
 * Files of the staged tree that share an inode with the old one are noted in
 * TREE/.delta/linked when all else is in place; before stop they are looked at
 * again: inode, size, times, and the content where these moved.
 */
int reuse_note(const struct reuse *, int tree, const struct listing *,
    const struct conf *, struct err *);
/* For step stop: ERR_TRUST names the file that the running release changed; the
 * new tree then has to be built again. */
int reuse_recheck(struct run *, struct err *);
int reuse_recheck_tree(int tree, const struct listing *, const struct conf *,
    struct err *);

#endif
