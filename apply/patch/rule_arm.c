/*
 * Code of 32-bit Arm (arm.h), and .ARM.exidx (EHABI, IHI 0038, section 5): pairs of
 * words of which the first, and often the second, are relative to their place.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/arm.h"
#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	WHAT_INDEX = 1,		/* span->what of .ARM.exidx */
	TYPE_EXIDX = 0x70000001,
	CANTUNWIND = 1
};

uint32_t
arm_load(const struct arm_scan *s, uint64_t at)
{
	return le32_load(s->w->bytes + (at - s->w->at));
}

/* ---- words ---- */

static bool
is_word(const struct arm_scan *s, size_t i)
{
	return i < s->n && s->word[i] != ARM_NO_WORD;
}

static void
add_word(struct arm_scan *s, uint64_t at, int far)
{
	uint64_t place = s->origin + at;
	uint32_t v = arm_load(s, at);

	if (far == ARM_ADDRESS)
		refs_add(s->refs, REF_WORD32, 0, 0, at, v);
	else if (far == ARM_TABLE)
		refs_add(s->refs, REF_BASE32, 0, s->base, at,
		    s->w->image->bases[s->base] + v);
	else
		refs_add(s->refs, REF_FAR32, (unsigned)far & 0xff,
		    (unsigned)far >> 8 & 0xff, at,
		    (place + (uint64_t)(int64_t)far + v) & UINT32_MAX);
}

void
arm_words(struct arm_scan *s, uint64_t at)
{
	for (; s->next < s->n && s->words + 4 * s->next <= at; s->next++) {
		uint64_t word = s->words + 4 * s->next;

		if (is_word(s, s->next) && word >= s->from && word < s->to &&
		    word - s->w->at + 4 <= s->w->n)
			add_word(s, word, s->word[s->next]);
	}
}

void
arm_note(struct arm_scan *s, uint64_t word, uint64_t use)
{
	size_t i = (size_t)((word - s->words) / 4);

	if (word < s->words || (word - s->words) % 4 != 0 || i >= s->n ||
	    is_word(s, i) || word - s->w->at + 4 > s->w->n)
		return;
	if (use == ARM_USE_INDEX) {
		if (s->base != 0 && arm_load(s, word) < s->table_bytes)
			s->word[i] = ARM_TABLE;
	} else if (use != ARM_USE_NONE)
		s->word[i] = (int16_t)(use - (s->origin + word));
	else if (s->fixed && image_holds(s->w->image, arm_load(s, word)))
		s->word[i] = ARM_ADDRESS;
}

/* ---- instructions ---- */

void
arm_add(struct arm_scan *s, uint64_t at, enum ref_kind kind, unsigned aux,
    uint64_t target)
{
	size_t i = (size_t)((at + 3 - s->words) / 4);

	/* A word that it reaches into begins 3 bytes before its end, or earlier. */
	if (at < s->from || at >= s->to || is_word(s, i) ||
	    ((at - s->words) % 4 != 0 && i > 0 && is_word(s, i - 1)))
		return;
	refs_add(s->refs, kind, aux, 0, at, target & UINT32_MAX);
}

void
arm_branch(struct arm_scan *s, uint64_t at, enum ref_kind kind, uint64_t target)
{
	const struct image *im = s->w->image;

	if (at >= s->from && image_code(im, target & UINT32_MAX))
		arm_add(s, at, kind, 0, target);
}

void
arm_address(struct arm_scan *s, uint64_t at, enum ref_kind kind, unsigned aux,
    uint64_t target)
{
	if (image_holds(s->w->image, target & UINT32_MAX))
		arm_add(s, at, kind, aux, target);
}

/* ---- blocks ---- */

/* Most instructions of A32 are unconditional: their last half begins with 14. */
static bool
is_a32(const struct arm_scan *s, uint64_t begin, uint64_t end)
{
	size_t always = 0, all = 0;

	for (uint64_t at = begin; at + 4 <= end; at += 4, all++)
		always += s->w->bytes[at - s->w->at + 3] >> 4 == 14;
	return always * 3 > all;
}

static void
scan(struct arm_scan *s, uint64_t begin)
{
	const struct window *w = s->w;
	struct arm_state state = { 0, 0 };
	uint64_t all = w->at + w->n;

	for (; begin < s->to; begin += ARM_BLOCK) {
		uint64_t end = begin + ARM_BLOCK, first = begin;

		if (first < w->at)
			first = w->at + (begin - w->at) % 4;
		if (is_a32(s, first, end < all ? end : all))
			arm_a32_block(s, first, end, &state);
		else if (end + ARM_T32_REACH + ARM_BLOCK >= s->from)
			arm_t32_block(s, first, end, &state);
	}
	arm_words(s, s->to);
}

static void
find_code(const struct span *span, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	struct arm_scan s = { .w = w, .from = from, .to = to, .refs = refs };
	uint64_t back = from - span->origin, low;

	back = back < ARM_A32_REACH + ARM_BLOCK ? back : ARM_A32_REACH + ARM_BLOCK;
	low = from - back;
	s.origin = image_address(w->image, w->at) - w->at;
	s.fixed = image_fixed(w->image);
	s.base = span->base;
	s.table_bytes = span->stride;
	s.words = from < 3 ? 0 : from - 3;
	s.words += (0 - s.origin - s.words) & 3;
	/* Those too that an instruction before `to` reaches into. */
	s.n = (size_t)((to + 6 - s.words) / 4);
	for (size_t i = 0; i < s.n; i++)
		s.word[i] = ARM_NO_WORD;
	scan(&s, low - (low - span->origin) % ARM_BLOCK);
}

/* ---- .ARM.exidx ---- */

static void
find_index(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t at = from + (4 - (from - s->origin) % 4) % 4;

	for (; at < to && at - w->at + 4 <= w->n; at += 4) {
		uint32_t v = le32_load(w->bytes + (at - w->at));

		if ((v >> 31) == 0 && v != CANTUNWIND)
			refs_add(refs, REF_REL31, 0, 0, at, (image_address(w->image, at) +
			    (uint64_t)((int64_t)(int32_t)(v << 1) >> 1)) & UINT32_MAX);
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
	const struct image_section *table = image_table(im);
	size_t first;

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
	first = out->n;
	if (spans_add_code(out, im, ARM_INSTRUCTION, e) == -1)
		return -1;
	for (size_t i = first; table != NULL && !im->relocatable && i < out->n; i++) {
		out->list[i].base = image_base(im, table->address);
		out->list[i].stride = (uint32_t)table->memory;
	}
	return 0;
}

const struct rule rule_arm = {
	.name = "arm",
	.before = ARM_A32_REACH + 3 * ARM_BLOCK + ARM_LEAD,
	.after = ARM_BLOCK + ARM_INSTRUCTION * (ARM_AHEAD + 2),
	.spans = spans,
	.find = find,
};
