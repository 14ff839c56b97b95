/*
 * service.h - starting and stopping what the release runs: a systemd unit by
 * name, or commands of the configuration; the hooks stop and start besides (stop
 * before, start after).  Nothing configured is fine.  All may be called again.
 */
#ifndef APPLY_SERVICE_H
#define APPLY_SERVICE_H

#include <stdbool.h>

#include "manifest/base/err.h"

#include "apply/run.h"

int service_stop(struct run *, bool old_release, struct err *);
int service_start(struct run *, bool old_release, struct err *);
/* The unit is active (or the status command says 0): 1, 0, -1 unknown. */
int service_active(struct run *, struct err *);

/*
 * Every configured probe held for its time: unit, HTTP (2xx), command, health
 * hook.  They are tried in rounds `interval` apart until all have passed for
 * `hold` seconds without a break; `retries` failing rounds are forgiven in all,
 * `timeout` bounds each single probe.  ERR_POLICY says which failed and why.  The
 * update probe is probe.h.
 */
int health_check(struct run *, bool old_release, struct err *);

#endif
