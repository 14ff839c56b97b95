/*
 * commands.h - the commands of mkdelta, and what they share.
 */
#ifndef MKDELTA_COMMANDS_H
#define MKDELTA_COMMANDS_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/base/opt.h"
#include "manifest/jv.h"
#include "mkdelta/keys.h"
#include "mkdelta/repo.h"

extern const struct opt_command command_init;
extern const struct opt_command command_release;
extern const struct opt_command command_list;
extern const struct opt_command command_show;
extern const struct opt_command command_refresh;
extern const struct opt_command command_key;
extern const struct opt_command command_sign;
extern const struct opt_command command_promote;
extern const struct opt_command command_withdraw;
extern const struct opt_command command_halt;
extern const struct opt_command command_verify;
extern const struct opt_command command_diff;
extern const struct opt_command command_patch;
extern const struct opt_command command_inspect;

/* Keys for signing in `repo`.  With CI=true in the environment a folder that holds a
 * root key is refused with ERR_POLICY, unless allow_root_key. */
struct keys *command_keys(const struct repo *, const struct keys_from *,
    bool allow_root_key, struct err *);

/* Said on standard error of roles that end soon or ended.  Exit status 9 or 0. */
int command_warn_expiry(const struct repo *, int64_t now);

/* After a commit: is something waiting for signatures?  Says what, and whose. */
int command_say_pending(const char *path, struct err *);

/* Print a value as JSON on standard output; takes it. */
int command_print(struct jv *, struct err *);

#endif
