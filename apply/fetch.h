/*
 * fetch.h - getting bytes from a host; the doorway to libcurl.
 *
 * https, http and file (regular files only).  Redirects within limits, http and
 * https only, never down to http.  No automatic decompression.  Low-speed and
 * total time-outs; a silent server never hangs a run.
 */
#ifndef APPLY_FETCH_H
#define APPLY_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/record.h"

#include "apply/device.h"

struct fetch;

struct fetch *fetch_new(const struct conf *, struct err *);	/* conf NULL: defaults */
void fetch_free(struct fetch *);

/* A small body appended to out (its max is the limit, enforced while receiving).
 * ERR_ABSENT: 404, 403, 410.  ERR_NET: anything that may pass.  `what` tells a
 * local failure (no route, no name, permission, trust store) from a host's. */
int fetch_small(struct fetch *, const char *url, struct buf *out, struct err *);
enum fetch_fault { FETCH_OK, FETCH_LOCAL, FETCH_HOST };
enum fetch_fault fetch_last_fault(const struct fetch *);

/* The step that is under way tells what it holds by device_say(); a fetch is
 * interrupted by cancel.h.  Retries with growing pauses within `net.retries`.
 *
 * An object into the spool: resumes by Range with If-Range, a 200 is a restart,
 * hash checked before it gets its name.  ERR_TRUST for wrong bytes. */
int fetch_object(struct fetch *, const struct device *, const char *url,
    const struct object *, struct err *);

/* A part of a larger object, with a hash of its own. */
struct fetch_part {
	uint64_t offset, bytes;
	struct sha256 sha256;
};

/* Parts of the `whole` at url, by Range, into the spool under their own hashes;
 * those that are there are not fetched.  They are sorted by offset and do not
 * overlap.  Parts near each other come in one request.  A part that was cut off
 * goes on where it ended.  *refused: the host does not serve parts, or serves
 * other bytes than were signed; the whole may still be had from it. */
int fetch_parts(struct fetch *, const struct device *, const char *url,
    const struct object *whole, const struct fetch_part *, size_t n, bool *refused,
    struct err *);
/* The part as an object of the spool. */
void fetch_part_object(const struct fetch_part *, const struct object *whole,
    struct object *out);

void fetch_counts(const struct fetch *, uint64_t *requests, uint64_t *bytes);

/* The GET of a health probe: *status gets the HTTP status, the body is dropped. */
int fetch_status(struct fetch *, const char *url, uint32_t timeout_s, long *status,
    struct err *);

#endif
