/*
 * hooks.h - programs of the operator or of the release, run at steps.
 *
 * From configuration, or from .delta/hooks/NAME of the signed tree if
 * from-release = yes: then a copy owned by the applier's user below STATE is
 * made and re-hashed against the listing before exec, run as `user =`.
 * stop comes from the old release, after rollback start and health too; all
 * others from the new.  Own process group (killed whole at the end, a daemon
 * left behind too, by cgroup-less subreaper), clean environment, no other
 * descriptors, time limit, output bounded (64 KiB kept) to STATE/log only.
 */
#ifndef APPLY_HOOKS_H
#define APPLY_HOOKS_H

#include <stdbool.h>

#include "manifest/base/err.h"

#include "apply/conf.h"
#include "apply/run.h"

/* Environment: DELTA_APP DELTA_FROM DELTA_TO DELTA_FROM_VERSION DELTA_TO_VERSION
 * DELTA_OLD_TREE DELTA_NEW_TREE DELTA_BACKUP_DIR DELTA_ATTEMPT DELTA_STEP, PATH,
 * HOME, LANG=C.UTF-8; nothing else. */

enum hook_end { HOOK_NONE, HOOK_OK, HOOK_FAILED };
/* HOOK_FAILED fills err: exit status, signal, time-out, not executable, missing
 * interpreter (a CRLF line is named as such). */
enum hook_end hook_run(struct run *, enum hook, bool from_old_release, struct err *);

/* A command line of the configuration ([service], [health]) by the same rules,
 * through /bin/sh -c. */
int command_run(struct run *, const char *what, const char *command_line,
    uint32_t timeout_s, struct err *);

#endif
