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

size_t
pieces_find(const struct piece *p, size_t n, uint64_t at)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p[middle].at + p[middle].bytes <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
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

struct gather
gather_image(const struct pieces *s, size_t image, const struct old *old,
    uint64_t *bytes)
{
	struct gather g = { old, s->images, 0 };
	size_t first = 0;

	while (first < s->n_olds && s->images[first].image < image)
		first++;
	while (first + g.n < s->n_olds && s->images[first + g.n].image == image)
		g.n++;
	*bytes = 0;
	if (g.n > 0) {
		g.pieces += first;
		*bytes = (uint64_t)g.pieces[g.n - 1].in + g.pieces[g.n - 1].bytes;
	}
	return g;
}

int
gather_read(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct gather *g = arg;
	uint8_t *to = out;
	size_t low = 0, high = g->n;

	memset(to, 0, n);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uint64_t)g->pieces[middle].in + g->pieces[middle].bytes <= at)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < g->n && g->pieces[low].in < at + n; low++) {
		const struct piece *p = &g->pieces[low];
		uint64_t from = p->in > at ? p->in : at;
		uint64_t end = (uint64_t)p->in + p->bytes;

		end = end < at + n ? end : at + n;
		if (old_read(g->old, to + (from - at), (size_t)(end - from),
		    p->at + (from - p->in), e) == -1)
			return -1;
	}
	return 0;
}
