/*
 * verify.h - a live host, looked at as a device does and as a cache may break it.
 *
 *	metadata	verified by the TUF client, every root from 1 on
 *	next root	is answered with 404, and no cache keeps that for long
 *	timestamp	is short-lived, all else long-lived
 *	objects		length, hash, type, no content encoding; a range from the middle
 *			is 206 with the Content-Range and the bytes that were asked for
 *
 * A folder is looked at likewise, as far as it can be wrong.
 */
#ifndef HOSTING_VERIFY_H
#define HOSTING_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "hosting/findings.h"
#include "hosting/site.h"
#include "hosting/view.h"

struct verify_sums {
	uint64_t roles, objects, bytes;	/* that were looked at */
};

/* quick: the bytes of objects are not fetched, but for a range of each.  -1: it could
 * not be done; what is wrong with the host is in the findings. */
int verify_site(const struct view *, bool quick, struct findings *, struct verify_sums *,
    struct err *);

#endif
