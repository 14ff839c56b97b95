/*
 * prune.h - delete what nothing lists any more from a host, once nobody can be
 * downloading it.
 *
 * An object stays while a state lists it that was in force within the grace period:
 * each N.snapshot.json names the roles of one, and it ends where the next was signed.
 * An object that no such state lists stays as long as it is younger than the grace
 * period, too: a publish may be on its way.  Metadata are never deleted.
 */
#ifndef HOSTING_PRUNE_H
#define HOSTING_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "hosting/dest.h"

struct prune_result {
	uint64_t objects, bytes;	/* deleted, or to be deleted */
	uint64_t waiting, waiting_bytes;	/* for the grace period to end */
	uint64_t kept;
	uint64_t states;		/* that count within the grace period */
};

/* The destination must be at the repository's own timestamp: ERR_POLICY. */
int prune_dest(struct dest *, int64_t now, uint64_t grace_s, bool dry_run,
    struct prune_result *, struct err *);

#endif
