#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/glance.h"
#include "apply/patch/image_elf.h"

#include "apply/patch/go.h"

enum {
	HEADER_MAX = 72,
	HEADER_WORDS = 8,	/* the first is the number of functions */
	BUCKET_TEXT = 4096,

	/* Words of the module data. */
	MODULE_BUCKETS = 19,
	MODULE_TEXT = 22,
	MODULE_TEXT_END = 23,
	MODULE_TYPES = 35,	/* since Go 1.20 two further: coverage counters */
	MODULE_WORDS = 41
};

static uint64_t
word(const struct go *go, const uint8_t *p, size_t i)
{
	return go->word == 8 ? le64_load(p + i * 8) : le32_load(p + i * 4);
}

static unsigned
since(uint32_t magic)
{
	switch (magic) {
	case 0xfffffffa:
		return 16;
	case 0xfffffff0:
		return 18;
	case 0xfffffff1:
		return 20;
	default:
		return 0;
	}
}

/* Parts of the table ascend, and end in the section. */
static int
parts(struct go *go, const uint8_t *p)
{
	uint64_t *part[] = { &go->names, &go->cutab, &go->files, &go->pctab,
		&go->functions };
	uint64_t last = 0, bytes = go->end - go->table;

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		uint64_t at = word(go, p, i);

		if (at < last || at > bytes)
			return 0;
		*part[i] = go->table + at;
		last = at;
	}
	return go->n < (bytes - last) / 8;
}

static int
header(struct go *go, struct err *e)
{
	uint8_t p[HEADER_MAX];
	size_t skip;

	if (go->end - go->table < sizeof p)
		return 0;
	if (image_read(go->image, p, sizeof p, go->table, e) == -1)
		return -1;
	go->word = go->image->bits / 8;
	if ((go->since = since(le32_load(p))) == 0 || p[7] != go->word)
		return 0;
	go->n = word(go, p + 8, 0);
	if (go->since >= 18)
		go->text = word(go, p + 8, 2);
	skip = go->since >= 18 ? 3 : 2;
	return parts(go, p + 8 + skip * go->word);
}

/* Do these words look like the module data?  Takes what it says. */
static void
module(struct go *go, const uint8_t *p)
{
	size_t types = go->since >= 20 ? MODULE_TYPES + 2 : MODULE_TYPES;
	uint64_t low = go->image->layout.low, high = go->image->layout.high;
	uint64_t text = word(go, p, MODULE_TEXT);
	uint64_t text_end = word(go, p, MODULE_TEXT_END);

	if (text >= low && text < text_end && text_end <= high) {
		go->text = text;
		go->buckets = word(go, p, MODULE_BUCKETS);
		go->n_buckets = (text_end - text) / BUCKET_TEXT + 1;
	}
	if (word(go, p, types) < low || word(go, p, types) >= word(go, p, types + 1) ||
	    word(go, p, types + 1) > high)
		return;
	go->types = word(go, p, types);
	go->types_end = word(go, p, types + 1);
	if (go->since >= 18) {
		go->rodata = word(go, p, types + 2);
		go->funcdata = word(go, p, types + 3);
	}
}

static int
find_module(struct go *go, const struct image_section *x, struct err *e)
{
	struct glance g = { .image = go->image };
	uint64_t table = image_address(go->image, go->table);
	uint64_t names = image_address(go->image, go->names);
	size_t bytes = MODULE_WORDS * (size_t)go->word;
	uint8_t p[MODULE_WORDS * 8];

	for (uint64_t at = 0; at + bytes <= x->bytes; at += go->word) {
		int rc;
		const uint8_t *q = glance(&g, x->at + at, 16, &rc, e);

		if (q == NULL)
			return rc;
		if (word(go, q, 0) != table || word(go, q, 1) != names)
			continue;
		if (image_read(go->image, p, bytes, x->at + at, e) == -1)
			return -1;
		module(go, p);
		return 0;
	}
	return 0;
}

int
go_open(struct go *go, struct image *im, struct err *e)
{
	const struct image_section *table = image_section(im, ".gopclntab");
	const struct image_section *text = image_section(im, ".text");
	int rc;

	if (table == NULL)	/* a position-independent executable */
		table = image_section(im, ".data.rel.ro.gopclntab");
	if (table == NULL || im->relocatable)
		return 0;
	*go = (struct go){ .image = im, .table = table->at,
		.end = table->at + table->bytes };
	if ((rc = header(go, e)) != 1)
		return rc;
	if (go->text == 0 && text != NULL)
		go->text = text->address;
	for (size_t i = 0; go->types == 0 && i < im->n_sections; i++)
		if ((im->sections[i].flags & (IMAGE_WRITE | IMAGE_TLS)) == IMAGE_WRITE &&
		    find_module(go, &im->sections[i], e) == -1)
			return -1;
	return 1;
}

struct span *
go_span(const struct go *go, struct spans *out, uint64_t from, uint64_t to,
    struct err *e)
{
	struct image *im = go->image;
	struct span *s = spans_add(out, im, from, to, e);
	const struct {
		uint8_t mark, kind, aux;
		uint64_t base;
	} kinds[] = {
		{ GO_WORD, go->word == 8 ? REF_WORD64 : REF_WORD32, 0, im->layout.low },
		{ GO_TEXT, REF_BASE32, 0, go->text },
		{ GO_FUNCTION, REF_BASE32, 0, image_address(im, go->functions) },
		{ GO_FUNCTION_WIDE, go->word == 8 ? REF_BASE64 : REF_BASE32, 0,
		    image_address(im, go->functions) },
		{ GO_INDEX, REF_INDEX32, (uint8_t)(go->since >= 18 ? 8 : 2 * go->word),
		    image_address(im, go->functions) },
		{ GO_NAME, REF_BASE32, 0, image_address(im, go->names) },
		{ GO_FILE, REF_BASE32, 0, image_address(im, go->files) },
		{ GO_UNIT, REF_INDEX32, 4, image_address(im, go->cutab) },
		{ GO_PC, REF_BASE32, 0, image_address(im, go->pctab) },
		{ GO_FUNCDATA, REF_BASE32, 0, go->funcdata },
		{ GO_RODATA, REF_BASE32, 0, go->rodata },
		{ GO_TYPE, REF_BASE32, 0, go->types },
		{ GO_HEADER, go->word == 8 ? REF_BASE64 : REF_BASE32, 0,
		    image_address(im, go->table) },
	};

	if (s == NULL || span_mark_all(out, s, e) == -1)
		return NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		s->kinds[kinds[i].mark] = (struct mark){ .kind = kinds[i].kind,
			.aux = kinds[i].aux, .base = image_base(im, kinds[i].base) };
	return s;
}

/* An address, in a word that no mark touches. */
static void
pointer(const struct span *s, const struct window *w, uint64_t at, struct refs *refs)
{
	const struct image *im = w->image;
	const uint8_t *p = w->bytes + (at - w->at);
	bool wide = im->bits == 64;
	uint64_t v;

	if ((at - s->origin) % (wide ? 8 : 4) != 0 ||
	    w->n - (size_t)(at - w->at) < (wide ? 8 : 4) ||
	    (wide && span_marked(s, at + 4) != 0))
		return;
	v = wide ? le64_load(p) : le32_load(p);
	if (v >= im->layout.low && v < im->layout.high)
		refs_add(refs, wide ? REF_WORD64 : REF_WORD32, 0, 0, at, v);
}

void
go_find(const struct span *s, const struct window *w, bool pointers, uint64_t from,
    uint64_t to, struct refs *refs)
{
	uint64_t at = from + (4 - (from - s->origin) % 4) % 4;

	for (; at < to && at + 4 <= w->at + w->n; at += 4) {
		uint32_t v = le32_load(w->bytes + (at - w->at));

		if (v == 0)
			continue;	/* nothing, or the very base */
		if (span_marked(s, at) == 0) {
			if (pointers)
				pointer(s, w, at, refs);
		} else if (v <= INT32_MAX)
			span_find_marks(s, w, at, at + 4, refs);
	}
}
