/*
 * status.h - RUN/status.json and RUN/events.ndjson, for programs that watch.
 *
 * Numbers, versions, step, stable reason codes, exit class, times, byte counts
 * and a schema version; never hook output, host names, addresses, configuration
 * values.  docs/status.md is the schema.  Replaced atomically, not synced (RUN is
 * a tmpfs).  Failure to write is a warning, never an error of the update.
 */
#ifndef APPLY_STATUS_H
#define APPLY_STATUS_H

#include "manifest/jv.h"

#include "apply/run.h"

/* The current step, as it begins. */
void status_step(const struct run *, enum step);
/* The end of a run: reason code ("current", "updated", "rolled-back",
 * "quarantined", "network"...), text for people. */
void status_end(const struct run *, int exit_status, const char *reason);
/* One event line: name and members (taken, may be NULL). */
void status_event(const struct run *, const char *name, struct jv *members);
/* What `status` prints: live release, trusted metadata age, journal, quarantine,
 * hold, last end.  Owned. */
struct jv *status_gather(const struct device *, struct err *);

#endif
