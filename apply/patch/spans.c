#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum { SPANS_FIRST = 64, SPANS_MAX = 4096 };

static int
grow(struct spans *s, struct err *e)
{
	size_t cap = s->cap == 0 ? SPANS_FIRST : s->cap * 2;
	struct span *grown;

	if (cap > SPANS_MAX)
		return err_set(e, ERR_FORMAT, "an image with too many parts");
	if ((grown = arena_new(s->arena, cap, SPAN_COUNTS, e)) == NULL)
		return -1;
	if (s->n > 0)
		memcpy(grown, s->list, s->n * sizeof *grown);
	arena_free(s->arena, s->list, s->cap, SPAN_COUNTS);
	s->list = grown;
	s->cap = cap;
	return 0;
}

struct span *
spans_add(struct spans *s, const struct image *im, uint64_t from, uint64_t to,
    struct err *e)
{
	if (from >= to || to > im->bytes) {
		(void)err_set(e, ERR_FORMAT, "a part outside of its image");
		return NULL;
	}
	if (s->n == s->cap && grow(s, e) == -1)
		return NULL;
	s->list[s->n] = (struct span){ .from = from, .to = to, .origin = from,
		.rule = s->rule };
	return &s->list[s->n++];
}

static int
add_code(struct spans *s, const struct image *im, uint64_t at, uint64_t bytes,
    uint64_t address, unsigned align, struct err *e)
{
	uint64_t skip = (0 - address) & (align - 1);

	if (bytes < skip + align)
		return 0;
	return spans_add(s, im, at + skip, at + bytes, e) == NULL ? -1 : 0;
}

int
spans_add_code(struct spans *s, const struct image *im, unsigned align, struct err *e)
{
	for (size_t i = 0; i < im->n_sections; i++) {
		const struct image_section *x = &im->sections[i];

		if ((x->flags & IMAGE_EXEC) != 0 && add_code(s, im, x->at, x->bytes,
		    x->address, align, e) == -1)
			return -1;
	}
	for (size_t i = 0; im->n_sections == 0 && i < im->layout.n; i++) {
		const struct segment *x = &im->layout.segments[i];

		if (x->code && add_code(s, im, x->at, x->bytes, x->address, align,
		    e) == -1)
			return -1;
	}
	return 0;
}

void
spans_free(struct spans *s)
{
	for (size_t i = 0; i < s->n; i++)
		arena_free(s->arena, s->list[i].marks, s->list[i].mark_bytes, 1);
	arena_free(s->arena, s->list, s->cap, SPAN_COUNTS);
	s->list = NULL;
	s->n = s->cap = 0;
}

/* ---- marks ---- */

int
span_mark_all(struct spans *s, struct span *span, struct err *e)
{
	size_t n = (size_t)((span->to - span->from + 7) / 8);

	if ((span->marks = arena_new(s->arena, n, 1, e)) == NULL)
		return -1;
	span->mark_bytes = n;
	return 0;
}

unsigned
span_marked(const struct span *s, uint64_t at)
{
	uint64_t word = (at - s->origin) / 4;

	if (at < s->from || at >= s->to || (at - s->origin) % 4 != 0)
		return 0;
	return s->marks[word / 2] >> (word % 2 * 4) & 15;
}

void
span_mark(struct span *s, uint64_t at, unsigned mark)
{
	uint64_t word = (at - s->origin) / 4;

	if (at < s->from || at >= s->to || (at - s->origin) % 4 != 0 ||
	    span_marked(s, at) != 0)
		return;
	s->marks[word / 2] |= (uint8_t)((mark & 15) << (word % 2 * 4));
}

static uint64_t
mark_target(const struct image *im, const struct mark *k, const uint8_t *p,
    uint64_t place)
{
	switch ((enum ref_kind)k->kind) {
	case REF_WORD64:
		return le64_load(p);
	case REF_REL32:
		return place + k->aux + (uint64_t)(int64_t)(int32_t)le32_load(p);
	case REF_BACK32:
		return place - le32_load(p);
	case REF_BASE32:
		return im->bases[k->base] + ((uint64_t)(int64_t)(int32_t)le32_load(p) <<
		    k->aux);
	case REF_BASE64:
		return im->bases[k->base] + (le64_load(p) << k->aux);
	case REF_INDEX32:
		return im->bases[k->base] + (uint64_t)le32_load(p) * k->aux;
	default:
		return le32_load(p);
	}
}

/* Does a reference that ends at `end` reach into one that begins in a later word? */
static bool
runs_into(const struct span *s, uint64_t word, uint64_t end)
{
	for (uint64_t next = word + 4; next < end; next += 4) {
		unsigned mark = span_marked(s, next);

		if (mark != 0 && next + s->kinds[mark].at < end)
			return true;
	}
	return false;
}

void
span_find_marks(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	uint64_t first = from - (from - s->origin) % 4;

	for (uint64_t word = first; word < to; word += 4) {
		unsigned mark = span_marked(s, word);
		const struct mark *k = &s->kinds[mark];
		uint64_t at = word + k->at, end = at + ref_bytes((enum ref_kind)k->kind);

		if (mark == 0 || at < from || at >= to || end > s->to ||
		    end > w->at + w->n || runs_into(s, word, end))
			continue;
		refs_add(refs, (enum ref_kind)k->kind, k->aux, k->base, at,
		    mark_target(w->image, k, w->bytes + (at - w->at),
		    image_address(w->image, at)));
	}
}
