/*
 * Symbol tables (gABI 4.1, chapter 4): the offset of a name in its string table, and
 * the address.  Hash tables (chapter 5, and GNU's) hold numbers of symbols.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	SYMBOL_32 = 16, SYMBOL_64 = 24, INDEX_RESERVED = 0xff00,
	WHAT_NUMBERS = 1,	/* span->what of hash tables */
	TYPE_HASH = 5, TYPE_GNU_HASH = 0x6ffffff6,
	HASH_HEAD = 8,		/* two counts, then buckets and chains of numbers */
	GNU_HEAD = 16		/* four counts, a filter of words, then buckets */
};

/* The numbers in a hash table: words at [*at, *end); false: none. */
static bool
numbers(const struct image *im, const struct image_section *x, uint64_t *at,
    uint64_t *end)
{
	uint8_t head[GNU_HEAD];
	struct err ignored;

	if ((x->type != TYPE_HASH && x->type != TYPE_GNU_HASH) || x->bytes < GNU_HEAD ||
	    image_read(im, head, GNU_HEAD, x->at, &ignored) == -1)
		return false;
	*at = x->at + HASH_HEAD;
	*end = x->at + x->bytes;
	if (x->type == TYPE_GNU_HASH) {
		*at = x->at + GNU_HEAD + (uint64_t)le32_load(head + 8) * (im->bits / 8);
		if (*at + (uint64_t)le32_load(head) * 4 < *end)
			*end = *at + (uint64_t)le32_load(head) * 4;
	}
	return *at + 4 <= *end;
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	uint32_t stride = im->bits == 64 ? SYMBOL_64 : SYMBOL_32;

	for (size_t i = 0; !im->relocatable && i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];
		uint64_t at = x->at, end = x->at + x->bytes;
		bool hash = x->link < im->n_sections && numbers(im, x, &at, &end);
		struct span *s;

		if ((!hash && x->type != IMAGE_SYMTAB && x->type != IMAGE_DYNSYM) ||
		    x->bytes < stride || x->link >= im->n_sections)
			continue;
		if ((s = spans_add(out, im, at, end, e)) == NULL)
			return -1;
		s->what = hash ? WHAT_NUMBERS : 0;
		s->stride = stride;
		s->base = image_base(im, image_address(im, im->sections[x->link].at));
	}
	return 0;
}

static void
find_numbers(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	for (uint64_t at = from + (0 - (from - s->origin)) % 4;
	    at < to && at - w->at + 4 <= w->n; at += 4) {
		uint32_t number = le32_load(w->bytes + (at - w->at));

		if (number != 0)
			refs_add(refs, REF_INDEX32, s->stride, s->base, at,
			    w->image->bases[s->base] + (uint64_t)number * s->stride);
	}
}

/* Of the symbol at p, which stands at `at`. */
static void
symbol(const struct span *s, const struct window *w, const uint8_t *p, uint64_t at,
    uint64_t from, uint64_t to, struct refs *refs)
{
	bool wide = s->stride == SYMBOL_64;
	uint32_t name = le32_load(p);
	const uint8_t *index = p + (wide ? 6 : 14);
	unsigned section = index[0] | (unsigned)index[1] << 8;
	uint64_t value = wide ? le64_load(p + 8) : le32_load(p + 4);
	uint64_t value_at = at + (wide ? 8 : 4);

	if (name != 0 && at >= from && at < to)
		refs_add(refs, REF_BASE32, 0, s->base, at,
		    w->image->bases[s->base] + name);
	if (value != 0 && section != 0 && section < INDEX_RESERVED && value_at >= from &&
	    value_at < to)
		refs_add(refs, wide ? REF_WORD64 : REF_WORD32, 0, 0, value_at, value);
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t at = from - (from - s->origin) % s->stride;

	if (s->what == WHAT_NUMBERS) {
		find_numbers(s, w, from, to, refs);
		return;
	}
	if (at < w->at)
		at += s->stride;
	for (; at < to && at - w->at + s->stride <= w->n; at += s->stride)
		symbol(s, w, w->bytes + (at - w->at), at, from, to, refs);
}

const struct rule rule_symbols = {
	.name = "symbols",
	.before = SYMBOL_64,
	.after = SYMBOL_64,
	.spans = spans,
	.find = find,
};
