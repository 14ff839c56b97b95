/*
 * halt_role.h - the role `halt`: releases that devices shall not switch to.
 *
 * It has a key of its own, delegates and lists nothing, and its signed part carries
 *
 *	"x-halt": { "releases": [{ "release": 42, "listing": "<hex>" }],
 *	    "all-until": "2026-12-01T00:00:00Z" }
 */
#ifndef MKDELTA_HALT_ROLE_H
#define MKDELTA_HALT_ROLE_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"
#include "mkdelta/repo.h"

/* Make it, held by this key (borrowed) with threshold 1; targets is changed by that. */
int halt_role_add(struct repo *, const struct jv *key, struct err *);
/* ERR_USAGE: there is none yet. */
struct repo_role *halt_role(const struct repo *, struct err *);

#endif
