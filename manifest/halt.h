/*
 * halt.h - the role `halt`: releases that no device shall switch to.
 *
 * Delegated by targets, listed in snapshot, with a key of its own; it delegates and
 * lists nothing.  Its signed part carries
 *
 *	"x-halt": { "releases": [{ "release": 42, "listing": "<hex>" }],
 *	    "all-until": "2026-12-01T00:00:00Z" }
 *
 * It can only take away.  all-until counts for at most 14 days from x-signed.
 */
#ifndef MANIFEST_HALT_H
#define MANIFEST_HALT_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/jv.h"
#include "manifest/record.h"

#define HALT_ROLE "halt"
enum { HALT_ALL_MAX_DAYS = 14 };

/* Does the signed part (NULL: no such role) halt this release at `now`? */
bool halt_covers(const struct jv *part, const struct record *, int64_t now);

#endif
