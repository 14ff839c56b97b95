/*
 * pending.h - a change that still lacks signatures: REPO.pending.
 *
 *	REPO.pending/change.json	{ schema, reason, roles: [{ role, by, base }] }
 *	REPO.pending/N.ROLE.json	as it will be published, signatures missing
 *	REPO.pending/targets/...	objects that go with it
 *
 * One change at a time.  The folder is 0700 and appears by one rename.  Whoever holds
 * keys adds signatures (`mkdelta sign`), in any order; the one who brings the last, and
 * has the online key, publishes it.  `base` is the version that a role had: when the
 * repository went on meanwhile, the change is out of date.
 */
#ifndef MKDELTA_PENDING_H
#define MKDELTA_PENDING_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "mkdelta/repo.h"

/* Is there one? */
bool pending_is_there(const struct repo *);
/* Lay it over the repository: each of its roles gets its part, is `changed` and has
 * its `file`.  ERR_ABSENT: none.  ERR_POLICY: out of date.  ERR_FORMAT, ERR_TRUST. */
int pending_load(struct repo *, struct err *);
/* All changed roles of the repository (with their files) as the pending change, in the
 * place of the one that is there. */
int pending_store(struct repo *, struct err *);
/* Its objects get their names below targets/; when it is published, the rest goes. */
int pending_place_objects(const struct repo *, struct err *);
int pending_remove(const struct repo *, struct err *);
/* What a killed run left beside it goes.  Under the lock. */
int pending_sweep(const struct repo *, struct err *);
/* ERR_POLICY if a pending change holds one of the roles that are changed now. */
int pending_check_free(const struct repo *, struct err *);

/* A folder for an object that waits: a descriptor of REPO.pending.new. */
int pending_new_folder(const struct repo *, bool fresh, struct err *);

#endif
