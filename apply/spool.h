/*
 * spool.h - downloaded objects, named by their SHA-256, surviving reboots.
 *
 * STATE/spool/<sha256>.part grows by synced appends; when length and hash are
 * right it is renamed to STATE/spool/<sha256>.  `.part` has a sidecar
 * <sha256>.etag with the validator for If-Range.
 */
#ifndef APPLY_SPOOL_H
#define APPLY_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"

#include "apply/device.h"

/* Is the finished object here (name and size; the hash was checked when it
 * got its name)? */
bool spool_has(const struct device *, const struct object *);
/* Bytes of it that are here, finished or not. */
uint64_t spool_have_bytes(const struct device *, const struct object *);
/* Open the finished object for reading; its hash is checked again through this
 * descriptor before it is handed out (ERR_TRUST, and it is removed). */
int spool_open(const struct device *, const struct object *, struct err *);
/* Everything not in the plan is removed; NULL: everything. */
struct plan;
int spool_clean(const struct device *, const struct plan *, struct err *);

#endif
