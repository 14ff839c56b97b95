/*
 * tuf_write.h - making TUF metadata: signed parts, signatures, files.
 *
 * Emitted as jv_print_sorted() does: compact, sorted.  Never linked into the
 * device's program.
 */
#ifndef MANIFEST_TUF_WRITE_H
#define MANIFEST_TUF_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/jv.h"
#include "manifest/sign.h"

struct tuf_head {
	const char *type; /* "root", "targets", "snapshot", "timestamp" */
	uint64_t version;
	int64_t expires;
	int64_t signed_at;   /* x-signed */
	const char *product; /* x-product; NULL: none */
};

/* The signed part with _type, spec_version, version, expires, x-...  Owned. */
struct jv *tuf_new_signed(const struct tuf_head *, struct err *);
/* Give an existing part (a copy of the last version) a new head; the rest stays. */
int tuf_set_head(struct jv *signed_part, const struct tuf_head *, struct err *);

/* root's "keys" and "roles"; targets' "delegations".  A role that is there already
 * gets the new keys, and keys that no role uses any more go.  Adding a key again
 * is fine.  `paths` ends with NULL. */
int tuf_root_role(struct jv *root, const char *role, struct jv *const *keys,
    size_t n_keys, unsigned threshold, struct err *);
int tuf_delegate(struct jv *targets, const char *role, const char *const *paths,
    struct jv *const *keys, size_t n_keys, unsigned threshold, struct err *);

/* targets[path] = { length, hashes.sha256, custom }; takes custom (may be NULL). */
int tuf_set_target(struct jv *targets, const char *path, uint64_t length,
    const struct sha256 *, struct jv *custom, struct err *);

/* meta["NAME.json"] = { version, length, hashes.sha256 } of the file bytes. */
int tuf_set_meta(struct jv *signed_part, const char *name, uint64_t version,
    const void *file, size_t n, struct err *);

/* { signatures, signed } as the bytes to publish, appended to out. */
int tuf_sign(const struct jv *signed_part, struct signer *const *signers, size_t n,
    struct buf *out, struct err *);

/* One file { signatures, signed } in the making: its signed part copied, nobody has
 * signed yet.  Owned. */
struct jv *tuf_new_file(const struct jv *signed_part, struct err *);
/* Signatures of those who have none in it yet. */
int tuf_add_signatures(
    struct jv *file, struct signer *const *signers, size_t n, struct err *);
/* Who of those that `delegator` names for `role` signed it well: key ids into the
 * list `ids`; how many it takes into *threshold. */
int tuf_good_signatures(const struct jv *delegator, const char *role,
    const struct jv *file, struct jv *ids, int64_t *threshold, struct err *);

/* Do `n` bytes carry valid signatures for `role` as `delegator`'s signed part
 * says (root's roles or targets' delegations)?  The signed part, owned; its shape
 * is checked, its time and version are not.  A root may be its own delegator:
 * NULL. */
struct jv *tuf_verify_file(const struct jv *delegator, const char *role, const void *file,
    size_t n, struct err *);

#endif
