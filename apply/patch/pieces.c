#include <stdlib.h>
#include <string.h>

#include "apply/patch/pieces.h"

static int
compare(const void *pa, const void *pb)
{
	const struct piece *a = pa, *b = pb;

	return a->at < b->at ? -1 : a->at > b->at;
}

int
pieces_settle(struct piece *p, size_t n, struct err *e)
{
	if (n > 0)
		qsort(p, n, sizeof *p, compare);
	for (size_t i = 1; i < n; i++)
		if (p[i].at - p[i - 1].at < p[i - 1].bytes)
			return err_set(e, ERR_FORMAT, "two images in one place");
	return 0;
}

/* The first that ends behind a place on its side, or in its image. */
static size_t
find(const struct piece *p, size_t n, uint64_t at, bool in)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;
		uint64_t from = in ? p[middle].in : p[middle].at;

		if (from + p[middle].bytes <= at)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

size_t
pieces_find(const struct piece *p, size_t n, uint64_t at)
{
	return find(p, n, at, false);
}

/* How much of a copy lies before a place, all of it at most. */
static uint64_t
before(uint64_t from, uint64_t bytes, uint64_t at)
{
	if (at <= from)
		return 0;
	return at - from < bytes ? at - from : bytes;
}

bool
pieces_meet(const struct copy *c, const struct piece *old, const struct piece *new,
    struct copy *out)
{
	uint64_t from = before(c->old_at, c->bytes, old->at);
	uint64_t to = before(c->old_at, c->bytes, old->at + old->bytes);
	uint64_t n = before(c->new_at, c->bytes, new->at);

	from = n > from ? n : from;
	n = before(c->new_at, c->bytes, new->at + new->bytes);
	to = n < to ? n : to;
	if (old->image != new->image || from >= to)
		return false;
	*out = (struct copy){ c->old_at + from - old->at + old->in,
		c->new_at + from - new->at + new->in, to - from };
	return true;
}

void
pieces_whole(struct pieces *s, struct piece room[2], uint64_t old_bytes,
    uint64_t new_bytes)
{
	room[0] = (struct piece){ .bytes = old_bytes };
	room[1] = (struct piece){ .bytes = new_bytes };
	*s = (struct pieces){ room, room, room + 1, 1, 1 };
}

static int
read_gathered(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct gather *g = arg;
	const struct piece *p = g->pieces;
	uint8_t *to = out;

	memset(to, 0, n);
	for (size_t i = find(p, g->n, at, true); i < g->n && p[i].in < at + n; i++) {
		uint64_t from = p[i].in > at ? p[i].in : at;
		uint64_t end = p[i].in + p[i].bytes;

		end = end < at + n ? end : at + n;
		if (old_read(g->from, to + (from - at), (size_t)(end - from),
		    p[i].at + (from - p[i].in), e) == -1)
			return -1;
	}
	return 0;
}

void
gather_image(struct gather *g, const struct pieces *s, size_t image,
    const struct old *from)
{
	const struct piece *p = s->images, *end = s->n_olds == 0 ? p : p + s->n_olds;

	while (p < end && p->image < image)
		p++;
	*g = (struct gather){ { .arg = g, .read = read_gathered }, from, p, 0 };
	for (; p < end && p->image == image; p++, g->n++)
		g->old.bytes = p->in + p->bytes;
}
