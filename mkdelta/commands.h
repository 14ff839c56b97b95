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
extern const struct opt_command command_prune;
extern const struct opt_command command_halt;
extern const struct opt_command command_floor;
extern const struct opt_command command_verify;
extern const struct opt_command command_diff;
extern const struct opt_command command_patch;
extern const struct opt_command command_inspect;

/* What a command does with a repository: argv as of opt_command.run, argv[1] the
 * repository's path.  Exit status or -1. */
typedef int command_work(struct repo *, int words, char **argv, struct err *);

/* Open argv[1], do the work, close it.  `lock` is what the lock says to others, NULL for
 * work that only reads.  Where the work ended with a change that waits for signatures,
 * that is said, and whose lack; work that told it itself sets repo->waits to false. */
int command_run(const char *lock, command_work *, int words, char **argv, struct err *);

/* Keys for signing in `repo`.  With CI=true in the environment a folder that holds a
 * root key is refused with ERR_POLICY, unless it is allowed. */
struct keys *command_keys(const struct repo *, const struct keys_from *, struct err *);
/* Those at hand, to say what could be signed here.  None is no fault: NULL, with a
 * warning if some were there. */
struct keys *command_keys_seen(const struct repo *, const struct keys_from *);

/* What was changed is signed with the keys that are at hand, and written. */
int command_commit(struct repo *, const struct keys_from *, struct err *);
/* The same for what had waited or may wait: says what is published now. */
int command_publish(struct repo *, const struct keys_from *, struct err *);

/* Said on standard error of roles that end soon or ended.  Exit status 9 or 0. */
int command_warn_expiry(const struct repo *, int64_t now);

/* Print a value as JSON on standard output; takes it. */
int command_print(struct jv *, struct err *);

#endif
