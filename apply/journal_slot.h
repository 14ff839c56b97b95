/*
 * journal_slot.h - one slot of the journal, between journal*.c and its tests.
 */
#ifndef APPLY_JOURNAL_SLOT_H
#define APPLY_JOURNAL_SLOT_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"

#include "apply/journal.h"

#define JOURNAL_MAGIC "dajrnl1\n"
enum {
	JOURNAL_FORMAT = 1,	/* of the mark; a larger one is refused */
	JOURNAL_SLOT = 4096,
	SLOT_HEAD = 20,
	SLOT_SUM = 4064,
	SLOT_BODY_MAX = SLOT_SUM - SLOT_HEAD
};

int journal_slot_make(uint8_t slot[static JOURNAL_SLOT], uint64_t sequence,
    const struct mark *, struct err *);

/* A mark for programs (`status`); owned.  NULL: ERR_NOMEM. */
struct jv *mark_to_json(const struct mark *, struct err *);

#endif
