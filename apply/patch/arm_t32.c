/*
 * T32 (Arm ARM DDI 0406, A6): instructions of two or four bytes.
 */
#include "apply/patch/arm.h"

enum { PAIR = 16 };

static uint32_t
bit(uint32_t w, unsigned n)
{
	return w >> n & 1;
}

/* Begins an instruction of four bytes here?  By its first half. */
static bool
is_long(uint32_t x)
{
	return (x & 0xe000) == 0xe000 && (x & 0x1800) != 0;
}

/* LDR Rt, [Rn, Rm] in one of its two sizes, where Rm is reg. */
static bool
indexes(uint32_t x, unsigned reg)
{
	return ((x & 0xfe00) == 0x5800 && (x >> 6 & 7) == reg) ||
	    ((x & 0x0fc0fff0) == 0x0000f850 && (x >> 16 & 15) == reg);
}

/* Does x put something else into reg: LDR of a word or a low number, MOV; calls? */
static bool
overwrites(uint32_t x, unsigned reg)
{
	unsigned top = x & 0xf800;

	if (top == 0x4800 || top == 0x2000)
		return (x >> 8 & 7) == reg;
	if (top == 0x6800)
		return (x & 7) == reg;
	return top == 0xf000 && (x & 0xc0000000) == 0xc0000000 && reg < 4;
}

/* What becomes of the word that was loaded into rd at `at`: arm_note(). */
static uint64_t
find_use(const struct arm_scan *s, uint64_t at, unsigned rd)
{
	unsigned add = 0x4478 | (rd & 7) | (rd & 8) << 4;
	uint64_t next = at + (is_long(arm_load(s, at)) ? 4 : 2);

	while (next - at <= 2 * ARM_AHEAD && next - s->w->at + 4 <= s->w->n) {
		uint32_t x = arm_load(s, next);

		if ((x & 0xffff) == add)
			return s->origin + next + 4;
		if (indexes(x, rd))
			return ARM_USE_INDEX;
		if (overwrites(x, rd))
			return ARM_USE_NONE;
		next += is_long(x) ? 4 : 2;
	}
	return ARM_USE_NONE;
}

/* LDR Rd, [PC, #] in one of its two sizes. */
static void
load(struct arm_scan *s, uint64_t at, uint32_t x, bool wide)
{
	unsigned rd = wide ? x >> 28 : x >> 8 & 7;
	uint64_t imm = wide ? x >> 16 & 0xfff : (uint64_t)(x & 0xff) << 2;
	uint64_t pc = (s->origin + at + 4) & ~(uint64_t)3;

	if (imm + 8 <= ARM_T32_REACH)
		arm_note(s, pc - s->origin + imm, find_use(s, at, rd));
}

static uint32_t
mov_half(uint32_t x)
{
	return (x & 15) << 12 | bit(x, 10) << 11 | (x >> 28 & 7) << 8 | (x >> 16 & 0xff);
}

/* MOVW and the MOVT into the same register, a few instructions apart. */
static void
mov(struct arm_scan *s, uint64_t at, uint32_t x)
{
	unsigned half = bit(x, 7);
	uint32_t other = (x & 0x8f00fbf0) ^ 0x80;

	for (unsigned i = 1; i <= PAIR; i++) {
		uint64_t there = half == 0 ? at + 2 * i : at - 2 * i;
		uint32_t y;

		if (there < s->w->at || there - s->w->at + 4 > s->w->n)
			return;
		y = arm_load(s, there);
		if ((y & 0x8f00fbf0) == other) {
			arm_address(s, at, REF_T32_MOV, half, half == 0 ?
			    mov_half(y) << 16 | mov_half(x) :
			    mov_half(x) << 16 | mov_half(y));
			return;
		}
	}
}

/* S, I1 = not (J1 eor S), I2, imm10, imm11, 0. */
static void
branch(struct arm_scan *s, uint64_t at, uint32_t x, enum ref_kind kind)
{
	uint32_t sign = bit(x, 10);
	uint32_t i1 = bit(x, 29) ^ sign ^ 1, i2 = bit(x, 27) ^ sign ^ 1;
	uint32_t offset = (0 - sign) << 24 | i1 << 23 | i2 << 22 | (x & 0x3ff) << 12 |
	    (x >> 16 & 0x7ff) << 1;
	uint64_t pc = s->origin + at + 4;

	if (kind == REF_T32_BLX)
		pc &= ~(uint64_t)3;
	arm_branch(s, at, kind, pc + offset);
}

static void
instruction(struct arm_scan *s, uint64_t at, uint32_t x, bool wide)
{
	if (!wide) {
		if ((x & 0xf800) == 0x4800)
			load(s, at, x, false);
		return;
	}
	if ((x & 0xf800) == 0xf000 && bit(x, 31) != 0) {
		if ((x & 0x10000000) != 0)	/* BL, B.W */
			branch(s, at, x, REF_T32_BRANCH);
		else if ((x & 0x50010000) == 0x40000000)
			branch(s, at, x, REF_T32_BLX);
	} else if ((x & 0xffff) == 0xf8df)
		load(s, at, x, true);
	else if (s->fixed && (x & 0x8000fb70) == 0xf240)
		mov(s, at, x);
}

/* Where the first instruction of the block begins. */
static uint64_t
enter(const struct arm_scan *s, uint64_t begin, const struct arm_state *before)
{
	uint64_t at = begin - s->w->at < ARM_LEAD ? s->w->at : begin - ARM_LEAD;

	at += (begin - at) % 2;
	while (at < begin && at - s->w->at + 4 <= s->w->n) {
		if (bit(before->starts, (unsigned)(begin - at) / 2 - 1) != 0)
			return before->at;
		at += is_long(arm_load(s, at)) ? 4 : 2;
	}
	return at;
}

void
arm_t32_block(struct arm_scan *s, uint64_t begin, uint64_t end, struct arm_state *state)
{
	uint64_t at = enter(s, begin, state), free = state->at;

	state->starts = 0;
	while (at < end && at - s->w->at + 4 <= s->w->n) {
		uint32_t x = arm_load(s, at);
		bool wide = is_long(x);

		if (end - at <= ARM_LEAD)
			state->starts |= (uint32_t)1 << ((end - at) / 2 - 1);
		arm_words(s, at);
		if (at >= free)
			instruction(s, at, x, wide);
		at += wide ? 4 : 2;
	}
	state->at = at;
}
