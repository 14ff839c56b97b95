/*
 * plan.h - what this run is going to do: the target, the chain, the room.
 *
 * A plan is made from verified metadata and the device's own state, kept as
 * STATE/plan.json (durable from preflight on) so that later steps and later
 * boots need no metadata: it carries the records and edges it uses.
 */
#ifndef APPLY_PLAN_H
#define APPLY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/chain.h"
#include "manifest/record.h"

#include "apply/device.h"

struct plan {
	uint64_t from;			/* 0: first install */
	struct record
	    from_record; /* empty when from == 0, or its tree is not its listing */
	struct record to;
	/* Chain: hop i goes from tree i to tree i + 1; each tree between has its
	 * record (its listing object is fetched only when no hop builds it). */
	struct edge *hops;
	struct record *trees; /* trees[i]: what hop i makes; the last equals to */
	size_t n_hops;			/* 0: to has the tree that is there already */
	uint64_t download_bytes;	/* of the chain, listing included */
	uint64_t full_bytes;		/* what the full would cost */
	uint64_t peak_bytes;		/* room at the worst moment: objects + staging */
	uint64_t inodes;
	uint64_t memory_bytes;
};

/* Why nothing is to be done, or why not the newest. */
enum choice {
	CHOICE_UPDATE,
	CHOICE_CURRENT,		/* the newest runs, or nothing newer is listed */
	CHOICE_HELD,		/* a manual rollback holds */
	CHOICE_NONE		/* newer ones exist, none may run here */
};
struct choose_options {
	uint64_t to;			/* --to N, 0: highest */
	uint64_t downgrade;		/* session_downgrade() */
	uint64_t floor;			/* session_floor() */
	const struct jv *halt;		/* session_halt() */
	int64_t time;			/* that halts are held against */
	bool retry;			/* ignore quarantine */
	bool now;
};
struct choose_why {
	char reason[32];	/* stable code: "current", "held", "quarantined"... */
	char text[512];		/* for people, printable */
};
/* The candidate release: highest listed above the running one that fits
 * platform and requires and is not quarantined.  `why` is always filled: why
 * nothing, or why not the newest ("newest"). */
enum choice choose_release(const struct device *, const struct catalog *,
    const struct live *, const struct choose_options *, const struct record **to,
    struct choose_why *why);
/* Does it fit this device whatever runs now (capabilities, hardware, applier,
 * data schema)?  why says what not. */
bool choose_fits(const struct device *, const struct record *, struct choose_why *why);

/* The chain for it.  Dropped edges (of this plan) are those in `bad`.
 * ERR_NET / ERR_TRUST / ERR_ROOM when no path is left. */
int plan_make(const struct device *, const struct catalog *, const struct live *,
    const struct record *to, const struct sha256 *bad, size_t n_bad,
    struct plan *, struct err *);
void plan_clear(struct plan *);
int plan_save(const struct device *, const struct plan *, struct err *);
int plan_load(const struct device *, struct plan *, struct err *);	/* ERR_ABSENT */
int plan_remove(const struct device *, struct err *);

/* Every offered path with its cost and why it lost, for `plan`. */
struct jv *plan_explain(const struct device *, const struct catalog *,
    const struct live *, const struct plan *, struct err *);

#endif
