#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/image_side.h"

static int
read_bytes(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct image_side *s = arg;

	(void)e;
	memcpy(out, s->bytes + at, n);
	return 0;
}

static int
grow(struct image_side *s, size_t *cap, struct err *e)
{
	size_t more = *cap == 0 ? s->n / 64 + RULES_REFS : *cap + *cap / 2;
	struct ref *grown = realloc(s->refs, more * sizeof *grown);

	if (grown == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for references");
	s->refs = grown;
	*cap = more;
	return 0;
}

static int
find_all(struct image_side *s, const struct spans *spans, struct err *e)
{
	size_t cap = 0;

	for (uint64_t at = 0; at < s->image.bytes; at += RULES_PART) {
		uint64_t left = s->image.bytes - at;
		struct refs refs;

		if (cap - s->n_refs < RULES_REFS && grow(s, &cap, e) == -1)
			return -1;
		refs = (struct refs){ s->refs + s->n_refs, 0, cap - s->n_refs };
		if (rules_find(&s->image, spans, at, at + (left < RULES_PART ? left :
		    RULES_PART), &refs, e) == -1)
			return -1;
		s->n_refs += refs.n;
	}
	return 0;
}

int
image_side_again(struct image_side *s, struct err *e)
{
	struct spans spans;
	int rc;

	if (rules_open(&s->image, s->mask, &spans, e) == -1)
		return -1;
	rc = find_all(s, &spans, e);
	spans_free(&spans);
	return rc;
}

void
image_side_drop(struct image_side *s)
{
	free(s->refs);
	s->refs = NULL;
	s->n_refs = 0;
}

int
image_side_open(struct image_side *s, const uint8_t *bytes, size_t n, uint32_t mask,
    struct err *e)
{
	int rc;

	memset(s, 0, sizeof *s);
	s->bytes = bytes;
	s->n = n;
	s->mask = mask;
	s->arena.limit = UINT64_MAX;
	s->old = (struct old){ .arg = s, .read = read_bytes, .bytes = n };
	if ((rc = image_open(&s->image, &s->old, &s->arena, e)) != 1)
		return rc;
	if (image_side_again(s, e) == 0)
		return 1;
	image_side_close(s);
	return -1;
}

void
image_side_close(struct image_side *s)
{
	image_close(&s->image);
	image_side_drop(s);
}

size_t
image_side_find(const struct image_side *s, uint64_t at)
{
	size_t low = 0, high = s->n_refs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->refs[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
image_side_blank(const struct image_side *s, uint8_t *copy)
{
	for (size_t i = 0; i < s->n_refs; i++) {
		const struct ref *r = &s->refs[i];
		uint64_t mask = ref_mask((enum ref_kind)r->kind);

		if (mask != UINT64_MAX && mask != UINT32_MAX)
			ref_blur(copy + r->at, r, 0);
	}
}

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15u;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

void
image_side_blur(const struct image_side *s, uint8_t *copy,
    uint32_t (*meaning)(const void *arg, const struct ref *), const void *arg)
{
	for (size_t i = 0; i < s->n_refs; i++)
		ref_blur(copy + s->refs[i].at, &s->refs[i],
		    mix(meaning(arg, &s->refs[i])));
}
