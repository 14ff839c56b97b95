/*
 * Relocatable objects (gABI 4.1, chapter 4; kernel modules): addresses are offsets in
 * the file.  Relocations name a place in a section and a symbol by its number; symbols
 * have a name and a place in their section.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	WHAT_RELOCATIONS, WHAT_SYMBOLS,
	RELA_64 = 24, SYMBOL_64 = 24,	/* bytes */
	RELA_32 = 12, REL_32 = 8, SYMBOL_32 = 16,
	SECTION_SYMBOL = 3		/* STT_SECTION */
};

static unsigned
symbol_bytes(const struct image *im)
{
	return im->bits == 64 ? SYMBOL_64 : SYMBOL_32;
}

/* Bytes of an entry in a table of relocations or symbols; 0: neither. */
static unsigned
entry_bytes(const struct image *im, const struct image_section *x)
{
	if (x->type == IMAGE_SYMTAB)
		return symbol_bytes(im);
	if (x->type == IMAGE_RELA)
		return im->bits == 64 ? RELA_64 : RELA_32;
	return x->type == IMAGE_REL && im->bits == 32 ? REL_32 : 0;
}

static int
add_span(struct image *im, const struct image_section *x, unsigned what, uint64_t base,
    struct spans *out, struct err *e)
{
	struct span *s = spans_add(out, im, x->at, x->at + x->bytes, e);

	if (s == NULL)
		return -1;
	s->what = (uint8_t)what;
	s->stride = entry_bytes(im, x);
	s->base = image_base(im, base);
	return 0;
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	if (!im->relocatable)
		return 0;
	for (size_t i = 0; i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];
		unsigned what = x->type == IMAGE_SYMTAB ? WHAT_SYMBOLS : WHAT_RELOCATIONS;
		unsigned bytes = entry_bytes(im, x);

		(void)image_base(im, x->at);
		if (bytes == 0 || x->bytes < bytes || x->link >= im->n_sections ||
		    (what == WHAT_RELOCATIONS && x->info >= im->n_sections))
			continue;
		if (add_span(im, x, what, im->sections[what == WHAT_RELOCATIONS ?
		    x->info : x->link].at, out, e) == -1)
			return -1;
	}
	return 0;
}

/* The index of a base, 0 if it is none that was noted. */
static unsigned
known_base(const struct image *im, uint64_t address)
{
	for (size_t i = 1; i < im->n_bases; i++)
		if (im->bases[i] == address)
			return (unsigned)i;
	return 0;
}

static const struct image_section *
symbol_section(const struct image *im, const uint8_t *symbol)
{
	const uint8_t *index = symbol + (im->bits == 64 ? 6 : 14);
	unsigned i = index[0] | (unsigned)index[1] << 8;

	return i != 0 && i < im->n_sections ? &im->sections[i] : NULL;
}

struct asked {
	uint64_t from, to;
	struct refs *refs;
};

static void
add(const struct asked *a, const struct image *im, enum ref_kind kind, unsigned aux,
    uint64_t base, uint64_t at, uint64_t target)
{
	unsigned i = known_base(im, base);

	if (at >= a->from && at < a->to && (i != 0 || base == im->bases[0]))
		refs_add(a->refs, kind, aux, i, at, target);
}

/* The addend counts in a section when the symbol is that section itself. */
static void
addend(const struct asked *a, const struct image *im, const struct image_section *symbols,
    uint32_t symbol, uint64_t at, uint64_t value)
{
	unsigned bytes = symbol_bytes(im);
	uint8_t entry[SYMBOL_64];
	const struct image_section *x;
	struct err ignored;

	if (at < a->from || at >= a->to ||
	    (uint64_t)symbol * bytes + bytes > symbols->bytes ||
	    image_read(im, entry, bytes, symbols->at + (uint64_t)symbol * bytes,
	    &ignored) == -1)
		return;
	x = symbol_section(im, entry);
	if ((entry[im->bits == 64 ? 4 : 12] & 15) == SECTION_SYMBOL && x != NULL)
		add(a, im, im->bits == 64 ? REF_BASE64 : REF_BASE32, 0, x->at, at,
		    x->at + value);
}

static const struct image_section *
symbols_of(const struct image *im, const struct span *s)
{
	for (size_t i = 0; i < im->n_sections; i++)
		if (im->sections[i].at == s->origin &&
		    im->sections[i].type != IMAGE_SYMTAB &&
		    entry_bytes(im, &im->sections[i]) == s->stride &&
		    im->sections[i].link < im->n_sections)
			return &im->sections[im->sections[i].link];
	return NULL;
}

/* r_offset, r_info, r_addend; 32 bits: the symbol is in the upper 24 of r_info. */
static void
relocation(const struct asked *a, const struct image *im, const struct span *s,
    const struct image_section *symbols, const uint8_t *p, uint64_t at)
{
	bool wide = im->bits == 64;
	uint32_t symbol = wide ? le32_load(p + 12) : le32_load(p + 4) >> 8;
	uint64_t base = im->bases[s->base];

	add(a, im, wide ? REF_BASE64 : REF_BASE32, 0, base, at,
	    base + (wide ? le64_load(p) : le32_load(p)));
	if (symbols == NULL || symbol == 0)
		return;
	add(a, im, wide ? REF_INDEX32 : REF_INDEX24, symbol_bytes(im), symbols->at,
	    at + (wide ? 12 : 4), symbols->at + (uint64_t)symbol * symbol_bytes(im));
	if (wide)
		addend(a, im, symbols, symbol, at + 16, le64_load(p + 16));
	else if (s->stride == RELA_32)
		addend(a, im, symbols, symbol, at + 8, le32_load(p + 8));
}

static void
symbol(const struct asked *a, const struct image *im, const struct span *s,
    const uint8_t *p, uint64_t at)
{
	const struct image_section *x = symbol_section(im, p);
	uint64_t base = im->bases[s->base];

	if (le32_load(p) != 0)
		add(a, im, REF_BASE32, 0, base, at, base + le32_load(p));
	if (x == NULL)
		return;
	if (im->bits == 64)
		add(a, im, REF_BASE64, 0, x->at, at + 8, x->at + le64_load(p + 8));
	else
		add(a, im, REF_BASE32, 0, x->at, at + 4, x->at + le32_load(p + 4));
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	const struct image_section *symbols = symbols_of(w->image, s);
	const struct asked asked = { from, to, refs };
	uint64_t at = from - (from - s->origin) % s->stride;

	if (at < w->at)
		at += s->stride;
	for (; at < to && at - w->at + s->stride <= w->n; at += s->stride) {
		const uint8_t *p = w->bytes + (at - w->at);

		if (s->what == WHAT_RELOCATIONS)
			relocation(&asked, w->image, s, symbols, p, at);
		else
			symbol(&asked, w->image, s, p, at);
	}
}

const struct rule rule_module = {
	.name = "module",
	.before = RELA_64,
	.after = RELA_64,
	.spans = spans,
	.find = find,
};
