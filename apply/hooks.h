/*
 * hooks.h - programs of the operator or of the release, run at steps.
 *
 * From configuration: the absolute path of a program, or a command line for
 * /bin/sh -c.  Else, with from-release = yes, .delta/hooks/NAME of the signed
 * tree: then from a copy at BASE/.hooks/N/NAME, owned by the applier's user,
 * re-hashed against the listing before each exec.  Both run as `user =`.
 * stop comes from the old release, after rollback start and health too; all
 * others from the new.
 *
 * hook_exec.h says how they run.  What they print goes to STATE/log only (the
 * first and last 32 KiB of each run; one old log kept).  start is there
 * to leave a service behind: what it starts stays, and its output goes nowhere.
 *
 * A hook may be run again after a crash, so it has to stand that.
 */
#ifndef APPLY_HOOKS_H
#define APPLY_HOOKS_H

#include <sys/types.h>

#include <stdbool.h>

#include "manifest/base/err.h"

#include "apply/conf.h"
#include "apply/run.h"

/* Environment: DELTA_APP DELTA_FROM DELTA_TO DELTA_FROM_VERSION DELTA_TO_VERSION
 * DELTA_OLD_TREE DELTA_NEW_TREE DELTA_BACKUP_DIR DELTA_ATTEMPT DELTA_STEP
 * DELTA_REASON (stable code, may be empty), PATH, HOME, LANG=C.UTF-8; nothing
 * else.  A first install has DELTA_FROM=0 and empty words for the old release. */

/* Is there one to run, from the configuration or in the tree? */
bool hook_exists(struct run *, enum hook, bool from_old_release);
/* Whom hooks run as: user =, else who runs the applier.  ERR_USAGE: nobody of
 * that name. */
int hook_user_ids(const struct conf *, uid_t *, gid_t *, struct err *);

/* Before anything changes: can each hook of the configuration be started?  The
 * release is not to blame for one that cannot.  ERR_USAGE names the hook and the
 * fault.  What lies below app.root is left to its own time. */
int hooks_check(const struct conf *, struct err *);

enum hook_end { HOOK_NONE, HOOK_OK, HOOK_FAILED };
/* HOOK_FAILED fills err: exit status, signal, time-out, not executable, missing
 * interpreter (a CRLF line is named as such). */
enum hook_end hook_run(struct run *, enum hook, bool from_old_release, struct err *);

/* While there is room: copies of all hooks that the switch and its way back may
 * need.  Nothing to do without from-release. */
int hooks_prepare(struct run *, struct err *);
int hooks_clear(const struct device *, struct err *);

/* A command line of the configuration ([service], [health]) by the same rules,
 * through /bin/sh -c, as the applier's own user.  `keep`: it starts a service. */
int command_run(struct run *, const char *what, const char *command_line,
    uint32_t timeout_s, bool keep, struct err *);

#endif
