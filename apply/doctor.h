/*
 * doctor.h - what an operator would look at, one function for each thing.
 *
 * A check says what it saw, line by line: the thing, the fact, and where something is
 * not as it should be what to do.  It keeps no lock and changes nothing (a service's
 * status command is run, and logged as always).
 */
#ifndef APPLY_DOCTOR_H
#define APPLY_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"

#include "apply/device.h"
#include "apply/run.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	const struct conf *conf;
	struct device dev;
	bool open;			/* dev is; checks of the device need it */
	struct err why;			/* why it is not */
	struct run run;			/* for what runs commands; no journal */
	const char *check;		/* at work */
	unsigned count[3];		/* lines of each level */
	struct jv *list;		/* the lines; NULL: to standard output */
};

/* advice NULL: none. */
void doctor_say(struct doctor *, enum doctor_level, const char *advice, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

struct doctor_check {
	const char *name;
	bool device;			/* skipped when the device is not open */
	void (*look)(struct doctor *);
};
extern const struct doctor_check doctor_checks[];	/* ends with a name of NULL */

void doctor_configuration(struct doctor *);
void doctor_folders(struct doctor *);
void doctor_trust(struct doctor *);
void doctor_clock(struct doctor *);
void doctor_network(struct doctor *);
void doctor_disk(struct doctor *);
void doctor_permissions(struct doctor *);
void doctor_journal(struct doctor *);
void doctor_lock(struct doctor *);
void doctor_service(struct doctor *);
void doctor_quarantine(struct doctor *);
void doctor_tree(struct doctor *);
void doctor_decoder(struct doctor *);
void doctor_schedule(struct doctor *);

#endif
