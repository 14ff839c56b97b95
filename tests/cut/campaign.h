/*
 * campaign.h - one scene of a device's life, cut at every change of its disk.
 *
 * A scene runs once uncut: what it leaves behind is what every cut run has to
 * come to in the end.  For one point:
 *
 *	the device as it was before -> the command, cut -> what is live is exactly
 *	the old or the new tree, and the new one (or the old one again) if the
 *	journal or the exit status said so already -> after a power cut: another
 *	boot, `recover` (tree and data fit), the application started ->
 *	`update` until it says 0 -> the same names everywhere, the same tree live,
 *	the service started from it, the journal idle
 */
#ifndef TESTS_CUT_CAMPAIGN_H
#define TESTS_CUT_CAMPAIGN_H

#include <stdbool.h>

#include "tests/cut/shape.h"
#include "tests/lab/lab.h"

enum { CALLS_MAX = 2000, CALL_TEXT_MAX = 160 };

struct scene {
	const char *name;
	const char *device;	/* the folder with the device as it was before */
	const char *command;	/* the program's words: "update --set ..." */
	const char *settings;	/* for all later commands as well, "" none */
	bool stays;		/* ends with the old tree, command's status is 5 */
	bool exchange;		/* the live tree is the root itself */

	/* Filled by scene_begin(): */
	struct shape before, after, end;
	char data_before[16], data_after[16];	/* "" none */
	char *names;		/* in the end, of the device's root and state */
	unsigned calls;
	char call[CALLS_MAX][CALL_TEXT_MAX];
	bool volatile_call[CALLS_MAX];	/* on RUN, which no power cut survives */
};

struct point {
	unsigned at;
	bool power;
	unsigned seed;
	unsigned again;		/* 0: no.  After the boot, `update` (each fourth: the next
				 * `recover`) is cut there; odd: by power, else killed */
	const char *drop;	/* of cut.h: a sync that is left out */
};

/* The lab holds repo/, root.json and app.conf, whose device is dev/ with app,
 * state, run, svc and data: svc is what the service's start command wrote, data
 * belong to a release and go with it. */
void scene_begin(struct lab *, struct scene *);
void scene_end(struct scene *);

/* What went wrong, in a static buffer; NULL: all as it should be. */
const char *scene_try(struct lab *, const struct scene *, const struct point *);

#endif
