/*
 * reproduce.h - is the release that waits for signatures the tree that was built here?
 */
#ifndef MKDELTA_REPRODUCE_H
#define MKDELTA_REPRODUCE_H

#include "manifest/base/err.h"
#include "manifest/base/opt.h"
#include "mkdelta/repo.h"

/* Every release of the pending change (laid over the repository) must be one of the
 * trees, "TREE" or "PLATFORM=TREE", listed here anew: ERR_TRUST when one differs or
 * was not given.  No trees: nothing is asked. */
int reproduce_check(const struct repo *, const struct opt_list *trees, struct err *);

#endif
