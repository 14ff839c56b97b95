/*
 * Encodings: Arm ARM (DDI 0487, 0406) for A64, A32 and T32; RISC-V unprivileged ISA;
 * the rest are words.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/ref.h"

/* The bits of the operand; 0: all of eight bytes, else there are four. */
static const uint32_t masks[REF_KINDS + 1] = {
	[REF_WORD32] = UINT32_MAX,
	[REF_REL32] = UINT32_MAX,
	[REF_BACK32] = UINT32_MAX,
	[REF_BASE32] = UINT32_MAX,
	[REF_INDEX32] = UINT32_MAX,
	[REF_INDEX24] = 0xffffff00,
	[REF_SLOT32] = UINT32_MAX,
	[REF_REL31] = 0x7fffffff,
	[REF_A64_BRANCH] = 0x03ffffff,
	[REF_A64_PAGE] = 0x60ffffe0,
	[REF_A64_LOW] = 0x003ffc00,
	[REF_A32_BRANCH] = 0x00ffffff,
	[REF_A32_BLX] = 0x01ffffff,
	[REF_A32_MOV] = 0x000f0fff,
	[REF_A32_PART] = 0x00000fff,
	[REF_T32_BRANCH] = 0x2fff07ff,
	[REF_T32_BLX] = 0x2fff07ff,
	[REF_T32_MOV] = 0x70ff040f,
	[REF_RV_JAL] = 0xfffff000,
	[REF_RV_HIGH] = 0xfffff000,
	[REF_RV_LOW_I] = 0xfff00000,
	[REF_RV_LOW_S] = 0xfe000f80,
	[REF_FAR32] = UINT32_MAX,
};

size_t
ref_bytes(enum ref_kind kind)
{
	return masks[kind] == 0 ? 8 : 4;
}

int
ref_far(const struct ref *r)
{
	return (int16_t)(uint16_t)(r->aux | r->base << 8);
}

uint64_t
ref_mask(enum ref_kind kind)
{
	return masks[kind] == 0 ? UINT64_MAX : masks[kind];
}

static uint32_t
bits(uint64_t v, unsigned from, unsigned n)
{
	return (uint32_t)(v >> from) & (((uint32_t)1 << n) - 1);
}

/* ADRP: the low two bits of the page count stand apart from the others. */
static uint32_t
page_bits(uint64_t target, uint64_t place)
{
	uint64_t pages = (target >> 12) - (place >> 12);

	return bits(pages, 0, 2) << 29 | bits(pages, 2, 19) << 5;
}

/* A T32 word is two halves, the first one low.  BL, B.W, BLX: S and imm10 in the
 * first, J1, J2 and imm11 in the second; J = not (I eor S). */
static uint32_t
t32_branch_bits(uint64_t offset)
{
	uint32_t s = bits(offset, 24, 1);
	uint32_t j1 = bits(offset, 23, 1) ^ s ^ 1, j2 = bits(offset, 22, 1) ^ s ^ 1;

	return s << 10 | bits(offset, 12, 10) | j1 << 29 | j2 << 27 |
	    bits(offset, 1, 11) << 16;
}

/* MOVW, MOVT: imm4 and i in the first half, imm3 and imm8 in the second. */
static uint32_t
t32_mov_bits(uint32_t half)
{
	return bits(half, 12, 4) | bits(half, 11, 1) << 10 | bits(half, 8, 3) << 28 |
	    bits(half, 0, 8) << 16;
}

static uint32_t
a32_mov_bits(uint32_t half)
{
	return bits(half, 12, 4) << 16 | bits(half, 0, 12);
}

/* The distance from the first of the three, 8 bits, 8 bits and 12 bits of it: ADD has a
 * number of 8 bits, rotated to the right by twice the 4 bits before it. */
static uint32_t
a32_part_bits(uint64_t distance, unsigned part)
{
	if (part == 0)
		return 0x600 | bits(distance, 20, 8);
	return part == 1 ? 0xa00 | bits(distance, 12, 8) : bits(distance, 0, 12);
}

/* JAL: bits 20, 10 to 1, 11, 19 to 12. */
static uint32_t
rv_jal_bits(uint64_t offset)
{
	return bits(offset, 20, 1) << 31 | bits(offset, 1, 10) << 21 |
	    bits(offset, 11, 1) << 20 | bits(offset, 12, 8) << 12;
}

static uint64_t
value(const struct ref *r, uint64_t target, uint64_t place, uint64_t base)
{
	switch ((enum ref_kind)r->kind) {
	case REF_REL32:
		return target - place - r->aux;
	case REF_BACK32:
		return place - target;
	case REF_BASE32:
	case REF_BASE64:
		return (target - base) >> (r->aux & 63);
	case REF_INDEX32:
	case REF_INDEX24:
		return (target - base) / (r->aux == 0 ? 1 : r->aux) <<
		    (r->kind == REF_INDEX24 ? 8 : 0);
	case REF_SLOT32:
	case REF_SLOT64:
		return target + (place - base) / (r->aux == 0 ? 1 : r->aux);
	case REF_FAR32:
		return target - place - (uint64_t)(int64_t)ref_far(r);
	case REF_REL31:
		return target - place;
	case REF_A64_BRANCH:
		return (target - place) >> 2;
	case REF_A64_PAGE:
		return page_bits(target, place);
	case REF_A64_LOW:
		return (uint64_t)((target & 0xfff) >> (r->aux & 7)) << 10;
	case REF_A32_BRANCH:
		return (target - place - 8) >> 2;
	case REF_A32_BLX:
		return bits(target - place - 8, 2, 24) | bits(target, 1, 1) << 24;
	case REF_A32_MOV:
		return a32_mov_bits(bits(target, r->aux != 0 ? 16 : 0, 16));
	case REF_A32_PART:
		return a32_part_bits(target - (place - 4 * (uint64_t)r->aux) - 8, r->aux);
	case REF_T32_BRANCH:
		return t32_branch_bits(target - place - 4);
	case REF_T32_BLX:
		return t32_branch_bits(target - ((place + 4) & ~(uint64_t)3));
	case REF_T32_MOV:
		return t32_mov_bits(bits(target, r->aux != 0 ? 16 : 0, 16));
	case REF_RV_JAL:
		return rv_jal_bits(target - place);
	case REF_RV_HIGH:
		return target - place + 0x800;
	case REF_RV_LOW_I:
		return (uint64_t)bits(target - (place - r->aux), 0, 12) << 20;
	case REF_RV_LOW_S:
		target -= place - r->aux;
		return (uint64_t)bits(target, 5, 7) << 25 | bits(target, 0, 5) << 7;
	case REF_WORD32:
	case REF_WORD64:
	case REF_KINDS:
		break;
	}
	return target;
}

static void
deposit(uint8_t *word, enum ref_kind kind, uint64_t v)
{
	uint32_t mask = (uint32_t)ref_mask(kind);

	if (ref_bytes(kind) == 8)
		le64_store(word, v);
	else
		le32_store(word, (le32_load(word) & ~mask) | ((uint32_t)v & mask));
}

void
ref_store(uint8_t *word, const struct ref *r, uint64_t target, uint64_t place,
    uint64_t base)
{
	deposit(word, (enum ref_kind)r->kind, value(r, target, place, base));
}

void
ref_blur(uint8_t *word, const struct ref *r, uint64_t hash)
{
	deposit(word, (enum ref_kind)r->kind, hash);
}
