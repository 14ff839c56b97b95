/*
 * drive_end.h - how a run ends: exit status, the last words, status.json.
 */
#ifndef APPLY_DRIVE_END_H
#define APPLY_DRIVE_END_H

#include "manifest/base/err.h"

#include "apply/run.h"

/* on -1: err is an error of the loop itself; 0: the run ended with what err
 * says.  Returns the exit status and writes status.json. */
int drive_end(struct run *, int on, struct err *);

/* --dry-run while a switch is under way; --download-only has its objects.
 * Both return 0. */
int drive_say_switch(struct run *);
int drive_say_downloaded(struct run *, const struct mark *);
/* After a rollback that worked: err is filled unless a person asked for it.
 * Returns 0. */
int drive_say_rolled_back(struct run *, const struct mark *, struct err *);

/* Run the notify hook; whether that works changes nothing. */
void drive_notify(struct run *);

#endif
