/*
 * repair.h - the tree that runs becomes exactly what was signed again.
 *
 *	look	what differs, held against the signed listing
 *	build	the tree once more in staging: right files as they are, the others
 *		by mend.h, where that is refused out of the whole full; verified
 *	swap	stop, exchange, start, health, as an update does
 *
 * Until the exchange, which is one step, the tree is what it was.  A run that is cut
 * off leaves the old tree or the new one, STATE/switching if the service is stopped,
 * and staging; the next run of any kind clears it up.
 */
#ifndef APPLY_REPAIR_H
#define APPLY_REPAIR_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/mend.h"
#include "apply/run.h"

struct repair {
	struct run *run;
	struct record record;		/* of the tree, as signed where that is known */
	struct listing *listing;
	struct edge full;		/* of the release, when has_full */
	bool has_full;
	bool is_signed;			/* the metadata here list the release */
	bool lost_note;			/* the tree's own listing or record is damaged */
	struct verify_report report;
	struct mend mend;
	bool whole;			/* out: the whole full was fetched */
	bool swapped;			/* out: the repaired tree is live */
};

/* All may fail as what they call; repair_close() in any case.  The device is locked
 * and its journal idle. */
int repair_look(struct repair *, struct run *, struct err *);
/* Where would content come from?  Into mend.local and mend.host; nothing changes. */
int repair_count(struct repair *, struct err *);
int repair_build(struct repair *, struct err *);
/* ERR_POLICY: the service could not be stopped, and nothing changed, or (swapped) it
 * is not healthy with the right tree either. */
int repair_swap(struct repair *, struct err *);
/* What is not needed any more: staging, spool, copies of hooks. */
void repair_tidy(struct repair *);
void repair_close(struct repair *);

#endif
