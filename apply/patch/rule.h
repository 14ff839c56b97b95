/*
 * rule.h - a rule set: how to find references in one kind of bytes.
 *
 * Adding an architecture or a table is adding a file with a `struct rule` and its
 * line in rules.c.  A rule set works in two steps:
 *
 *	spans	once for an image: which parts of it the rule reads, each with
 *		what it needs to know (marks, see below)
 *	find	for any part of a span: the references that begin there
 *
 * find() is a pure function of the old bytes around a place, within `before` and
 * `after`, so any part can be looked at without the rest: that is what makes the
 * decoder's memory constant.  Tables that can only be read by following them from
 * their beginning are followed once in spans(), which marks each word that holds a
 * reference with four bits; then find() just looks the marks up.
 *
 * Rules see old bytes of a known hash, but must hold for any bytes: no read outside
 * what they are given, no loop without an end, no allocation but from the arena.
 * No floating point, no host byte order: the same on every machine.
 */
#ifndef APPLY_PATCH_RULE_H
#define APPLY_PATCH_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/image.h"
#include "apply/patch/ref.h"

/* The order is that of the bits in a delta: new ones go to the end. */
enum rule_id {
	RULE_AARCH64,		/* branches, ADRP and its consumers */
	RULE_X86,		/* rel32, RIP-relative */
	RULE_ARM,		/* A32 and Thumb-2 */
	RULE_UNWIND,		/* .eh_frame and .eh_frame_hdr */
	RULE_SYMBOLS,		/* symbol tables and their names */
	RULE_GO_FUNCTIONS,	/* Go: pclntab */
	RULE_GO_TYPES,		/* Go: type descriptors, and pointers between them */
	RULE_MODULE,		/* relocatable objects: kernel modules */
	RULE_POINTERS,		/* words that are addresses: data, GOT, relocations */
	RULE_RISCV,		/* AUIPC and its consumers, JAL */
	RULE_TABLES,		/* jump tables, and addresses in read-only data */
	RULE_IDS
};

enum { RULE_CONTEXT_MAX = 5120 };	/* `before` and `after` at most */

/* What a mark (1 to 15) of a span stands for.  `at` is where the reference begins in
 * the marked word of 4 bytes, 0 to 3. */
struct mark {
	uint8_t kind, aux, base, at;
};

enum { MARKS_MAX = 16 };

struct span {
	uint64_t from, to;	/* offsets in the image, from < to <= 2^32 */
	uint64_t origin;	/* `from` as the rule gave it: records and marks count
				 * from there, also where an overlap was cut off */
	uint8_t rule;		/* enum rule_id: filled in by spans_add() */
	uint8_t what;		/* for the rule itself */
	uint8_t base;		/* the same: an index into image->bases */
	uint32_t stride;	/* the same: bytes of a record */
	/* For marked spans, else NULL: a nibble for each 4 bytes from `origin` on, low
	 * nibble first (arena memory, spans_free() returns it). */
	uint8_t *marks;
	size_t mark_bytes;
	struct mark kinds[MARKS_MAX];
};

enum { SPAN_COUNTS = 112 };
ARENA_COUNTS(struct span, SPAN_COUNTS);

struct spans {
	struct span *list;	/* ascending by `from` after rules_open(), disjoint */
	size_t n, cap;
	struct arena *arena;
	uint8_t rule;		/* whose spans() runs now */
};

/* Bytes of the image from `at` on, all in one span. */
struct window {
	const struct image *image;
	const uint8_t *bytes;
	uint64_t at;		/* offset of bytes[0] in the image */
	size_t n;
};

/* Where found references go, ascending by `at`, not overlapping. */
struct refs {
	struct ref *list;
	size_t n, cap;		/* what does not fit is dropped: see rules_find() */
};

struct rule {
	const char *name;	/* of the capability: predict-NAME-1 */
	uint32_t before, after;	/* bytes of the span around a place that find() reads */
	/* All spans of this rule in the image.  An image that it has nothing for is no
	 * error. */
	int (*spans)(struct image *, struct spans *, struct err *);
	/* References whose first byte is in [from, to), offsets in the image; the window
	 * holds at least [from - before, to + after) cut to the span. */
	void (*find)(const struct span *, const struct window *, uint64_t from,
	    uint64_t to, struct refs *);
};

extern const struct rule rule_aarch64, rule_x86, rule_arm, rule_pointers, rule_unwind,
    rule_symbols, rule_go_functions, rule_go_types, rule_module, rule_riscv,
    rule_tables;

/* ---- for rules ---- */

/* A span of this rule; NULL: out of arena or no such bytes in the image.  Pointers to
 * earlier spans do not hold any more. */
struct span *spans_add(struct spans *, const struct image *, uint64_t from, uint64_t to,
    struct err *);
/* One for each code section (segment, where there are no sections), from the first
 * multiple of `align` (a power of 2) of its address on. */
int spans_add_code(struct spans *, const struct image *, unsigned align, struct err *);
/* Marks for it, none set. */
int span_mark_all(struct spans *, struct span *, struct err *);
/* Mark the word at image offset `at` (4-byte steps from span->origin): 1 to 15.  Offsets
 * outside and steps between words are ignored; the first mark of a word stays. */
void span_mark(struct span *, uint64_t at, unsigned mark);
unsigned span_marked(const struct span *, uint64_t at);	/* 0: not */
/* find() for every marked span.  A reference that reaches into the next marked one is
 * left out.  Needs before 0, after 12. */
void span_find_marks(const struct span *, const struct window *, uint64_t from,
    uint64_t to, struct refs *);

void refs_add(struct refs *, enum ref_kind, unsigned aux, unsigned base, uint64_t at,
    uint64_t target);

/* ---- for the engine ---- */

/* All spans of the rules in `mask` (bit k: rule k) that the image has.  Where two
 * rules want the same bytes, the one of the lower id has them. */
int rules_open(struct image *, uint32_t mask, struct spans *, struct err *);
void spans_free(struct spans *);

/* References that begin in [from, to) of the image, at most RULES_PART bytes, by all
 * rules, into refs (cap at least RULES_REFS: then nothing is dropped).  What is found
 * at a place does not depend on from and to. */
enum { RULES_PART = 16 * 1024, RULES_REFS = RULES_PART / 4 + 4 };
int rules_find(const struct image *, const struct spans *, uint64_t from, uint64_t to,
    struct refs *, struct err *);

const char *rule_name(unsigned id);	/* NULL beyond the last */

#endif
