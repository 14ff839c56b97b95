/*
 * tuf_client.h - the client workflow of TUF 1.0.34, section 5.
 *
 * No network and no clock of its own: the caller gives a function that
 * fetches one name below the metadata URL, and the time.
 *
 * The folder `dir` holds root.json timestamp.json snapshot.json targets.json
 * and <percent-encoded role>.json, byte for byte as served, each stored
 * (durably) as soon as it is verified and never before.  A torn or garbage
 * local file other than root.json counts as absent.
 */
#ifndef MANIFEST_TUF_CLIENT_H
#define MANIFEST_TUF_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/jv.h"

struct tuf; /* opaque */

struct tuf_source {
	void *arg;
	/* All of `name` ("3.root.json", "timestamp.json") appended to out, whose
	 * max is the limit: more is ERR_FORMAT.  ERR_ABSENT for 404 and 403,
	 * anything else is an error that ends the refresh. */
	int (*get)(void *arg, const char *name, struct buf *out, struct err *);
};

struct tuf_clock {
	int64_t system_now; /* seconds since 1970 */
	int64_t built;      /* build date of this program, 0: unknown */
	bool untrusted;     /* use only the floor (boards that never get time) */
};

struct tuf_target {
	const char *path; /* borrowed from the role */
	uint64_t length;
	bool has_sha256, has_sha512;
	struct sha256 sha256;
	uint8_t sha512[SHA512_BYTES];
	const struct jv *custom; /* NULL: none */
};

/* Store the initial root: must be well-formed and signed by itself, else
 * ERR_FORMAT or ERR_TRUST and nothing is stored.  An equal or newer trusted
 * root of the same chain that stands there already is kept. */
int tuf_trust(int dir, const void *root, size_t n, struct err *);

/* Open the folder with its trusted root.  ERR_ABSENT: no root.json yet.
 * `source` may be NULL for work without network.  dir is borrowed. */
struct tuf *tuf_open(
    int dir, const struct tuf_source *source, const struct tuf_clock *, struct err *);
void tuf_close(struct tuf *);

/* The whole top-level workflow.  ERR_STALE when something is expired, ERR_TRUST
 * for rollback and wrong signatures, ERR_FORMAT for what cannot be read or is too
 * long.  Whatever fails, the next refresh can succeed. */
int tuf_refresh(struct tuf *, struct err *);
/* Instead of it: what is in the folder, verified, without network; expiry is
 * not checked.  ERR_ABSENT when no refresh ever completed (or the last one was
 * cut in the middle: the next completes it). */
int tuf_load_local(struct tuf *, struct err *);

/* The time this client goes by: max(system, built, x-signed of the trusted
 * timestamp) where root has x-product, else the system clock. */
int64_t tuf_now(const struct tuf *);

/* Search over the delegations as the specification says.  1 found, 0 not, -1. */
int tuf_find(struct tuf *, const char *path, struct tuf_target *, struct err *);

/* The role at the end of a chain of delegations that starts at targets, e.g.
 * { "targets", "stable", "stable.linux-arm64" }; each verified by its delegator.
 * The signed part, borrowed until tuf_close().  ERR_ABSENT: not delegated, or
 * not in snapshot (ERR_NET: the host lacks a file that snapshot lists).  After
 * tuf_load_local() also: not in the folder. */
const struct jv *tuf_role(struct tuf *, const char *const *chain, size_t n, struct err *);

/* Read the target `path` out of a signed part from tuf_role().  1, 0, -1. */
int tuf_role_target(
    const struct jv *signed_part, const char *path, struct tuf_target *, struct err *);
/* One by one: *it starts NULL.  1; 0 at the end; -1 for a target that cannot be
 * read (the next call goes on behind it). */
int tuf_role_each(
    const struct jv *signed_part, void **it, struct tuf_target *, struct err *);

/* root's x-product, NULL for foreign repositories. */
const char *tuf_product(const struct tuf *);
/* consistent_snapshot of the trusted root. */
bool tuf_consistent(const struct tuf *);
/* Signed parts of the trusted top-level roles, NULL when not loaded. */
const struct jv *tuf_signed(const struct tuf *, const char *role);
/* x-signed (0: none) and expires of the trusted timestamp, for status and messages.
 * 0, or -1 when there is none. */
int tuf_times(const struct tuf *, int64_t *x_signed, int64_t *expires);

/* "dir/HASH.name" (consistent) or "dir/name" for a target, appended to out. */
int tuf_target_url(
    const struct tuf *, const struct tuf_target *, struct buf *out, struct err *);
/* Is what fd holds (all of it, whatever its offset) this target?  ERR_TRUST when
 * its length or any of its hashes differs. */
int tuf_target_check(const struct tuf_target *, int fd, struct err *);
/* Is path usable as a file name below a folder?  ERR_FORMAT when not. */
int tuf_target_name_check(const char *path, struct err *);

/* Requests made and bytes received by this client so far. */
void tuf_counts(const struct tuf *, uint64_t *requests, uint64_t *bytes);

#endif
