/*
 * RISC-V code (unprivileged ISA, chapters 2 and 16): JAL, and AUIPC with the
 * instructions that add the low 12 bits of the same distance: loads, stores, ADDI, JALR.
 *
 * Instructions have two bytes (compressed) or four, as their two lowest bits say; the
 * scan begins anew for each block of BLOCK bytes, LEAD bytes before it.  An AUIPC takes
 * its target from its first consumer, at most AHEAD instructions on; a consumer counts
 * from the last AUIPC of its register, at most BACK bytes ago.
 */
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	BLOCK = 256, LEAD = 128, LONG = 4, REGISTERS = 32,
	AHEAD = 16, BACK = 64,
	OP_LOAD = 0x03, OP_LOAD_FP = 0x07, OP_ADDI = 0x13, OP_AUIPC = 0x17,
	OP_STORE = 0x23, OP_STORE_FP = 0x27, OP_BRANCH = 0x63, OP_JALR = 0x67,
	OP_JAL = 0x6f
};

/* Where each register got its AUIPC: the offset + 1, 0: nowhere. */
struct state {
	uint64_t since[REGISTERS];
};

static unsigned
rd(uint32_t x)
{
	return x >> 7 & 31;
}

static unsigned
rs1(uint32_t x)
{
	return x >> 15 & 31;
}

static int64_t
low_i(uint32_t x)
{
	return (int32_t)x >> 20;
}

static int64_t
low_s(uint32_t x)
{
	return (int64_t)((int32_t)(x & 0xfe000000) >> 20) | (x >> 7 & 31);
}

static enum ref_kind
consumer(uint32_t x)
{
	switch (x & 0x7f) {
	case OP_ADDI:
		return (x >> 12 & 7) == 0 ? REF_RV_LOW_I : REF_KINDS;
	case OP_LOAD: case OP_LOAD_FP: case OP_JALR:
		return REF_RV_LOW_I;
	case OP_STORE: case OP_STORE_FP:
		return REF_RV_LOW_S;
	default:
		return REF_KINDS;
	}
}

static int64_t
low_bits(uint32_t x, enum ref_kind kind)
{
	return kind == REF_RV_LOW_S ? low_s(x) : low_i(x);
}

static bool
is_long(uint32_t x)
{
	return (x & 3) == 3;
}

/* Writes this instruction its rd? */
static bool
writes(uint32_t x)
{
	unsigned op = x & 0x7f;

	return op != OP_STORE && op != OP_STORE_FP && op != OP_BRANCH &&
	    op != OP_LOAD_FP;
}

static uint32_t
load(const struct window *w, uint64_t at)
{
	return le32_load(w->bytes + (at - w->at));
}

/* What the AUIPC x at `at` is for; false: no consumer is near. */
static bool
auipc_target(const struct window *w, uint64_t at, uint32_t x, uint64_t address,
    uint64_t *target)
{
	uint64_t next = at + LONG;

	for (unsigned i = 0; i < AHEAD && next - w->at + LONG <= w->n; i++) {
		uint32_t y = load(w, next);
		enum ref_kind kind = is_long(y) ? consumer(y) : REF_KINDS;

		if (next - at >= BACK)
			return false;
		if (kind != REF_KINDS && rs1(y) == rd(x)) {
			*target = address + (uint64_t)(int64_t)(int32_t)(x & 0xfffff000) +
			    (uint64_t)low_bits(y, kind);
			return true;
		}
		if (is_long(y) && writes(y) && rd(y) == rd(x))
			return false;
		next += is_long(y) ? 4 : 2;
	}
	return false;
}

static uint64_t
jal_target(uint32_t x, uint64_t address)
{
	uint32_t imm = (x >> 20 & 0x7fe) | (x >> 9 & 0x800) | (x & 0xff000);

	return address + imm - ((x >> 31) != 0 ? (uint64_t)1 << 20 : 0);
}

struct scan {
	const struct span *span;
	const struct window *w;
	uint64_t from, to;
	struct refs *refs;
};

static void
add(const struct scan *s, enum ref_kind kind, uint64_t back, uint64_t at,
    uint64_t target)
{
	if (s->w->image->bits == 32)
		target &= UINT32_MAX;
	if (at >= s->from && at < s->to && target >= s->w->image->layout.low &&
	    target < s->w->image->layout.high)
		refs_add(s->refs, kind, (unsigned)back, 0, at, target);
}

/* The instruction x of four bytes. */
static void
instruction(const struct scan *s, struct state *state, uint64_t at, uint32_t x,
    uint64_t address)
{
	enum ref_kind kind = consumer(x);
	uint64_t target, since = state->since[rs1(x)];

	if ((x & 0x7f) == OP_JAL)
		add(s, REF_RV_JAL, 0, at, jal_target(x, address));
	if (kind != REF_KINDS && since != 0 && at + 1 - since < BACK) {
		uint64_t back = at + 1 - since;
		uint32_t upper = load(s->w, at - back) & 0xfffff000;

		add(s, kind, back, at, address - back +
		    (uint64_t)(int64_t)(int32_t)upper + (uint64_t)low_bits(x, kind));
	}
	if (writes(x))
		state->since[rd(x)] = 0;
	if ((x & 0x7f) != OP_AUIPC)
		return;
	state->since[rd(x)] = at + 1;
	if (auipc_target(s->w, at, x, address, &target))
		add(s, REF_RV_HIGH, 0, at, target);
}

/* The block that begins at `begin`, but for what is before `free`.  Returns where its
 * last instruction ends. */
static uint64_t
scan_block(const struct scan *s, uint64_t begin, uint64_t free)
{
	const struct window *w = s->w;
	uint64_t at = begin - w->at < LEAD ? w->at : begin - LEAD, last = begin;
	uint64_t place = image_address(w->image, at) - at;
	struct scan silent = *s;
	struct state state;

	silent.to = 0;
	memset(&state, 0, sizeof state);
	at += (begin - at) % 2;
	while (at < begin + BLOCK && at - w->at + LONG <= w->n) {
		uint32_t x = load(w, at);

		if (is_long(x))
			instruction(at >= begin && at >= free ? s : &silent, &state, at,
			    x, place + at);
		at += is_long(x) ? 4 : 2;
		last = at;
	}
	return last;
}

static void
find(const struct span *span, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	struct scan s = { span, w, from, to, refs };
	uint64_t begin = from - (from - span->origin) % BLOCK, free = 0;

	if (begin - w->at >= BLOCK)
		free = scan_block(&s, begin - BLOCK, 0);
	for (; begin < to; begin += BLOCK)
		free = scan_block(&s, begin, free);
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	if (im->machine != IMAGE_RISCV || im->relocatable)
		return 0;
	return spans_add_code(out, im, 2, e);
}

const struct rule rule_riscv = {
	.name = "riscv",
	.before = 2 * BLOCK + LEAD,
	.after = BLOCK + BACK + LONG,
	.spans = spans,
	.find = find,
};
