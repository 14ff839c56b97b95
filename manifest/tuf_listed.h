/*
 * tuf_listed.h - what timestamp and snapshot say about other files, their members
 * of `meta`: { version, length?, hashes? }.
 */
#ifndef MANIFEST_TUF_LISTED_H
#define MANIFEST_TUF_LISTED_H

#include <stdint.h>

#include "manifest/base/hash.h"

#include "manifest/tuf_meta.h"

/* Of "<role>.json"; NULL: nothing is said about it. */
const struct jv *tuf_listed_in(const struct tuf_meta *, const char *role);
uint64_t tuf_listed_version(const struct jv *listed);

/* Length, and every hash that is listed; what is not listed is not asked for.
 * ERR_TRUST when they differ, and for a hash that cannot be computed. */
int tuf_listed_check_bytes(
    const struct jv *listed, const struct buf *bytes, struct err *);
int tuf_listed_check_version(
    const struct jv *listed, const struct tuf_meta *, struct err *);

#endif
