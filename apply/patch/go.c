#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/glance.h"
#include "apply/patch/image_elf.h"

#include "apply/patch/go.h"

enum {
	HEADER_MAX = 72,
	BUCKET_TEXT = 4096,

	/* Words of the module data. */
	MODULE_BUCKETS = 19,
	MODULE_TEXT = 22,
	MODULE_TEXT_END = 23,
	MODULE_TYPES = 35,	/* since Go 1.20 two further: coverage counters */
	MODULE_WORDS = 48,

	TABLE_ALIGN = 16,
	RELA_BYTES = 24
};

#define MAGIC_OLD 0xfffffff0	/* beyond int */
#define MAGIC 0xfffffff1

static uint64_t
word(const struct go *go, const uint8_t *p, size_t i)
{
	return go->word == 8 ? le64_load(p + i * 8) : le32_load(p + i * 4);
}

uint64_t
go_part(const struct go *go, enum go_mark part)
{
	return go->table + (go->base[part] - go->base[GO_TABLE]);
}

/* Parts of the table ascend, and end in the section. */
static int
parts(struct go *go, const uint8_t *p)
{
	uint64_t last = 0, bytes = go->end - go->table;

	for (size_t i = GO_NAME; i <= GO_FUNCTION; i++) {
		uint64_t at = word(go, p, i - GO_NAME);

		if (at < last || at > bytes)
			return 0;
		go->base[i] = go->base[GO_TABLE] + at;
		last = at;
	}
	go->base[GO_INDEX] = go->base[GO_FUNCTION];
	return go->n < (bytes - last) / 8;
}

/* A magic number, two zeros, the least size of an instruction and that of pointers;
 * then words: the numbers of functions and of files, the address of the text (since Go
 * 1.26 none), parts.  p[0..HEADER_MAX) are at `at`. */
static int
header(struct go *go, const uint8_t *p, uint64_t at)
{
	go->old = le32_load(p) == MAGIC_OLD;
	go->word = p[7];
	go->table = at;
	go->base[GO_TABLE] = image_address(go->image, at);
	go->n = word(go, p + 8, 0);
	go->base[GO_TEXT] = word(go, p + 8, 2);
	return parts(go, p + 8 + 3 * go->word);
}

/* It begins its own section, unless an external linker put it among other data. */
static int
search(struct go *go, const struct image_section *x, struct err *e)
{
	struct glance g = { .image = go->image };
	int rc = 0;

	go->end = x->at + x->bytes;
	for (uint64_t at = x->at + (0 - x->address) % TABLE_ALIGN; rc == 0 &&
	    at + HEADER_MAX <= go->end; at += TABLE_ALIGN) {
		const uint8_t *p = glance(&g, at, HEADER_MAX, &rc, e);

		if (p != NULL && (le32_load(p) | 1) == MAGIC &&
		    p[7] == go->image->bits / 8)
			rc = header(go, p, at);
	}
	return rc;
}

static int
find_table(struct go *go, struct err *e)
{
	const struct image *im = go->image;
	const struct image_section *x = image_section(im, ".gopclntab");

	if (x == NULL)		/* a position-independent executable */
		x = image_section(im, ".data.rel.ro.gopclntab");
	if (x == NULL && image_section(im, ".go.buildinfo") != NULL)
		x = image_section(im, ".data.rel.ro");
	return x == NULL ? 0 : search(go, x, e);
}

/* What the module data says, as far as it makes sense. */
static void
module(struct go *go, const uint64_t *w)
{
	uint64_t low = go->image->layout.low, high = go->image->layout.high;
	uint64_t text = w[MODULE_TEXT], bytes = w[MODULE_TEXT_END] - text;
	const uint64_t *types = w + MODULE_TYPES + (go->old ? 0 : 2);
	const uint64_t *links = types + 7;

	if (text >= low && text < high && bytes <= high - text) {
		go->base[GO_TEXT] = text;
		go->buckets = w[MODULE_BUCKETS];
		go->n_buckets = bytes / BUCKET_TEXT + 1;
	}
	if (types[0] < low || types[0] >= types[1] || types[1] > high)
		return;
	go->base[GO_TYPE] = types[0];
	go->types_end = types[1];
	go->base[GO_RODATA] = types[2];
	go->base[GO_FUNCDATA] = types[3];
	/* Go 1.26 has one word more before it.  A slice: address, length, capacity. */
	if (links[0] < low || links[1] != links[2])
		links++;
	if (links[1] == links[2] && links[1] <= (high - low) / 4) {
		go->links = links[0];
		go->n_links = links[1];
	}
}

/* The module data are at this offset.  Words that are relocated may be 0 in the file;
 * then they are in the relocations from *rela on. */
static int
read_module(struct go *go, uint64_t at, const struct image_section *rela, uint64_t next,
    struct err *e)
{
	uint64_t address = image_address(go->image, at), w[MODULE_WORDS];
	struct glance g = { .image = go->image };
	uint8_t p[MODULE_WORDS * 8];
	int rc;

	if (image_read(go->image, p, MODULE_WORDS * (size_t)go->word, at, e) == -1)
		return -1;
	for (size_t i = 0; i < MODULE_WORDS; i++)
		w[i] = word(go, p, i);
	for (; rela != NULL && next + RELA_BYTES <= rela->bytes; next += RELA_BYTES) {
		const uint8_t *q = glance(&g, rela->at + next, RELA_BYTES, &rc, e);

		if (q == NULL)
			return rc;
		if (le64_load(q) - address >= sizeof w)
			break;
		w[(le64_load(q) - address) / 8] = le64_load(q + 16);
	}
	module(go, w);
	return 0;
}

/* Two words or addends that follow each other: the addresses of the table and of its
 * names. */
static int
find_module(struct go *go, const struct image_section *x, struct err *e)
{
	bool rela = x->type == IMAGE_RELA && go->word == 8;
	unsigned step = rela ? RELA_BYTES : go->word, first = rela ? 16 : 0;
	struct glance g = { .image = go->image };
	uint64_t bytes = rela ? 2 * RELA_BYTES : MODULE_WORDS * go->word;

	for (uint64_t at = 0; at + bytes <= x->bytes; at += step) {
		int rc;
		const uint8_t *q = glance(&g, x->at + at, first + step + 8, &rc, e);
		uint64_t place;

		if (q == NULL)
			return rc;
		if (word(go, q + first, 0) != go->base[GO_TABLE] ||
		    word(go, q + first + step, 0) != go->base[GO_NAME])
			continue;
		if (!rela)
			return read_module(go, x->at + at, NULL, 0, e);
		return !image_offset(go->image, le64_load(q), &place) ? 0 :
		    read_module(go, place, x, at, e);
	}
	return 0;
}

int
go_open(struct go *go, struct image *im, struct err *e)
{
	const struct image_section *text = image_section(im, ".text");
	uint64_t budget = im->bytes;	/* sections may lie over each other */
	int rc;

	*go = (struct go){ .image = im };
	if (im->relocatable || (rc = find_table(go, e)) == 0)
		return 0;
	if (rc == -1)
		return -1;
	if (go->base[GO_TEXT] == 0 && text != NULL)
		go->base[GO_TEXT] = text->address;
	for (size_t i = 0; go->base[GO_TYPE] == 0 && i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];

		if ((x->type != IMAGE_RELA &&
		    (x->flags & (IMAGE_WRITE | IMAGE_TLS)) != IMAGE_WRITE) ||
		    x->bytes > budget)
			continue;
		budget -= x->bytes;
		if (find_module(go, x, e) == -1)
			return -1;
	}
	return 1;
}

struct span *
go_span(const struct go *go, struct spans *out, uint64_t from, uint64_t to,
    struct err *e)
{
	struct span *s = spans_add(out, go->image, from, to, e);

	if (s == NULL || span_mark_all(out, s, e) == -1)
		return NULL;
	for (size_t i = GO_WORD; i < GO_MARKS; i++) {
		s->kinds[i].kind = REF_BASE32;
		s->kinds[i].base = image_base(go->image, go->base[i]);
	}
	s->kinds[GO_WORD].kind = go->word == 8 ? REF_WORD64 : REF_WORD32;
	s->kinds[GO_UNIT].kind = s->kinds[GO_INDEX].kind = REF_INDEX32;
	s->kinds[GO_UNIT].aux = 4;
	s->kinds[GO_INDEX].aux = 8;
	return s;
}

void
go_find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t at = from + (4 - (from - s->origin) % 4) % 4;

	for (; at < to && at + 4 <= w->at + w->n; at += 4) {
		unsigned mark = span_marked(s, at);

		/* As an offset, 0 is nothing or the very base, and all ones nothing. */
		if (mark == GO_WORD || (mark != 0 &&
		    le32_load(w->bytes + (at - w->at)) - 1 < INT32_MAX))
			span_find_marks(s, w, at, at + 4, refs);
	}
}
