/*
 * service.h - starting and stopping what the release runs: a systemd unit by
 * name, or commands of the configuration, or hooks stop/start, or nothing.
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

/* Every configured probe held for its time: unit, HTTP, command, health hook.
 * ERR_POLICY says which and why.  The update probe is probe.h. */
int health_check(struct run *, bool old_release, struct err *);

#endif
