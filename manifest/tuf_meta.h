/*
 * tuf_meta.h - one metadata file: envelope, signatures, shape.
 *
 * The order of use is the order of trust: parse, verify by whoever delegates,
 * check the shape.  Shared by client and writer; nobody else needs it.
 */
#ifndef MANIFEST_TUF_META_H
#define MANIFEST_TUF_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "manifest/jv.h"

/* Largest files read where nothing signed says how long they are. */
enum {
	TUF_ROOT_MAX = 512000,
	TUF_TIMESTAMP_MAX = 16384,
	TUF_SNAPSHOT_MAX = 2000000,
	TUF_TARGETS_MAX = 5000000
};
/* Per role, and per file. */
enum { TUF_KEYS_MAX = 256, TUF_SIGNATURES_MAX = 256 };

struct tuf_meta {
	struct jv *signed_part; /* owned */
	struct jv *signatures;  /* owned */
	struct buf canonical;   /* signed_part, in the form that is signed */
	/* After tuf_meta_check(): */
	uint64_t version; /* >= 1 */
	int64_t expires;
	int64_t x_signed;      /* 0: none */
	struct tuf_meta *next; /* for whoever keeps many */
};

/* The envelope alone: { signatures, signed }, each key id at most once.
 * ERR_FORMAT, ERR_NOMEM. */
struct tuf_meta *tuf_meta_parse(const void *data, size_t n, struct err *);
void tuf_meta_free(struct tuf_meta *); /* NULL is fine */

/* Does it carry the threshold of valid signatures that `delegator` (the signed
 * part of root or of targets metadata) asks for `role`?  ERR_TRUST when not,
 * ERR_ABSENT when the delegator does not know the role. */
int tuf_meta_verify(
    const struct tuf_meta *, const struct jv *delegator, const char *role, struct err *);

/* The shape that TUF 1.0 gives the role's type (any other name than the four of
 * the specification is of type targets).  Fills the fields above. */
int tuf_meta_check(struct tuf_meta *, const char *role, struct err *);

/* Bound to `product` (root's x-product; NULL: anything goes): ERR_TRUST when it
 * says another, ERR_FORMAT when x-signed is no time before expires. */
int tuf_meta_check_product(const struct tuf_meta *, const char *product, struct err *);

/* The delegation of `role` in the signed part of targets metadata, or the role
 * of that name in root's: an object with keyids and threshold.  NULL: none. */
const struct jv *tuf_role_entry(const struct jv *delegator, const char *role);

/* tuf_shape.c: what tuf_meta_check() asks of each type. */
int tuf_shape_root(const struct jv *signed_part, struct err *);
int tuf_shape_timestamp(const struct jv *signed_part, struct err *);
int tuf_shape_snapshot(const struct jv *signed_part, struct err *);
int tuf_shape_targets(const struct jv *signed_part, struct err *);

#endif
