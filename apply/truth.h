/*
 * truth.h - what `current` says decides; the mark only says what to do next.
 *
 *	mark             live is from     live is to       anything else
 *	idle             -                -                -
 *	before stop      go on            drop the plan    drop the plan
 *	stop..migrate    go on *          stuck            stuck
 *	swap             redo *           verify, go on    stuck
 *	start, health    roll back        verify, go on    stuck
 *	commit           roll back        go on            stuck
 *	rollback         go on            go on            stuck
 *	stuck            stuck            stuck            stuck
 *
 * * After a reboot the service has run again: from stop on anew, and a switch
 *   that had begun to migrate data is rolled back ("interrupted").
 */
#ifndef APPLY_TRUTH_H
#define APPLY_TRUTH_H

#include <stdbool.h>

#include "manifest/base/err.h"

#include "apply/run.h"

/* Which step r->mark should name, given what lives; nothing is changed.  Where
 * that is rollback or stuck, *reason is a stable code and err says why.
 * -1: ERR_POLICY, what lives is beyond us and nothing is under way. */
int truth_look(struct run *, enum step *next, const char **reason, struct err *why);

enum truth_live { TRUTH_FROM, TRUTH_TO, TRUTH_OTHER };
/* What lives, seen from the mark; TRUTH_OTHER fills err. */
enum truth_live truth_live(const struct run *, struct err *);

#endif
