/*
 * Thumb-2 code (Arm ARM DDI 0406, A6.3): BL, BLX and B.W; and .ARM.exidx (EHABI,
 * IHI 0038, section 5), pairs of words of which the first, and often the second, are
 * relative to their place.
 *
 * Instructions have two or four bytes, and only reading from the beginning tells which;
 * but half a long one is rarely taken for an instruction, so the scan begins anew for
 * each block of BLOCK bytes, LEAD bytes before it.  Branches must lead into code.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	BLOCK = 64, LEAD = 64, LONG = 4,
	WHAT_INDEX = 1,		/* span->what of .ARM.exidx */
	TYPE_EXIDX = 0x70000001,
	CANTUNWIND = 1
};

static uint64_t
sign_extend(uint64_t v, unsigned bits)
{
	uint64_t sign = (uint64_t)1 << (bits - 1);

	return ((v & ((sign << 1) - 1)) ^ sign) - sign;
}

static uint32_t
bit(uint32_t w, unsigned n)
{
	return w >> n & 1;
}

/* Begins an instruction of four bytes here?  By its first half. */
static bool
is_long(uint32_t w)
{
	return (w & 0xe000) == 0xe000 && (w & 0x1800) != 0;
}

/* Which branch w is, both halves of it; REF_KINDS: none. */
static enum ref_kind
branch_kind(uint32_t w)
{
	if ((w & 0xf800) != 0xf000)
		return REF_KINDS;
	switch (w >> 16 & 0xd000) {
	case 0xd000:		/* BL */
	case 0x9000:		/* B.W */
		return REF_T32_BRANCH;
	case 0xc000:
		return (w >> 16 & 1) == 0 ? REF_T32_BLX : REF_KINDS;
	default:
		return REF_KINDS;
	}
}

/* S, I1 = not (J1 eor S), I2, imm10, imm11, 0. */
static uint64_t
branch_target(uint32_t w, enum ref_kind kind, uint64_t place)
{
	uint32_t s = bit(w, 10), second = w >> 16;
	uint32_t i1 = bit(second, 13) ^ s ^ 1, i2 = bit(second, 11) ^ s ^ 1;
	uint64_t offset = sign_extend((uint64_t)s << 24 | i1 << 23 | i2 << 22 |
	    (w & 0x3ff) << 12 | (second & 0x7ff) << 1, 25);
	uint64_t pc = place + 4;

	if (kind == REF_T32_BLX)
		pc &= ~(uint64_t)3;
	return (pc + offset) & UINT32_MAX;
}

static bool
leads_into_code(const struct image *im, uint64_t target)
{
	for (size_t i = 0; i < im->layout.n; i++) {
		const struct segment *s = &im->layout.segments[i];

		if ((s->code || im->relocatable) && target - s->address < s->memory)
			return true;
	}
	return false;
}

/* Branches of the block that begins at `begin`, in [from, to), not before `free`.
 * Returns where the last instruction that begins in the block ends. */
static uint64_t
scan_block(const struct window *w, uint64_t begin, uint64_t free, uint64_t from,
    uint64_t to, struct refs *refs)
{
	uint64_t at = begin - w->at < LEAD ? w->at : begin - LEAD;
	uint64_t end = begin + BLOCK, last = 0;
	uint64_t address = image_address(w->image, at) - at;

	at += (begin - at) % 2;
	for (; at < end && at - w->at + LONG <= w->n; at += 2) {
		uint32_t x = le32_load(w->bytes + (at - w->at));
		enum ref_kind kind = branch_kind(x);
		uint64_t target;

		if (!is_long(x & 0xffff))
			continue;
		if (at >= begin)
			last = at + LONG;
		if (kind != REF_KINDS && at >= begin && at >= free && at >= from &&
		    at < to) {
			target = branch_target(x, kind, address + at);
			if (leads_into_code(w->image, target))
				refs_add(refs, kind, 0, 0, at, target);
		}
		at += 2;
	}
	return last;
}

static void
find_code(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	struct refs none = { 0 };
	uint64_t begin = from - (from - s->origin) % BLOCK, free = 0;

	if (begin - w->at >= BLOCK)
		free = scan_block(w, begin - BLOCK, 0, 0, 0, &none);
	for (; begin < to; begin += BLOCK)
		free = scan_block(w, begin, free, from, to, refs);
}

static void
find_index(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t at = from + (4 - (from - s->origin) % 4) % 4;

	for (; at < to && at - w->at + 4 <= w->n; at += 4) {
		uint32_t v = le32_load(w->bytes + (at - w->at));

		if ((v >> 31) == 0 && v != CANTUNWIND)
			refs_add(refs, REF_REL31, 0, 0, at, (image_address(w->image, at) +
			    sign_extend(v, 31)) & UINT32_MAX);
	}
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	if (s->what == WHAT_INDEX)
		find_index(s, w, from, to, refs);
	else
		find_code(s, w, from, to, refs);
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	if (im->machine != IMAGE_ARM)
		return 0;
	for (size_t i = 0; i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];
		struct span *s;

		if (x->type != TYPE_EXIDX || x->bytes < 8)
			continue;
		if ((s = spans_add(out, im, x->at, x->at + x->bytes, e)) == NULL)
			return -1;
		s->what = WHAT_INDEX;
	}
	return spans_add_code(out, im, 2, e);
}

const struct rule rule_arm = {
	.name = "arm",
	.before = 2 * BLOCK + LEAD,
	.after = BLOCK + LONG,
	.spans = spans,
	.find = find,
};
