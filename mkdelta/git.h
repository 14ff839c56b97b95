/*
 * git.h - the commit that a release was built from, asked of the program git.
 */
#ifndef MKDELTA_GIT_H
#define MKDELTA_GIT_H

#include "manifest/base/err.h"

enum { GIT_COMMIT_MAX = 65 };

/* The commit of the work tree that holds `path`, or else of the one we stand in.
 * ERR_POLICY: there is none, or it has changes or untracked files (one is named). */
int git_clean_commit(const char *path, char commit[static GIT_COMMIT_MAX],
    struct err *);

#endif
