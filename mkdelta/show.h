/*
 * show.h - what `show` prints: a release, or the roles and keys of a repository.
 */
#ifndef MKDELTA_SHOW_H
#define MKDELTA_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "mkdelta/keys.h"
#include "mkdelta/repo.h"

struct show {
	const struct repo *repo;
	const struct keys *keys;	/* private ones found here, NULL: no folder */
	int64_t now;
	bool json;
};

/* On standard output.  ERR_USAGE: there is no such release or role. */
int show_release(const struct show *, uint64_t number, struct err *);
int show_roles(const struct show *, struct err *);
int show_role(const struct show *, const char *name, struct err *);
int show_keys(const struct show *, struct err *);
/* The change that waits for signatures in the repository at `path`. */
int show_pending(const char *path, bool json, struct err *);

#endif
