/*
 * ref.h - references in machine code and tables: operands that name an address.
 *
 * When code moves, the bytes of an operand change though its meaning does not.
 * A rule finds a reference in old bytes; ref_store() writes the same operand for
 * its new place and the target's new address.  A few kinds of encoding serve all
 * rules:
 *
 *	word	the bytes as a little-endian integer, of which `mask` is the operand
 *	value	what is written there, made of target, place (the address of the
 *		operand itself), base and aux
 *
 * Addresses are those of the image (image.h), 64 bits, wrapping.
 */
#ifndef APPLY_PATCH_REF_H
#define APPLY_PATCH_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ref_kind {
	REF_WORD32,		/* target */
	REF_WORD64,
	REF_REL32,		/* target - place - aux */
	REF_BACK32,		/* place - target (the CIE pointer of an FDE) */
	REF_BASE32,		/* (target - base) >> aux */
	REF_BASE64,
	REF_INDEX32,		/* (target - base) / aux: the number of a record */
	REF_INDEX24,		/* the same in the upper three bytes */
	REF_SLOT32,		/* target + (place - base) / aux: a word for each entry */
	REF_SLOT64,
	REF_REL31,		/* target - place, 31 bits (Arm EHABI, prel31) */
	REF_A64_BRANCH,		/* B, BL: imm26 */
	REF_A64_PAGE,		/* ADRP: immhi, immlo */
	REF_A64_LOW,		/* ADD, LDR, STR: imm12 of the target, >> aux */
	REF_A32_BRANCH,		/* B, BL: imm24, from place + 8 */
	REF_A32_BLX,		/* BLX: imm24 and H */
	REF_A32_MOV,		/* MOVW, MOVT: imm4, imm12; aux 0 low, 1 high half */
	REF_A32_PART,		/* aux 0, 1, 2: of ADD, ADD, LDR that add up */
	REF_T32_BRANCH,		/* BL, B.W: S, imm10, J1, J2, imm11, from place + 4 */
	REF_T32_BLX,		/* BLX: to a word */
	REF_T32_MOV,		/* MOVW, MOVT as above */
	REF_RV_JAL,		/* imm20 */
	REF_RV_HIGH,		/* AUIPC: the upper 20 bits, rounded, from place */
	REF_RV_LOW_I,		/* the low 12 from place - aux, where the AUIPC is */
	REF_RV_LOW_S,		/* the same in a store */
	REF_FAR32,		/* target - place - ref_far() */
	REF_KINDS
};

enum { REF_BYTES_MAX = 8, REF_BYTES_MIN = 4 };

/* One reference.  `at` is the offset of its first byte in the image. */
struct ref {
	uint64_t target;	/* address in the old image */
	uint32_t at;
	uint8_t kind;		/* enum ref_kind */
	uint8_t aux;
	uint8_t base;		/* index into image->bases, for REF_BASE*, REF_INDEX32 */
	uint8_t rule;		/* which rule set found it; filled in by rules.c */
};

/* For REF_FAR32: how far from the reference the instruction is that adds it to where
 * it stands itself.  16 bits, in aux and base. */
int ref_far(const struct ref *);

size_t ref_bytes(enum ref_kind);		/* 4 or 8 */
/* The bits of the operand: all others stay as they are in old bytes. */
uint64_t ref_mask(enum ref_kind);

/* Write the operand into word[0..ref_bytes) (which holds the old bytes) for a
 * reference that stands at address `place` and means `target`. */
void ref_store(uint8_t *word, const struct ref *, uint64_t target, uint64_t place,
    uint64_t base);

/* Fill the operand with bits of a hash: the encoder makes equal what means the
 * same. */
void ref_blur(uint8_t *word, const struct ref *, uint64_t hash);

#endif
