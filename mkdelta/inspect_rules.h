/*
 * inspect_rules.h - how well each rule set guessed, counted while a delta is built.
 *
 * Only references that lie in a copy count: the rest of an output is new.
 */
#ifndef MKDELTA_INSPECT_RULES_H
#define MKDELTA_INSPECT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/patch/bspatch.h"
#include "apply/patch/rule.h"
#include "manifest/jv.h"

struct rule_tally {
	uint64_t found;		/* references in copied bytes */
	uint64_t moved;		/* of them: not the same bytes on both sides */
	uint64_t right;		/* of these: as predicted */
	/* Bytes that differ from the old ones and need no difference, less those that
	 * need one because of a wrong guess; and bytes of references that need one. */
	int64_t saved;
	uint64_t left;
};

struct rules_view {
	struct rule_tally rules[RULE_IDS];
	size_t n;		/* bytes in `guess` */
	uint8_t old[BSPATCH_STEP], guess[BSPATCH_STEP];
};

/* For delta_io.watch, by whatever `arg` is there. */
void rules_watch(struct rules_view *, const struct predict *, uint64_t old_at,
    const uint8_t *bytes, size_t n, bool done);

/* Nothing, when no rule found anything. */
void rules_print(const struct rules_view *);
struct jv *rules_json(const struct rules_view *);	/* NULL: out of memory */

#endif
