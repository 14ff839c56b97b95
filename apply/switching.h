/*
 * switching.h - from before the service is stopped until it runs for good.
 *
 * STATE/switching exists exactly as long.  A boot, or the next run, that finds it
 * while the journal is idle only has to start the service.
 */
#ifndef APPLY_SWITCHING_H
#define APPLY_SWITCHING_H

#include <stdbool.h>

#include "manifest/base/err.h"

#include "apply/run.h"

#define SWITCHING_FILE "switching"

/* Signals wait, from stop on, until commit or rollback is durable. */
void switching_hold(bool hold);
/* Both durable; off is fine when it is off. */
int switching_on(struct run *, struct err *);
int switching_is_on(struct run *, struct err *);	/* 1, 0, -1 */
int switching_off(struct run *, struct err *);

#endif
