/*
 * Thumb-2 code (Arm ARM DDI 0406, A6.3): BL, BLX and B.W; words between the code that
 * LDR loads and ADD adds to the program counter; and .ARM.exidx (EHABI, IHI 0038,
 * section 5), pairs of words of which the first, and often the second, are relative to
 * their place.
 *
 * Instructions have two or four bytes, and only reading from the beginning tells which;
 * but half a long one is rarely taken for an instruction, so the scan begins anew for
 * each block of BLOCK bytes, LEAD bytes before it.  Branches must lead into code.
 */
#include <stdlib.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	BLOCK = 64, LEAD = 64, LONG = 4,
	POOL = 1020,		/* bytes from an LDR to its word, at most */
	AHEAD = 32,		/* halves from there to the ADD */
	NO_ADD = INT16_MIN,
	WORDS = RULES_PART / 4 + 4,
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

/* Words that code loads, for [from - 4, to): how far from each its ADD is. */
struct pool {
	uint64_t from;		/* offset of the first word */
	int16_t far[WORDS];	/* NO_ADD: no such word */
};

struct scan {
	const struct window *w;
	uint64_t from, to;	/* what is asked for */
	struct pool *pool;
	struct refs *refs;	/* NULL: words are noted in the pool, nothing else */
};

/* Is there a word of the pool in [at, at + 4)? */
static bool
in_pool(const struct pool *p, uint64_t at)
{
	uint64_t i = (at - p->from) / 4;

	return at >= p->from && i + 1 < WORDS && (p->far[i] != NO_ADD ||
	    ((at - p->from) % 4 != 0 && p->far[i + 1] != NO_ADD));
}

/* Where the ADD Rd, PC is that belongs to a load into rd at `at`; 0: none near. */
static uint64_t
find_add(const struct window *w, uint64_t at, unsigned rd)
{
	unsigned add = 0x4478 | (rd & 7) | (rd & 8) << 4;

	for (unsigned i = 1; i <= AHEAD; i++) {
		uint64_t next = at + 2 * i;

		if (next - w->at + LONG > w->n)
			return 0;
		if ((le32_load(w->bytes + (next - w->at)) & 0xffff) == add)
			return next;
	}
	return 0;
}

/* LDR Rd, [PC, #imm] in one of its two sizes: note its word. */
static void
note_load(const struct scan *s, uint64_t at, uint32_t x, uint64_t address)
{
	bool is_short = (x & 0xf800) == 0x4800;
	unsigned rd = is_short ? x >> 8 & 7 : x >> 28;
	uint64_t imm = is_short ? (uint64_t)(x & 0xff) << 2 : x >> 16 & 0xfff;
	uint64_t word = ((address + 4) & ~(uint64_t)3) + imm - address + at, add;

	if ((!is_short && (x & 0xffff) != 0xf8df) || imm > POOL ||
	    word < s->pool->from || word >= s->to ||
	    (word - s->pool->from) % 4 != 0 ||
	    s->pool->far[(word - s->pool->from) / 4] != NO_ADD)
		return;
	if ((add = find_add(s->w, at, rd)) != 0)
		s->pool->far[(word - s->pool->from) / 4] = (int16_t)(add + 4 - word);
}

static void
note_branch(const struct scan *s, uint64_t at, uint32_t x, uint64_t address)
{
	enum ref_kind kind = branch_kind(x);
	uint64_t target;

	if (kind == REF_KINDS || at < s->from || at >= s->to || in_pool(s->pool, at))
		return;
	target = branch_target(x, kind, address);
	if (leads_into_code(s->w->image, target))
		refs_add(s->refs, kind, 0, 0, at, target);
}

/* The instructions of the block that begins at `begin`, but for those before `free`.
 * Returns where the last long one that begins in the block ends. */
static uint64_t
scan_block(const struct scan *s, uint64_t begin, uint64_t free)
{
	const struct window *w = s->w;
	uint64_t at = begin - w->at < LEAD ? w->at : begin - LEAD;
	uint64_t end = begin + BLOCK, last = 0;
	uint64_t address = image_address(w->image, at) - at;

	at += (begin - at) % 2;
	for (; at < end && at - w->at + LONG <= w->n; at += 2) {
		uint32_t x = le32_load(w->bytes + (at - w->at));
		bool wide = is_long(x & 0xffff);

		if (wide && at >= begin)
			last = at + LONG;
		if (at >= begin && at >= free && s->refs == NULL)
			note_load(s, at, x, address + at);
		else if (wide && at >= begin && at >= free)
			note_branch(s, at, x, address + at);
		at += wide ? 2 : 0;
	}
	return last;
}

/* All blocks of [from, to), the one before for where it ends. */
static void
scan(const struct scan *s, uint64_t origin, uint64_t from, uint64_t to)
{
	uint64_t begin = from - (from - origin) % BLOCK, free = 0;
	struct scan nothing = *s;

	nothing.from = nothing.to = 0;
	if (begin - s->w->at >= BLOCK)
		free = scan_block(&nothing, begin - BLOCK, 0);
	for (; begin < to; begin += BLOCK)
		free = scan_block(s, begin, free);
}

static int
compare(const void *pa, const void *pb)
{
	const struct ref *a = pa, *b = pb;

	return a->at < b->at ? -1 : a->at > b->at;
}

static void
add_pool(const struct scan *s, size_t first)
{
	for (size_t i = 0; i < WORDS; i++) {
		uint64_t at = s->pool->from + 4 * i, place;
		int far = s->pool->far[i];
		uint32_t v;

		if (far == NO_ADD || at < s->from || at >= s->to ||
		    at - s->w->at + 4 > s->w->n)
			continue;
		v = le32_load(s->w->bytes + (at - s->w->at));
		place = image_address(s->w->image, at);
		refs_add(s->refs, REF_FAR32, (unsigned)far & 0xff,
		    (unsigned)far >> 8 & 0xff, at,
		    (place + (uint64_t)(int64_t)far + v) & UINT32_MAX);
	}
	if (s->refs->n > first)
		qsort(s->refs->list + first, s->refs->n - first, sizeof *s->refs->list,
		    compare);
}

static void
find_code(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	struct pool pool;
	struct scan x = { w, from, to, &pool, NULL };
	uint64_t low = from - s->from < POOL + 8 ? s->from : from - (POOL + 8);
	size_t first = refs->n;

	/* Words stand at multiples of four of their address. */
	pool.from = from - s->from < 4 ? s->from : from - 4;
	pool.from += (0 - image_address(w->image, pool.from)) & 3;
	for (size_t i = 0; i < WORDS; i++)
		pool.far[i] = NO_ADD;
	scan(&x, s->origin, low, to);
	x.refs = refs;
	scan(&x, s->origin, from, to);
	add_pool(&x, first);
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
	.before = POOL + 8 + 2 * BLOCK + LEAD,
	.after = BLOCK + LONG + 2 * AHEAD,
	.spans = spans,
	.find = find,
};
