/*
 * journal.h - what to do next, surviving power cuts.
 *
 * STATE/journal: a preallocated file of two 4096-byte slots.  A mark goes to
 * the slot that does not hold the newest valid mark, then fdatasync; so a torn
 * write loses only the mark being written.
 *
 *	offset size
 *	0      8    magic "dajrnl1\n"
 *	8      8    sequence number, little-endian
 *	16     4    length of the body
 *	20     n    body: JSON of the mark
 *	4064   32   SHA-256 of bytes 0..4064
 */
#ifndef APPLY_JOURNAL_H
#define APPLY_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"

/* The order of an update; journal text uses step_name(). */
enum step {
	STEP_IDLE, STEP_PREFLIGHT, STEP_DOWNLOAD, STEP_STAGE, STEP_VERIFY, STEP_WAIT,
	STEP_STOP, STEP_BACKUP, STEP_MIGRATE, STEP_SWAP, STEP_START, STEP_HEALTH,
	STEP_COMMIT, STEP_ROLLBACK, STEP_STUCK, STEP_COUNT
};

struct mark {
	enum step step;
	uint32_t tries;			/* entries of this step, this one included */
	uint32_t crashes;		/* entries of this switch that did not return */
	bool paused; /* the last entry ended on purpose, not by a crash */
	uint64_t from, to;		/* releases; from 0: nothing ran */
	struct sha256 from_listing, to_listing;
	uint64_t attempt;		/* of the record (quarantine key) */
	bool manual;			/* rollback asked for by a person */
	bool migrated;			/* the migrate hook was started */
	bool backed_up;
	bool probe_passed;		/* update probe right before stop */
	bool old_modified;		/* the old tree differed before stop already */
	bool blamed;   /* rollback: the new release is to be quarantined */
	bool reverted; /* rollback: tree and data are the old ones again */
	uint64_t schema_before;		/* of shared/.delta-data before migrate */
	int64_t began;			/* preflight, seconds since 1970 */
	uint64_t bytes;			/* downloaded so far, over all runs */
	char boot_id[40];
	char reason[64];		/* stable code: why rollback or stuck */
	char text[512];			/* the same for people */
	uint32_t format;		/* of the writer; newer than ours: refused */
};

const char *step_name(enum step);
int step_parse(const char *, enum step *);	/* 0, -1 */

struct journal;

/* Open STATE/journal, made when absent.  A journal in which no slot is valid
 * although it has been written is reported through *lost (state is rebuilt from
 * the tree).  ERR_POLICY: written by a newer applier. */
struct journal *journal_open(int state, bool *lost, struct err *);
void journal_close(struct journal *);
/* The newest valid mark; false when none (idle). */
bool journal_read(const struct journal *, struct mark *);
/* Durable when it returns 0. */
int journal_write(struct journal *, const struct mark *, struct err *);

/* For the parser alone (fuzzed): one slot of 4096 bytes. */
int journal_slot_parse(const uint8_t slot[4096], uint64_t *sequence, struct mark *,
    struct err *);

#endif
