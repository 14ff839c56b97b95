/*
 * halt_role.h - the role `halt`: releases that devices shall not switch to.
 *
 * manifest/halt.h says what it carries.
 */
#ifndef MKDELTA_HALT_ROLE_H
#define MKDELTA_HALT_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/halt.h"
#include "manifest/record.h"
#include "mkdelta/repo.h"

/* Make it, held by this key (borrowed) with threshold 1; targets is changed by that. */
int halt_role_add(struct repo *, const struct jv *key, struct err *);
/* ERR_USAGE: there is none yet. */
struct repo_role *halt_role(const struct repo *, struct err *);
/* Halt (or let go) every tree of release N, in all channels and for all platforms.
 * ERR_USAGE: no channel has it. */
int halt_role_release(struct repo *, uint64_t number, bool lift, struct err *);
/* Halt all until then; 0: no more. */
int halt_role_all(struct repo *, int64_t until, struct err *);

#endif
