/*
 * A64 code (Arm ARM DDI 0487, C4.1): branches by imm26, and pairs of ADRP with the
 * instructions that add the low 12 bits of the same address.
 *
 * An ADRP alone knows only a page, so it takes its target from its first consumer,
 * at most LOOK_AHEAD instructions on; a consumer takes its page from the last ADRP
 * into its register, at most LOOK_BACK instructions ago and not overwritten.
 */
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	INSTRUCTION = 4,
	LOOK_AHEAD = 16,
	LOOK_BACK = 32,
	REGISTERS = 32,
	PAGE = 0x1000,
	CALL_CLOBBERED = 19	/* x0 to x18 */
};

/* What registers hold: the page an ADRP put there, and where it did. */
struct pages {
	uint64_t page[REGISTERS];
	uint64_t since[REGISTERS];	/* offset + 1; 0: unknown */
};

static uint64_t
sign_extend(uint64_t v, unsigned bits)
{
	uint64_t sign = (uint64_t)1 << (bits - 1);

	return ((v & ((sign << 1) - 1)) ^ sign) - sign;
}

static bool
is_branch(uint32_t w)		/* B, BL */
{
	return (w & 0x7c000000) == 0x14000000;
}

static bool
is_call(uint32_t w)		/* BL */
{
	return (w & 0xfc000000) == 0x94000000;
}

static bool
is_adrp(uint32_t w)
{
	return (w & 0x9f000000) == 0x90000000;
}

static bool
is_add(uint32_t w)		/* ADD Xd, Xn, #imm12 */
{
	return (w & 0xffc00000) == 0x91000000;
}

static bool
is_load_store(uint32_t w)	/* LDR, STR with an unsigned offset */
{
	return (w & 0x3b000000) == 0x39000000;
}

/* Its offset counts in units of 1 << scale bytes. */
static unsigned
scale(uint32_t w)
{
	unsigned size = w >> 30;

	return (w >> 26 & 1) != 0 && size == 0 && (w >> 23 & 1) != 0 ? 4 : size;
}

/* Instructions that write Rd and do more than ADD does. */
static bool
overwrites(uint32_t w)
{
	return (w & 0x1f000000) == 0x0a000000 || (w & 0x1f000000) == 0x0b000000 ||
	    (w & 0x1f800000) == 0x12800000 || (w & 0x1f000000) == 0x11000000;
}

static uint64_t
low_bits(uint32_t w)
{
	uint64_t imm = w >> 10 & 0xfff;

	return is_add(w) ? imm : imm << scale(w);
}

/* Does it add the low bits of an address to register rn?  More than a page is an
 * offset in something larger. */
static bool
consumes(uint32_t w, unsigned rn)
{
	return (w >> 5 & 31) == rn && (is_add(w) || is_load_store(w)) &&
	    low_bits(w) < PAGE;
}

/* What the ADRP at `at` is for: its page and the first consumer's low bits. */
static uint64_t
adrp_target(const struct window *w, uint64_t at, uint64_t page, unsigned rd)
{
	for (unsigned i = 1; i < LOOK_AHEAD; i++) {
		uint64_t next = at + i * INSTRUCTION - w->at;
		uint32_t x;

		if (next + INSTRUCTION > w->n)
			break;
		x = le32_load(w->bytes + next);
		if (consumes(x, rd))
			return page + low_bits(x);
		if ((is_adrp(x) && (x & 31) == rd) || (is_call(x) && rd < CALL_CLOBBERED))
			break;
	}
	return page;
}

static uint64_t
adrp(const struct window *w, struct pages *p, uint64_t at, uint32_t x)
{
	unsigned rd = x & 31;
	uint64_t imm = sign_extend((x >> 5 & 0x7ffff) << 2 | (x >> 29 & 3), 21);
	uint64_t place = image_address(w->image, at);

	p->page[rd] = (place & ~(uint64_t)0xfff) + (imm << 12);
	p->since[rd] = at + 1;
	return adrp_target(w, at, p->page[rd], rd);
}

static bool
known(const struct pages *p, unsigned reg, uint64_t at)
{
	return p->since[reg] != 0 && at + 1 - p->since[reg] < LOOK_BACK * INSTRUCTION;
}

static void
consumer(struct pages *p, uint64_t at, uint32_t x, bool report, struct refs *refs)
{
	unsigned rn = x >> 5 & 31;

	if (report && known(p, rn, at) && consumes(x, rn))
		refs_add(refs, REF_A64_LOW, is_add(x) ? 0 : scale(x), 0, at,
		    p->page[rn] + low_bits(x));
	/* A load into a general register, or the sum, ends what it held. */
	if (is_add(x) || ((x >> 26 & 1) == 0 && (x >> 22 & 3) != 0))
		p->since[x & 31] = 0;
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	struct pages pages;
	uint64_t at = w->at + (INSTRUCTION - (w->at - s->origin) % INSTRUCTION) %
	    INSTRUCTION;

	memset(pages.since, 0, sizeof pages.since);
	for (; at < to && at - w->at + INSTRUCTION <= w->n; at += INSTRUCTION) {
		uint32_t x = le32_load(w->bytes + (at - w->at));
		bool report = at >= from;

		if (is_branch(x)) {
			if (report)
				refs_add(refs, REF_A64_BRANCH, 0, 0, at,
				    image_address(w->image, at) +
				    (sign_extend(x & 0x3ffffff, 26) << 2));
			if (is_call(x))
				memset(pages.since, 0,
				    CALL_CLOBBERED * sizeof pages.since[0]);
		} else if (is_adrp(x)) {
			uint64_t target = adrp(w, &pages, at, x);

			if (report)
				refs_add(refs, REF_A64_PAGE, 0, 0, at, target);
		} else if (is_add(x) || is_load_store(x))
			consumer(&pages, at, x, report, refs);
		else if (overwrites(x))
			pages.since[x & 31] = 0;
	}
}

/* Code sections; without section headers, code segments. */
static int
spans(struct image *im, struct spans *out, struct err *e)
{
	if (im->machine != IMAGE_AARCH64)
		return 0;
	return spans_add_code(out, im, INSTRUCTION, e);
}

const struct rule rule_aarch64 = {
	.name = "aarch64",
	.before = LOOK_BACK * INSTRUCTION,
	.after = LOOK_AHEAD * INSTRUCTION,
	.spans = spans,
	.find = find,
};
