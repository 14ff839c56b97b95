/*
 * session.h - the signed metadata of one application, as this device trusts it.
 *
 * STATE/metadata holds the trusted copies (manifest/tuf_client.h).  At first use
 * the root that [trust] root names is stored there.  Only repositories whose
 * root has x-product count here; foreign ones are for `refresh` and `get`.
 *
 * Releases are read in one role alone: { targets, CHANNEL, CHANNEL.PLATFORM },
 * or CHANNEL.any where the repository has no role for this platform.
 */
#ifndef APPLY_SESSION_H
#define APPLY_SESSION_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"
#include "manifest/tuf_client.h"

#include "apply/device.h"
#include "apply/fetch.h"

struct session;

/* dev and fetch are borrowed; fetch NULL: nothing will be fetched.  The device's
 * lock is held by the caller (metadata may be written).  ERR_TRUST, ERR_FORMAT:
 * the root is no good; ERR_USAGE: the file of [trust] root cannot be read. */
struct session *session_open(const struct device *, struct fetch *, struct err *);
void session_close(struct session *);

/* The workflow of TUF over the network, then the catalog.  At most two requests
 * when nothing changed.  ERR_NET, ERR_TRUST, ERR_FORMAT, ERR_STALE; ERR_USAGE when
 * the repository does not have the configured channel. */
int session_refresh(struct session *, struct err *);
/* The same from what is stored, without network; expiry is not looked at.
 * ERR_ABSENT when no refresh ever completed. */
int session_local(struct session *, struct err *);

/* Valid after one of these, until session_close(). */
const struct catalog *session_catalog(const struct session *);
const char *session_platform(const struct session *);	/* this one's, or "any" */
/* The lowest release a person may go back to without saying so: the larger of
 * x-floor (targets) and x-channel.floor; 0 none. */
uint64_t session_floor(const struct session *);
/* x-channel.downgrade_to, 0 none. */
uint64_t session_downgrade(const struct session *);
/* The signed part of the role halt, NULL: there is none. */
const struct jv *session_halt(const struct session *);
struct tuf *session_tuf(struct session *);

/* URL of an object of the catalog, appended to out. */
int object_url(const struct conf *, const struct object *, struct buf *out, struct err *);

#endif
