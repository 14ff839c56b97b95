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

#endif
