/*
 * arm.h - code of 32-bit Arm (Arm ARM, DDI 0406), between rule_arm.c and its two
 * instruction sets.
 *
 * Code loads words that stand between it, and adds them to the program counter; in
 * programs with a place of their own the words are addresses.  So the scan goes through
 * the code once: what it meets notes the words further on, and each word has its turn
 * when the scan gets there.
 *
 * Nothing says which bytes are A32, which T32: each block of ARM_BLOCK bytes is judged
 * by the condition fields that A32 would have.  The scan of T32 begins anew for each
 * block, ARM_LEAD bytes before it: instructions have two or four bytes, and only reading
 * from the beginning tells which; but half a long one is rarely taken for another.
 */
#ifndef APPLY_PATCH_ARM_H
#define APPLY_PATCH_ARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/patch/rule.h"

enum {
	ARM_BLOCK = 256, ARM_LEAD = 64,
	ARM_INSTRUCTION = 4,	/* bytes of the longest */
	ARM_A32_REACH = 4104,	/* bytes from a load to the end of its word, at most */
	ARM_T32_REACH = 1032,
	ARM_AHEAD = 32,		/* words from a load to the instruction that adds it */
	ARM_WORDS = RULES_PART / 4 + 4
};

/* What a word is that code loads: how far from it the program counter is that it is
 * added to, or one of these. */
enum {
	ARM_NO_WORD = INT16_MIN,
	ARM_ADDRESS,		/* the word is the address */
	ARM_TABLE		/* it counts from the global offset table */
};

struct arm_scan {
	const struct window *w;
	uint64_t from, to;	/* what is asked for */
	uint64_t origin;	/* address of offset 0, as this part of memory lies */
	uint64_t words;		/* offset of word[0], from - 3 to from + 3 */
	size_t next, n;		/* the first word that had no turn yet; those to to + 2 */
	struct refs *refs;
	bool fixed;		/* addresses are known: words may be addresses */
	unsigned base;		/* index of the global offset table's address; 0: none */
	uint64_t table_bytes;
	int16_t word[ARM_WORDS];
};

/* Where the scan of T32 stands: the end of the last instruction that begins in the
 * block before, and which of that block's last ARM_LEAD / 2 halves began one, the last
 * in the lowest bit. */
struct arm_state {
	uint64_t at;
	uint32_t starts;
};

/* The instructions of the block [begin, end); the state is made this block's. */
void arm_a32_block(struct arm_scan *, uint64_t begin, uint64_t end, struct arm_state *);
void arm_t32_block(struct arm_scan *, uint64_t begin, uint64_t end, struct arm_state *);

/* ---- for both ---- */

/* Four bytes. */
uint32_t arm_load(const struct arm_scan *, uint64_t at);
/* Words up to `at` have their turn. */
void arm_words(struct arm_scan *, uint64_t at);
/* What becomes of a word that was loaded: the address that is added to it; or it is
 * an index from some other register; or nothing of both was seen. */
enum { ARM_USE_NONE = 0, ARM_USE_INDEX = 1 };
/* An instruction loads the word at `word`. */
void arm_note(struct arm_scan *, uint64_t word, uint64_t use);
/* A reference that counts if it is asked for and reaches into no word. */
void arm_add(struct arm_scan *, uint64_t at, enum ref_kind, unsigned aux,
    uint64_t target);
/* The same, if the target is code. */
void arm_branch(struct arm_scan *, uint64_t at, enum ref_kind, uint64_t target);
/* The same, if the target is an address of the image. */
void arm_address(struct arm_scan *, uint64_t at, enum ref_kind, unsigned aux,
    uint64_t target);

#endif
