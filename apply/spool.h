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

/*
 * For fetch_object.c: an object that is still growing.
 */
enum { SPOOL_ETAG_MAX = 256 };
struct spool_part {
	int dir;			/* STATE/spool */
	int fd;				/* of the part */
	uint64_t have;			/* bytes written to it */
	uint64_t synced;
	char etag[SPOOL_ETAG_MAX];	/* "" none */
	char name[SHA256_HEX_MAX + 8], etag_name[SHA256_HEX_MAX + 8];
};
/* Open the part, made when absent; one longer than the object starts anew. */
int spool_part_open(const struct device *, const struct object *, struct spool_part *,
    struct err *);
void spool_part_close(struct spool_part *);
/* Back to nothing, with this validator for what comes. */
int spool_part_restart(struct spool_part *, const char *etag, struct err *);
int spool_part_add(struct spool_part *, const void *data, size_t n, struct err *);
int spool_part_sync(struct spool_part *, struct err *);
int spool_part_drop(struct spool_part *, struct err *);	/* part and validator */
/* Complete: check length and hash, give it its name, durable.  ERR_TRUST: it is
 * removed. */
int spool_part_finish(struct spool_part *, const struct object *, struct err *);

#endif
