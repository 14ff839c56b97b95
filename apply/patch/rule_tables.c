/*
 * Read-only data: tables of jumps, as compilers write them for switches, are words that
 * lead into code from where the table begins (x86-64) or from the global offset table
 * (i386).  Where a table begins is not known, so each word counts from its own place:
 * that is near enough for the map.  At least two such words stand together.  In
 * programs with a place of their own words may be addresses of code, too.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	WORD = 4,
	SURE = 0x100000	/* numbers so low are often no addresses */
};

static bool
has_tables(const struct image *im)
{
	if (im->relocatable)
		return false;
	return image_fixed(im) || im->machine == IMAGE_X86_64 ||
	    im->machine == IMAGE_RISCV ||
	    (im->machine == IMAGE_386 && image_table(im) != NULL);
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	for (size_t i = 0; has_tables(im) && i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];
		unsigned align = im->bits / 8;
		uint64_t skip = (0 - x->address) & (align - 1);
		struct span *s;

		if (x->type != IMAGE_PROGBITS || x->bytes < skip + align ||
		    (x->flags & (IMAGE_ALLOC | IMAGE_EXEC | IMAGE_WRITE)) != IMAGE_ALLOC)
			continue;
		s = spans_add(out, im, x->at + skip, x->at + x->bytes, e);
		if (s == NULL)
			return -1;
		if (im->machine == IMAGE_386 && image_table(im) != NULL)
			s->base = image_base(im, image_table(im)->address);
	}
	return 0;
}

/* A word that is an address of code. */
static bool
address(const struct span *s, const struct window *w, uint64_t at, struct ref *r)
{
	const uint8_t *p = w->bytes + (at - w->at);
	unsigned bytes = w->image->bits / 8;

	if (!image_fixed(w->image) || (at - s->origin) % bytes != 0 ||
	    at - w->at + bytes > w->n)
		return false;
	r->target = bytes == 8 ? le64_load(p) : le32_load(p);
	r->kind = bytes == 8 ? REF_WORD64 : REF_WORD32;
	r->base = 0;
	return r->target >= SURE && image_code(w->image, r->target);
}

/* A word that leads into code. */
static bool
jump(const struct span *s, const struct window *w, uint64_t at, uint64_t place,
    struct ref *r)
{
	uint64_t base = s->base != 0 ? w->image->bases[s->base] : place + at;

	if (at - w->at + WORD > w->n ||
	    (w->image->machine != IMAGE_X86_64 &&
	    w->image->machine != IMAGE_RISCV && s->base == 0))
		return false;
	r->target = base + (uint64_t)(int64_t)(int32_t)le32_load(w->bytes + (at - w->at));
	if (w->image->bits == 32)
		r->target &= UINT32_MAX;
	r->kind = s->base != 0 ? REF_BASE32 : REF_REL32;
	r->base = s->base;
	return image_code(w->image, r->target);
}

/* What the word at `at` is; 0 bytes: no reference. */
static size_t
look(const struct span *s, const struct window *w, uint64_t at, uint64_t place,
    struct ref *r)
{
	if (jump(s, w, at, place, r) || address(s, w, at, r))
		return ref_bytes((enum ref_kind)r->kind);
	return 0;
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t place = image_address(w->image, w->at) - w->at;
	/* No long word reaches over a multiple of its size. */
	uint64_t at = w->at + (0 - (w->at - s->origin)) % (w->image->bits / 8);

	while (at < to && at - w->at + WORD <= w->n) {
		struct ref r = { 0 }, other = { 0 };
		size_t n = look(s, w, at, place, &r);

		if (n == 0) {
			at += WORD;
			continue;
		}
		if (at >= from && (look(s, w, at + n, place, &other) == n ||
		    (at - w->at >= n && look(s, w, at - n, place, &other) == n)))
			refs_add(refs, (enum ref_kind)r.kind, 0, r.base, at, r.target);
		at += n;
	}
}

const struct rule rule_tables = {
	.name = "tables",
	.before = 16,
	.after = 16,
	.spans = spans,
	.find = find,
};
