/*
 * repo_state.h - the list of roles inside a repository, for repo_*.c.
 */
#ifndef MKDELTA_REPO_STATE_H
#define MKDELTA_REPO_STATE_H

#include "mkdelta/repo.h"

/* An empty role at the end of the list, owned by the repository. */
struct repo_role *repo_state_append(struct repo *, const char *name, const char *by,
    struct err *);
size_t repo_state_count(const struct repo *);
/* The signed part that holds the keys of this role: its delegator's; of root itself
 * its own. */
struct jv *repo_state_delegator(const struct repo *, const struct repo_role *);

/* Who vouches for a role, and how many of those keys are in `keys`. */
enum { REPO_HOLDERS_MAX = 2 };
/* Its delegator's part; for root the one that devices have, too.  Their number. */
size_t repo_state_holders(const struct repo *, const struct repo_role *,
    const struct jv *out[static REPO_HOLDERS_MAX]);
/* Has role->file all signatures it needs?  1, 0; -1. */
int repo_state_is_signed(const struct repo *, const struct repo_role *, struct err *);
/* role->file gets the signatures of all keys that are here. */
int repo_state_sign(const struct repo *, struct repo_role *, const struct keys *,
    struct err *);

enum { REPO_METADATA_NAME_MAX = NAME_MAX_PATH * 3 + 32 };

struct repo_output {			/* one file to be written */
	struct repo_role *role;
	char name[REPO_METADATA_NAME_MAX];
	struct buf bytes;
};

/* repo_write.c: finished files into metadata/ in this order, timestamp.json last. */
int repo_write(const struct repo *, const struct repo_output *, size_t n, struct err *);
/* End what a run that was killed in the middle of it began.  Under the lock. */
int repo_write_again(const struct repo *, struct err *);
/* Is there something to end? */
bool repo_write_waits(const struct repo *);

#endif
