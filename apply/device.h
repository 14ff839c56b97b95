/*
 * device.h - one application on this device: its folders, opened and checked.
 *
 *	symlink mode    ROOT/releases/42/  ROOT/current -> releases/42  ROOT/shared/
 *	exchange mode   DIR/.NAME.delta/releases/ shared/ beside the live tree ROOT
 *	STATE           trusted metadata, spool, journal, lock, history, log...
 *	RUN             status.json, events.ndjson, back-off
 *
 * Ownership rules of docs/design are checked here: as root everything above
 * releases/ is writable by root only.
 */
#ifndef APPLY_DEVICE_H
#define APPLY_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/listing.h"
#include "manifest/record.h"

#include "apply/conf.h"

struct device {
	const struct conf *conf;
	int base;		/* ROOT (symlink), or DIR/.NAME.delta (exchange) */
	int releases;		/* base/releases */
	int shared;		/* base/shared, -1 until needed */
	int parent;		/* exchange: folder that holds the live tree; else -1 */
	char *live_name;	/* exchange: its name in parent */
	int state;		/* STATE, 0700 */
	int run;		/* RUN */
	int lock; /* RUN/lock while held, with what its holder does, else -1 */
	int state_lock, base_lock;	/* held with it: STATE/lock, BASE/.lock */
	char boot_id[40];	/* of the running kernel */
	char *root_path;	/* absolute, for hooks and messages */
};

/* Missing folders are created when `make`; without it ERR_ABSENT.  ERR_POLICY: a
 * root that is a symlink, on a filesystem without links, in exchange mode a mount
 * point; folders that others may write to; a root of another application. */
int device_open(const struct conf *, bool make, struct device *, struct err *);
void device_close(struct device *);
/* ERR_BUSY names the holder and its step.  The text is in RUN (an idle run writes
 * nothing else); STATE and BASE are locked too, for configurations that
 * share one of them without knowing. */
int device_lock(struct device *, struct err *);
/* What the others will read: "pid 12 step download".  Never fails. */
void device_say(const struct device *, const char *step);

/* What runs now: 0 nothing yet, 1 `release` (from current or .delta/record),
 * 2 stuck: dangling, outside, no folder, unreadable record: *why is filled. */
struct live {
	uint64_t release;
	struct sha256 listing;		/* from the tree's .delta/record */
	char version[NAME_MAX_VERSION + 1];
	bool has_record;		/* false: no or unreadable .delta/record */
};
/* LIVE_STUCK and ERR_POLICY: it is nothing that runs by itself; another code: it cannot
 * be read at this moment. */
enum live_state { LIVE_NONE, LIVE_RELEASE, LIVE_STUCK };
enum live_state live_read(const struct device *, struct live *, struct err *why);

/* Make release `to` the live one: one rename or one exchange, durable.
 * Looks first: already so is fine.  Exchange: releases/TO becomes the live tree
 * and the old live tree stands at releases/FROM. */
int live_switch(const struct device *, uint64_t from, uint64_t to, struct err *);
/* Nothing is live any more (a first install that failed): the link is gone, in
 * exchange mode the live tree stands at releases/RELEASE.  Durable; looks first. */
int live_remove(const struct device *, uint64_t release, struct err *);
/* Can it be done at all here?  Tries a real rename or exchange between staging
 * and root; ERR_POLICY says why not (mount point, bind mount, vfat). */
int live_try(const struct device *, struct err *);
/* Make what live_switch() to `to` will need, so that it works on a full disk
 * (symlink mode: the link it renames).  Durable; for preflight, both ways. */
int live_prepare(const struct device *, uint64_t to, struct err *);
/* What live_prepare() made and nobody used is gone, and traces of live_try(). */
int live_unprepare(const struct device *, struct err *);
/* The tree of a release: releases/N, in exchange mode the live tree when N is
 * what runs.  A descriptor, or -1: ERR_ABSENT, ERR_IO. */
int live_open_tree(const struct device *, uint64_t release, struct err *);

/* TREE/.delta/: listing and record, written by the device. */
int tree_record_write(int tree, const struct record *, const struct listing *,
    struct err *);
/* ERR_ABSENT when there is none; the listing's hash is checked against the record.
 * listing NULL: the record alone.  Writing is durable with the tree (verify syncs). */
int tree_record_read(int tree, struct record *, struct listing **, struct err *);

#endif
