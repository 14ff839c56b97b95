/*
 * repo.h - a repository on this disk: read as an auditor would, changed in memory,
 * committed in an order that leaves the old state or the new one.
 *
 *	repo_open     the root chain, timestamp, snapshot, targets and every role
 *	              below, each by length, hash, signature and product; who wants to
 *	              change it locks it first, and scraps of a killed run go
 *	repo_role, repo_add_role, repo_change
 *	              edit signed parts in memory
 *	repo_place    a finished object gets its name below targets/
 *	repo_commit   signs what was changed, then snapshot and timestamp, verifies it
 *	              all again, writes it; timestamp.json last
 *
 * Killed before the last rename, the old state holds: files that were written
 * already are named by no timestamp, and the next commit takes higher versions.
 */
#ifndef MKDELTA_REPO_H
#define MKDELTA_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"
#include "manifest/names.h"
#include "manifest/record.h"
#include "mkdelta/keys.h"

enum { REPO_PRODUCT_MAX = 33, REPO_ARCHIVES_MAX = 64 };
/* Scratch of the command that holds the lock: 0700, gone with repo_close(). */
#define REPO_WORK ".work"

struct repo_role {
	char name[NAME_MAX_PATH];
	char by[NAME_MAX_PATH];		/* who delegates it; "root" for the four */
	struct jv *part;		/* signed part, owned */
	uint64_t version;		/* of the file on the disk, 0: none yet */
	uint64_t base;			/* the same, also while it is changed */
	uint64_t bytes;			/* of that file */
	int64_t expires, signed_at;
	bool changed;
	struct jv *file;		/* changed: { signatures, signed } of the next
					 * version, once it has its number; owned */
	struct jv *before;		/* what a pending change lies over; owned */
	struct repo_role *next;		/* in the order of delegation */
};

struct repo {
	char *path;			/* as the user wrote it */
	int dir, lock;			/* lock: -1 for readers */
	int work;			/* REPO_WORK, -1 for readers */
	struct jv *trusted_root;	/* part of the root that devices have; NULL:
					 * none yet */
	int pending;			/* objects go to this folder; -1: none */
	bool pending_loaded;		/* the pending change lies over the roles */
	bool may_wait;			/* even if no key for a role is here at all */
	bool waits;			/* the last commit waits in REPO.pending */
	char reason[96];		/* of the change, for who is asked to sign it */
	char product[REPO_PRODUCT_MAX];
	struct repo_role *roles;	/* root, timestamp, snapshot, targets, ... */
};

/* `command` is what the lock says to others, NULL for readers, which take none.
 * NULL: ERR_USAGE (no repository), ERR_TRUST or ERR_FORMAT naming the file that was
 * changed by hand, ERR_BUSY (by whom), ERR_IO.  Expired metadata opens. */
struct repo *repo_open(const char *path, const char *command, struct err *);
/* One without roles in the open folder dir, which it takes over; for init. */
struct repo *repo_new(const char *path, int dir, const char *product, struct err *);
void repo_close(struct repo *);		/* NULL is fine; unlocks */

struct repo_role *repo_role(const struct repo *, const char *name);	/* NULL: none */
/* The delegated role of a channel, ERR_USAGE when there is none: names all. */
struct repo_role *repo_channel(const struct repo *, const char *channel, struct err *);
/* The next channel after `last` (NULL: the first). */
struct repo_role *repo_next_channel(const struct repo *, const struct repo_role *last);
/* The next platform role of a channel, and its platform's name. */
struct repo_role *repo_next_platform(const struct repo *, const char *channel,
    const struct repo_role *last);
const char *repo_platform_name(const struct repo_role *);
/* The next archive of a platform's role, the oldest first; a new one behind them. */
struct repo_role *repo_next_archive(const struct repo *, const struct repo_role *platform,
    const struct repo_role *last);
struct repo_role *repo_add_archive(struct repo *, struct repo_role *platform,
    struct err *);
/* All that a platform's role and its archives list; the caller's to clear. */
int repo_catalog(const struct repo *, const struct repo_role *, struct catalog *,
    struct err *);

/* A new role, delegated by `by`, valid for `period` seconds; takes part. */
struct repo_role *repo_add_role(struct repo *, const char *name, const char *by,
    struct jv *part, int64_t period, struct err *);
/* A platform's role in a channel, made and delegated when missing. */
struct repo_role *repo_platform_role(struct repo *, const char *channel,
    const char *platform, struct err *);

/* Is at least one of the keys of this role here?  ERR_POLICY says which role lacks.
 * Can they sign it to its threshold? */
int repo_can_sign(const struct repo *, const struct keys *, const char *role,
    struct err *);
bool repo_can_end(const struct repo *, const struct keys *, const char *role);
/* Do these keys suffice for all that was changed, and its publishing? */
bool repo_can_publish(const struct repo *, const struct keys *);
/* Does the folder hold a private root key? */
bool repo_has_root_key(const struct repo *, const struct keys *);

/* From now on objects go to REPO.pending, since the commit will wait there. */
int repo_place_pending(struct repo *, struct err *);
/* REPO/.work/temp becomes targets/DIR/<sha256>.NAME of object->path.  Durable with
 * the next commit.  An equal file that stands there already is kept. */
int repo_place(const struct repo *, const char *temp, const struct object *,
    struct err *);
/* The file of an object, its size checked: a descriptor for reading. */
int repo_open_object(const struct repo *, const struct object *, struct err *);
/* "targets/42/<sha256>.linux-arm64.tar.zst" into out (of NAME_MAX_PATH + 80). */
enum { REPO_FILE_MAX = NAME_MAX_PATH + 80 };
const char *repo_object_file(const struct object *, char out[static REPO_FILE_MAX]);

/* `now` is the time to sign with; it never goes back behind what was signed.
 * ERR_POLICY when the last signature lies more than an hour ahead, unless force.
 * Where signatures lack, what is signed so far goes to REPO.pending (pending.h) and
 * `waits` is set: nothing is published. */
int repo_commit(struct repo *, const struct keys *, int64_t now, bool force,
    struct err *);

#endif
