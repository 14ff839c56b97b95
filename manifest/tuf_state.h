/*
 * tuf_state.h - what the parts of the TUF client share; see tuf_client.h.
 *
 *	tuf_client.c	open, refresh, load, what callers may ask
 *	tuf_root.c	the chain of roots, the first trust
 *	tuf_roles.c	timestamp, snapshot, targets and delegated roles
 *	tuf_store.c	the folder, the source, the lock
 *	tuf_search.c	delegations and targets
 */
#ifndef MANIFEST_TUF_STATE_H
#define MANIFEST_TUF_STATE_H

#include "manifest/tuf_client.h"
#include "manifest/tuf_meta.h"

/* However much a signed length promises. */
enum { TUF_FILE_MAX = 16 << 20 };

struct tuf_loaded {            /* a delegated role in memory */
	const char *name;      /* borrowed from its delegator */
	struct tuf_meta *meta; /* borrowed from `kept` */
	struct tuf_loaded *next;
};

struct tuf {
	int dir;                  /* borrowed */
	struct tuf_source source; /* get NULL: none */
	struct tuf_clock clock;
	bool offline; /* use the folder alone, whatever its age */
	int64_t now;  /* fixed at the start of each refresh */
	int lock;     /* -1: not held */
	/* The trusted ones, NULL until loaded; borrowed from `kept`. */
	struct tuf_meta *root, *timestamp, *snapshot, *targets;
	struct tuf_loaded *delegated;
	/* All metadata that callers may still look at: freed by tuf_close(). */
	struct tuf_meta *kept;
	uint64_t requests, bytes;
};

/* A file as it came, and what it says. */
struct tuf_file {
	struct buf bytes;
	struct tuf_meta *meta; /* owned until kept */
};

/* The file's metadata lives as long as t; the bytes go. */
struct tuf_meta *tuf_keep(struct tuf *, struct tuf_file *);
void tuf_file_drop(struct tuf_file *);

/* tuf_store.c ---------------------------------------------------------- */

/* Until the descriptor is closed no other run refreshes this folder: ERR_BUSY. */
int tuf_lock(int dir, struct err *);
/* Durable. */
int tuf_store(int dir, const char *role, const struct buf *bytes, struct err *);
/* Raw bytes of a role's local file, at most max. */
int tuf_store_read(int dir, const char *role, struct buf *bytes, struct err *);
/* The local file if `delegator` vouches for it today.  1; 0: absent, which torn
 * files and signatures of former keys are too; -1: the system refused. */
int tuf_local(struct tuf *, const char *role, const struct jv *delegator,
    struct tuf_file *, struct err *);
/* From the source; version 0: the name without one.  out's max is the limit. */
int tuf_fetch(
    struct tuf *, const char *role, uint64_t version, struct buf *out, struct err *);

/* tuf_root.c ----------------------------------------------------------- */

int tuf_root_load(struct tuf *, struct err *);
int tuf_root_update(struct tuf *, struct err *);
const char *tuf_product_of(const struct jv *root);

/* tuf_roles.c ---------------------------------------------------------- */

/* ERR_STALE when expired at t->now; never when offline. */
int tuf_check_expiry(
    const struct tuf *, const struct tuf_meta *, const char *role, struct err *);
/* Each continues from what the one before left in t. */
int tuf_timestamp_local(struct tuf *, struct err *);
int tuf_timestamp_update(struct tuf *, struct err *);
int tuf_snapshot_update(struct tuf *, struct err *);
/* targets, or a delegated role.  ERR_ABSENT: not listed in snapshot. */
int tuf_targets_load(struct tuf *, const char *role, const struct jv *delegator,
    struct tuf_meta **, struct err *);

#endif
