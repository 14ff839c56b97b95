#include "mkdelta/encode/windows.h"

#include "mkdelta/encode/hints.h"

enum { WANTED_BITS = 16 };

bool
hints_place(struct hints *h, size_t at, size_t *old_at)
{
	const struct block *k;

	if (h->blocks == NULL)
		return false;
	for (; h->i < h->blocks->n; h->i++) {
		k = &h->blocks->list[h->i];
		if (at < h->at + k->copy + k->extra)
			break;
		h->at += k->copy + k->extra;
	}
	if (h->i == h->blocks->n || at < h->at)
		return false;
	k = &h->blocks->list[h->i];
	*old_at = (size_t)(k->old_at + (at - h->at));
	return at < h->at + k->copy;
}

/* One piece of new where no hint leads, from `from` to `to`: counted, or added. */
struct pieces {
	const uint8_t *new;
	size_t n_new;
	uint64_t sum;
	struct windows *windows;	/* NULL: only counted */
};

static void
piece(struct pieces *p, size_t from, size_t to)
{
	if (from >= to)
		return;
	p->sum += to - from;
	if (p->windows != NULL)
		windows_add(p->windows, p->new, p->n_new, from, to);
}

/* Stretches of HINT_BYTES and more that agree are what is not wanted, but their end. */
static void
find_pieces(struct pieces *p, const struct blocks *b, const uint8_t *old)
{
	size_t at = 0, from = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];
		const uint8_t *was = old + k->old_at, *is = p->new + at;
		size_t n = (size_t)k->copy, run = 0;

		for (size_t j = 0; j <= n; j++) {
			if (j < n && was[j] == is[j]) {
				run++;
				continue;
			}
			if (run >= HINT_BYTES) {
				piece(p, from, at + j - run);
				from = at + j - HINT_BYTES + 1;
			}
			run = 0;
		}
		at += (size_t)(k->copy + k->extra);
	}
	piece(p, from, p->n_new);
}

int
hints_wanted(const struct blocks *b, const uint8_t *old, const uint8_t *new, size_t n_new,
    struct windows **out, struct err *e)
{
	struct pieces p = { .new = new, .n_new = n_new };

	*out = NULL;
	find_pieces(&p, b, old);
	if (p.sum > n_new / 2)
		return 0;
	if ((p.windows = windows_empty(p.sum, WANTED_BITS, e)) != NULL)
		find_pieces(&p, b, old);
	*out = p.windows;
	return p.windows == NULL ? -1 : 0;
}
