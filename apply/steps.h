/*
 * steps.h - what the step functions share.
 */
#ifndef APPLY_STEPS_H
#define APPLY_STEPS_H

#include "manifest/base/err.h"
#include "manifest/base/hash.h"

#include "apply/run.h"

/* r->plan is valid afterwards: loaded from STATE after a restart, and the one
 * that the mark speaks of. */
int steps_need_plan(struct run *, struct err *);

/* What the fresh metadata offer this device now. */
enum choice steps_choose(struct run *, const struct live *, const struct record **to,
    struct choose_why *);

/* This object failed: the next plan of this run goes without it. */
void steps_leave_out(struct run *, const struct sha256 *object, const struct err *why);

/* The record in the tree of a release; to be cleared also after -1. */
int steps_record(struct run *, uint64_t release, struct record *, struct err *);

/* A line of history for the update that the mark speaks of; failing is a
 * warning: a full disk must not keep a release from being committed. */
void steps_history(struct run *, const char *result, const char *reason);

/* The new release's tree is removed (it is not live). */
int steps_remove_tree(struct run *, uint64_t release, struct err *);

/* What hooks wrote on the filesystems of the root and of STATE is durable: what they
 * leave to the page cache, the mark after them would promise. */
int steps_sync(struct run *, struct err *);

/* Data as they were before migrate: the restore hook, then the schema number.
 * Durable; nothing to do when migrate never began. */
int steps_restore_data(struct run *, struct err *);

#endif
