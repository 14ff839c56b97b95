/*
 * Words that are addresses: relocations with their place and addend (gABI 4.1;
 * RELR as in the gABI's later draft), and the words of writable sections whose value
 * is an address of the image.
 */
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	WHAT_WORDS,
	WHAT_RELA = 1,
	WHAT_REL = 2,
	WHAT_SLOTS = 4,		/* with the last two: each entry has the next word */
	RELA_32 = 12, RELA_64 = 24, REL_32 = 8, REL_64 = 16,
	SYMBOL_32 = 16, SYMBOL_64 = 24
};

/* Sections of words that may be addresses. */
static bool
holds_words(const struct image *im, const struct image_section *x)
{
	if (x->type == IMAGE_RELR || x->type == IMAGE_INIT_ARRAY ||
	    x->type == IMAGE_FINI_ARRAY || x->type == IMAGE_DYNAMIC)
		return true;
	if ((x->flags & IMAGE_ALLOC) == 0 || (x->flags & IMAGE_EXEC) != 0)
		return false;
	if ((x->flags & IMAGE_WRITE) != 0)
		return true;
	/* Go keeps pointers in what is read only for others. */
	return image_section(im, ".gopclntab") != NULL &&
	    (strcmp(x->name, ".rodata") == 0 || strcmp(x->name, ".itablink") == 0);
}

static int
add(struct image *im, struct spans *out, unsigned what, uint64_t at, uint64_t bytes,
    uint64_t address, unsigned stride, struct err *e)
{
	unsigned align = what == WHAT_WORDS ? stride : 4;
	uint64_t skip = (0 - address) & (align - 1);
	struct span *s;

	if (bytes < skip + stride)
		return 0;
	if ((s = spans_add(out, im, at + skip, at + bytes, e)) == NULL)
		return -1;
	s->what = (uint8_t)what;
	s->stride = stride;
	return 0;
}

static int
add_section(struct image *im, struct spans *out, const struct image_section *x,
    struct err *e)
{
	bool wide = im->bits == 64;
	size_t before = out->n;

	if (x->type == IMAGE_RELA || x->type == IMAGE_REL) {
		unsigned what = x->type == IMAGE_RELA ? WHAT_RELA : WHAT_REL;
		unsigned stride = what == WHAT_RELA ? (wide ? RELA_64 : RELA_32) :
		    wide ? REL_64 : REL_32;

		if (add(im, out, what, x->at, x->bytes, x->address, stride, e) == -1)
			return -1;
		if (out->n > before && x->link < im->n_sections)
			out->list[before].base = image_base(im,
			    im->sections[x->link].address);
		if (out->n > before && strstr(x->name, ".plt") != NULL &&
		    image_base(im, x->address) != 0)
			out->list[before].what |= WHAT_SLOTS;
		return 0;
	}
	return holds_words(im, x) ? add(im, out, WHAT_WORDS, x->at, x->bytes, x->address,
	    im->bits / 8, e) : 0;
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	if (im->relocatable || im->raw)
		return 0;
	for (size_t i = 0; i < im->n_sections; i++)
		if (add_section(im, out, &im->sections[i], e) == -1)
			return -1;
	for (size_t i = 0; im->n_sections == 0 && i < im->layout.n; i++) {
		const struct segment *x = &im->layout.segments[i];

		if (!x->code && add(im, out, WHAT_WORDS, x->at, x->bytes, x->address,
		    im->bits / 8, e) == -1)
			return -1;
	}
	return 0;
}

static void
word(const struct window *w, unsigned bits, uint64_t at, uint64_t from, uint64_t to,
    struct refs *refs)
{
	const uint8_t *p = w->bytes + (at - w->at);
	uint64_t v = bits == 64 ? le64_load(p) : le32_load(p);

	if (at >= from && at < to && image_holds(w->image, v))
		refs_add(refs, bits == 64 ? REF_WORD64 : REF_WORD32, 0, 0, at, v);
}

/* Where entries of a table have one word each, one behind the other: the first one. */
struct slots {
	uint64_t first;		/* its address */
	unsigned base;		/* of the table; 0: there are none */
};

static struct slots
slots_of(const struct span *s, const struct image *im)
{
	struct slots t = { 0, 0 };
	uint8_t first[8];
	struct err ignored;

	if ((s->what & WHAT_SLOTS) == 0 ||
	    image_read(im, first, sizeof first, s->origin, &ignored) == -1)
		return t;
	t.first = im->bits == 64 ? le64_load(first) : le32_load(first);
	for (unsigned i = 1; i < im->n_bases && t.base == 0; i++)
		if (im->bases[i] == image_address(im, s->origin))
			t.base = i;
	return t;
}

static bool
is_slot(const struct span *s, const struct window *w, const struct slots *t, uint64_t at)
{
	const uint8_t *p = w->bytes + (at - w->at);
	unsigned bytes = w->image->bits / 8;

	return t->base != 0 && (bytes == 8 ? le64_load(p) : le32_load(p)) ==
	    t->first + (at - s->origin) / s->stride * bytes;
}

/* r_offset, r_info, r_addend */
static void
relocation(const struct span *s, const struct window *w, const struct slots *t,
    uint64_t at, uint64_t from, uint64_t to, struct refs *refs)
{
	unsigned bits = w->image->bits;
	uint64_t info_at = at + (bits == 64 ? 12 : 4);

	if (!is_slot(s, w, t, at))
		word(w, bits, at, from, to, refs);
	else if (at >= from && at < to)
		refs_add(refs, bits == 64 ? REF_SLOT64 : REF_SLOT32,
		    s->stride / (bits / 8), t->base, at, t->first);
	if (info_at >= from && info_at < to) {
		uint32_t info = le32_load(w->bytes + (info_at - w->at));
		uint32_t symbol = bits == 64 ? info : info >> 8;
		unsigned entry = bits == 64 ? SYMBOL_64 : SYMBOL_32;

		if (symbol != 0)
			refs_add(refs, bits == 64 ? REF_INDEX32 : REF_INDEX24, entry,
			    s->base, info_at,
			    w->image->bases[s->base] + (uint64_t)symbol * entry);
	}
	if ((s->what & WHAT_RELA) != 0)
		word(w, bits, at + (bits == 64 ? 16 : 8), from, to, refs);
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t at = from - (from - s->origin) % s->stride;
	struct slots slots = slots_of(s, w->image);

	if (at < w->at)
		at += s->stride;
	for (; at < to && at - w->at + s->stride <= w->n; at += s->stride)
		if (s->what == WHAT_WORDS)
			word(w, s->stride * 8, at, from, to, refs);
		else
			relocation(s, w, &slots, at, from, to, refs);
}

const struct rule rule_pointers = {
	.name = "pointers",
	.before = RELA_64,
	.after = RELA_64,
	.spans = spans,
	.find = find,
};
