/*
 * hook_env.h - what a hook is told: the environment, built from nothing.
 */
#ifndef APPLY_HOOK_ENV_H
#define APPLY_HOOK_ENV_H

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "apply/run.h"

enum { HOOK_ENV_MAX = 24 };

struct hook_env {
	char *words[HOOK_ENV_MAX];	/* "NAME=value", owned, NULL-terminated */
	int n;
};

/* `home` is of the user it is for; values are cut at no place: ERR_NOMEM. */
int hook_env_make(struct run *, const char *home, struct hook_env *, struct err *);
void hook_env_clear(struct hook_env *);

/* BASE as an absolute path, appended. */
int hook_base_path(const struct device *, struct buf *, struct err *);
/* Where the tree of a release is right now, absolute; nothing for release 0. */
int hook_tree_path(const struct device *, uint64_t release, struct buf *, struct err *);

#endif
