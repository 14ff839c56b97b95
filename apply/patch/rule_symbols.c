/*
 * Symbol tables (gABI 4.1, chapter 4): the offset of a name in its string table, and
 * the address.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum { SYMBOL_32 = 16, SYMBOL_64 = 24, INDEX_RESERVED = 0xff00 };

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	uint32_t stride = im->bits == 64 ? SYMBOL_64 : SYMBOL_32;

	for (size_t i = 0; !im->relocatable && i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];
		struct span *s;

		if ((x->type != IMAGE_SYMTAB && x->type != IMAGE_DYNSYM) ||
		    x->bytes < stride || x->link >= im->n_sections)
			continue;
		if ((s = spans_add(out, im, x->at, x->at + x->bytes, e)) == NULL)
			return -1;
		s->stride = stride;
		s->base = image_base(im, image_address(im, im->sections[x->link].at));
	}
	return 0;
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
