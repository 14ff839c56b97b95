/*
 * stage.h - the new tree, built beside the releases.
 *
 *	BASE/releases/.staging-42/	0700
 *		hop-0/ hop-1/ ...	files that a hop built and a later one needs
 *		tree/			the new tree
 *
 * Hop by hop of the plan: a delta builds its outputs from the tree before; files
 * that do not change are only pointed at.  Trees between are never laid out: the
 * listing of each must have the hash that is signed, and every file of theirs
 * that is used is hashed.  The last hop's tree is laid out for real; unchanged
 * files by reuse.h.  Leftovers of a crash are cleared at the beginning.
 */
#ifndef APPLY_STAGE_H
#define APPLY_STAGE_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"
#include "manifest/record.h"

#include "apply/content.h"
#include "apply/device.h"
#include "apply/plan.h"

enum { STAGE_NAME_MAX = 48 };
const char *stage_name(uint64_t release, char out[static STAGE_NAME_MAX]);

struct stage_failure {
	bool tree_modified;	/* the old tree is not its listing: start from nothing */
	bool has_object;	/* this object of the plan did not do what it should */
	struct sha256 object;
};

/* Build all of it, durable when it returns 0.  ERR_TRUST, ERR_FORMAT: the
 * failure says what to leave out of the next plan.  ERR_POLICY: refused by
 * owners.h or persist.h.  Others: the disk. */
int stage_build(const struct device *, const struct plan *, struct stage_failure *,
    struct err *);

/* The tree of `to`, which runs, built once more in staging: each entry out of what
 * runs, but before anything is laid out mend() gives those that are not right other
 * places; new files may go into the folder.  Takes the listing, which is to's. */
int stage_again(const struct device *, const struct record *to, struct listing *,
    int (*mend)(void *arg, struct content *, int folder, struct err *), void *arg,
    struct err *);
/* The listing of a tree out of the spool, checked.  NULL: ERR_TRUST, ERR_FORMAT,
 * ERR_ABSENT. */
struct listing *stage_listing(const struct device *, const struct record *, struct err *);

/* The built tree, for looking at it.  ERR_ABSENT when there is none. */
int stage_open_tree(const struct device *, uint64_t release, struct err *);
/* It stands at releases/N, durable, replacing what was there (the caller knows
 * that nothing runs from it); staging is cleared. */
int stage_publish(const struct device *, uint64_t release, struct err *);

/* Everything of staging is gone (all releases); absent is fine. */
int stage_clear(const struct device *, struct err *);

#endif
