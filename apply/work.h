/*
 * work.h - what commands that look at an application's releases have open.
 */
#ifndef APPLY_WORK_H
#define APPLY_WORK_H

#include "manifest/base/err.h"

#include "apply/device.h"
#include "apply/fetch.h"
#include "apply/plan.h"
#include "apply/session.h"

struct work {
	struct device dev;
	struct fetch *fetch;
	struct session *session;
	enum live_state live_state;
	struct live live;
	struct err live_why;		/* when stuck */
	enum choice choice;
	const struct record *to;	/* what would be installed, NULL */
	struct choose_why why;
};

/* Device open and locked, metadata refreshed, the choice made.  -1: everything is
 * closed again. */
int work_open(const struct conf *, struct choose_options, struct work *, struct err *);
void work_close(struct work *);

#endif
