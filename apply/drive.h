/*
 * drive.h - the table of steps and the loop that walks it.
 *
 * The loop writes the mark that names a step before it calls the step's
 * function, and moves along `done` or `fail` when that returns.  A step knows
 * nothing of its neighbours.  From stop on an entry that did not return counts
 * as a try; when `tries` of them are used up the fail edge is taken.
 *
 *	idle -> preflight -> download -> stage -> verify -> wait -> stop -> backup
 *	-> migrate -> swap -> start -> health -> commit -> idle
 *	stop..health fail to rollback, that to idle or stuck
 *
 * With `[backup] when = running` backup stands between wait and stop, and
 * fails to idle.
 *
 * STATE/switching exists from before stop acts until commit or rollback is
 * durable (stuck keeps it).  Signals are held back meanwhile.
 */
#ifndef APPLY_DRIVE_H
#define APPLY_DRIVE_H

#include "manifest/base/err.h"

#include "apply/run.h"

enum { DRIVE_CRASHES_MAX = 6 };	/* of one switch, over all its steps */

struct step_row {
	enum step_result (*act)(struct run *, struct err *);
	enum step done, fail;
	uint32_t tries;		/* entries that may crash; 0: no limit */
	bool plan; /* before stop: acts by the plan, loaded after a restart */
};

/* The real table, STEP_COUNT rows. */
const struct step_row *drive_table(void);

/* drive() with another table (tests).  Returns the exit status; err is filled
 * when it is not 0. */
int drive_with(struct run *, const struct step_row rows[STEP_COUNT], struct err *);

/* A person's rollback: from = the release to go back to, to = the live one; the
 * journal must be idle.  Returns the exit status. */
int drive_rollback(struct run *, const struct mark *, struct err *);

/* For steps: make what the step changed in r->mark durable, same step. */
int drive_mark(struct run *, struct err *);

/* Does this step stand between "before stop acts" and commit or rollback? */
bool drive_in_switch(const struct run *, enum step);

/* For commands that need a device at rest: a plan that has not switched anything is
 * dropped; ERR_POLICY says what is under way. */
int drive_make_idle(struct run *, struct err *);

/* Leave a switch or stuck behind: the journal says idle, STATE/switching and
 * the plan are gone.  For resume. */
int drive_clear(struct run *, struct err *);

#endif
