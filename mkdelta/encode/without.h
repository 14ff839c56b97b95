/*
 * without.h - what an encoder is told to do without, by name.
 *
 * Devices that run an older decoder may lack a rule set or another way to make a file;
 * a delta without it is larger and theirs too.
 */
#ifndef MKDELTA_ENCODE_WITHOUT_H
#define MKDELTA_ENCODE_WITHOUT_H

#include <stdint.h>

#include "apply/patch/rule.h"
#include "manifest/base/err.h"

/* Bits of a mask: below RULE_IDS those of the rules. */
enum without {
	WITHOUT_RULES = ((uint32_t)1 << RULE_IDS) - 1,	/* all of them */
	WITHOUT_HINTS = 1 << 22,	/* each matching begins anew */
	WITHOUT_PIECES = 1 << 23,	/* no executables inside of files */
	WITHOUT_OVERRIDES = 1 << 24,	/* the map of addresses is not put right */
	WITHOUT_EXPANDED = 1 << 25,	/* compressed files stay what they are */
	WITHOUT_SPARSE = 1 << 26,	/* one byte of difference for each copied one */
	WITHOUT_SUBSTITUTE = 1 << 27,	/* changed bytes are always differences */
	WITHOUT_PRUNE = 1 << 28,	/* copies that do not pay stay */
	WITHOUT_SOURCES = 1 << 29,	/* one for each file, of its own name */
	WITHOUT_JOINED = 1 << 30,	/* runs and changes are two streams */
};

/* Names divided by commas or spaces, none for an empty text; ERR_USAGE names the one
 * that is unknown, and those that there are. */
int without_parse(const char *names, uint32_t *mask, struct err *);

#endif
