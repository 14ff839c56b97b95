/*
 * go.h - what the Go linker put into an executable: where its tables are.
 *
 * Go 1.18 and later (runtime/symtab.go, debug/gosym, internal/abi).  The table of
 * functions has a section, or lies in .data.rel.ro; everything else is known by the
 * module data, a struct of the runtime whose first word is the table's address.
 *
 *	table	header | names | cutab | file names | pctab | functions
 *
 * `functions` is an array of pairs (entry, offset of a record from `functions`),
 * then those records.  Addresses are 0 if unknown.
 */
#ifndef APPLY_PATCH_GO_H
#define APPLY_PATCH_GO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/image.h"
#include "apply/patch/rule.h"

/* What spans of both rules are marked with, and what offsets count from.  The parts
 * of the table stand in their order. */
enum go_mark {
	GO_WORD = 1,		/* an address */
	GO_TABLE,		/* never marked */
	GO_NAME,
	GO_UNIT,		/* the number of a word in cutab */
	GO_FILE,
	GO_PC,
	GO_FUNCTION,
	GO_INDEX,		/* the number of a function */
	GO_TEXT,
	GO_TYPE,		/* types and their names */
	GO_RODATA,
	GO_FUNCDATA,
	GO_MARKS
};

struct go {
	struct image *image;
	bool old;		/* laid out as by Go 1.18 and 1.19 */
	unsigned word;		/* 4, 8: bytes of a pointer */
	uint64_t table, end;	/* offsets in the image */
	uint64_t n;		/* functions */
	uint64_t base[GO_MARKS];	/* addresses */
	/* By the module data, as base[GO_TYPE] and those behind it. */
	uint64_t types_end;	/* address */
	uint64_t buckets, n_buckets;	/* findfunctab: one for each 4 KiB of text */
	uint64_t links, n_links;	/* offsets of types that have no name */
};

/* 1: a Go program; 0: none that we know; -1: error. */
int go_open(struct go *, struct image *, struct err *);
/* Where in the image a part of the table begins. */
uint64_t go_part(const struct go *, enum go_mark);

/* A span of the rule that runs now, with kinds and marks, none set. */
struct span *go_span(const struct go *, struct spans *, uint64_t from, uint64_t to,
    struct err *);
/* Mark what the records of all functions hold, and the data they point to, as far as
 * it is in the span. */
int go_mark_functions(const struct go *, struct span *, struct err *);

/* find() of both: marks whose word means anything.  `after` is that of marks. */
void go_find(const struct span *, const struct window *, uint64_t from, uint64_t to,
    struct refs *);

enum { GO_AFTER = 12 };

#endif
