/*
 * A32 (Arm ARM DDI 0406, A5): instructions of four bytes.
 */
#include "apply/patch/arm.h"

enum { PC = 15, PAIR = 8 };

static unsigned
rd(uint32_t x)
{
	return x >> 12 & 15;
}

/* ADD Rd, PC, Rm; ADD Rd, Rm, PC; LDR Rd, [PC, Rm] and its like: is Rm reg? */
static bool
adds(uint32_t x, unsigned reg)
{
	unsigned rn = x >> 16 & 15, rm = x & 15;

	if ((x & 0x0ff00ff0) == 0x00800000)
		return (rn == PC && rm == reg) || (rn == reg && rm == PC);
	return (x & 0x0fa00ff0) == 0x07800000 && rn == PC && rm == reg;
}

/* LDR Rd, [Rn, Rm] and its like, where Rm is reg. */
static bool
indexes(uint32_t x, unsigned reg)
{
	return (x & 0x0fa00ff0) == 0x07800000 && (x & 15) == reg;
}

/* Does x put something else into reg, whatever happens?  What computes, but for
 * comparisons; LDR; calls. */
static bool
overwrites(uint32_t x, unsigned reg)
{
	if (x >> 28 != 14)
		return false;
	if ((x & 0x0f000000) == 0x0b000000)
		return reg < 4;
	return rd(x) == reg && ((x & 0x0c100000) == 0x04100000 ||
	    ((x & 0x0c000000) == 0 && (x & 0x01900000) != 0x01100000 &&
	    (x & 0x02000090) != 0x00000090));
}

/* What becomes of the word that was loaded into reg at `at`: arm_note(). */
static uint64_t
find_use(const struct arm_scan *s, uint64_t at, unsigned reg)
{
	for (unsigned i = 1; i <= ARM_AHEAD; i++) {
		uint64_t next = at + 4 * i;
		uint32_t x;

		if (next - s->w->at + 4 > s->w->n)
			return ARM_USE_NONE;
		x = arm_load(s, next);
		if (adds(x, reg))
			return s->origin + next + 8;
		if (indexes(x, reg))
			return ARM_USE_INDEX;
		if (overwrites(x, reg))
			return ARM_USE_NONE;
	}
	return ARM_USE_NONE;
}

static uint32_t
mov_half(uint32_t x)
{
	return (x >> 4 & 0xf000) | (x & 0xfff);
}

/* MOVW and the MOVT into the same register, a few instructions apart. */
static void
mov(struct arm_scan *s, uint64_t at, uint32_t x)
{
	unsigned half = x >> 22 & 1;
	uint32_t other = (x & 0x0ff0f000) ^ 0x00400000;

	for (unsigned i = 1; i <= PAIR; i++) {
		uint64_t there = half == 0 ? at + 4 * i : at - 4 * i;
		uint32_t y;

		if (there < s->w->at || there - s->w->at + 4 > s->w->n)
			return;
		y = arm_load(s, there);
		if ((y & 0x0ff0f000) == other) {
			arm_address(s, at, REF_A32_MOV, half, half == 0 ?
			    mov_half(y) << 16 | mov_half(x) :
			    mov_half(x) << 16 | mov_half(y));
			return;
		}
	}
}

/* ADD ip, PC, #; ADD ip, ip, #; LDR PC, [ip, #]!: how a call leaves for another
 * library.  Each has a part of one distance. */
static bool
is_plt(const struct arm_scan *s, uint64_t at)
{
	return at >= s->w->at && at - s->w->at + 12 <= s->w->n &&
	    arm_load(s, at) >> 8 == 0xe28fc6 &&
	    arm_load(s, at + 4) >> 8 == 0xe28cca &&
	    arm_load(s, at + 8) >> 12 == 0xe5bcf;
}

static void
plt(struct arm_scan *s, uint64_t at)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t first = at - 4 * i;

		if (!is_plt(s, first))
			continue;
		arm_add(s, at, REF_A32_PART, i, s->origin + first + 8 +
		    ((arm_load(s, first) & 0xff) << 20) +
		    ((arm_load(s, first + 4) & 0xff) << 12) +
		    (arm_load(s, first + 8) & 0xfff));
		return;
	}
}

static uint64_t
branch_target(uint32_t x, uint64_t place)
{
	return place + 8 + (uint64_t)((int64_t)(int32_t)(x << 8) >> 6);
}

static void
instruction(struct arm_scan *s, uint64_t at, uint32_t x)
{
	uint64_t place = s->origin + at;

	if ((x & 0xfe000000) == 0xfa000000)
		arm_branch(s, at, REF_A32_BLX,
		    branch_target(x, place) + (x >> 23 & 2));
	else if ((x & 0x0e000000) == 0x0a000000)
		arm_branch(s, at, REF_A32_BRANCH, branch_target(x, place));
	else if ((x & 0x0fff0000) == 0x059f0000)	/* LDR Rd, [PC, #] */
		arm_note(s, at + 8 + (x & 0xfff), find_use(s, at, rd(x)));
	else if (s->fixed && (x & 0x0fb00000) == 0x03000000)
		mov(s, at, x);
	else if (x >> 12 == 0xe28fc || x >> 12 == 0xe28cc || x >> 12 == 0xe5bcf)
		plt(s, at);
}

void
arm_a32_block(struct arm_scan *s, uint64_t begin, uint64_t end, struct arm_state *state)
{
	for (uint64_t at = begin; at < end && at - s->w->at + 4 <= s->w->n; at += 4) {
		arm_words(s, at);
		if (at >= state->at)
			instruction(s, at, arm_load(s, at));
	}
	*state = (struct arm_state){ end, 0 };
}
