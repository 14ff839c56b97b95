#include <stdlib.h>
#include <string.h>

#include "mkdelta/prices.h"

#include "mkdelta/prune.h"

enum {
	ROUNDS = 4,
	SLACK = 64	/* costs are guesses: no worse by more than so small a part */
};

/* Blocks, and what the changes of each cost. */
struct priced {
	struct blocks *blocks;
	const uint8_t *old, *new;
	enum delta_kind kind;
	struct prices prices;
	int64_t *changes;
};

static int64_t
copy_cost(const struct priced *p, size_t i, uint64_t expected)
{
	return p->changes[i] + (p->blocks->list[i].old_at == expected ? p->prices.next :
	    p->prices.elsewhere);
}

/* Prices by the blocks as they are; *bits: what all of them cost. */
static int
price(struct priced *p, int64_t *bits, struct err *e)
{
	const struct blocks *b = p->blocks;
	uint64_t at = 0, expected = 0;

	if (prices_learn(&p->prices, b, p->old, p->new, p->kind, e) == -1)
		return -1;
	*bits = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		p->changes[i] = prices_changes(&p->prices, p->old + k->old_at,
		    p->new + at, k->copy);
		*bits += copy_cost(p, i, expected) + (int64_t)k->extra * p->prices.fresh;
		at += k->copy + k->extra;
		expected = k->old_at + k->copy + k->extra;
	}
	return 0;
}

/* How many copies were left out. */
static size_t
prune_once(struct priced *p)
{
	struct blocks *b = p->blocks;
	uint64_t expected = 0;
	size_t kept = 0, before = b->n;

	for (size_t i = 0; i < b->n; i++) {
		struct block k = b->list[i];

		if (kept > 0 && copy_cost(p, i, expected) >
		    (int64_t)k.copy * p->prices.fresh) {
			b->list[kept - 1].extra += k.copy + k.extra;
			expected += k.copy + k.extra;
		} else {
			b->list[kept++] = k;
			expected = k.old_at + k.copy + k.extra;
		}
	}
	b->n = kept;
	return before - kept;
}

/* Copies that are left out may be of quite other bytes than those that were fresh
 * already: what all costs by the new prices tells.  1: it is worth another try. */
static int
prune_more(struct priced *p, struct block *spare, int64_t *bits, struct err *e)
{
	struct blocks *b = p->blocks;
	size_t n = b->n;
	int64_t then;

	memcpy(spare, b->list, n * sizeof *spare);
	if (prune_once(p) <= n / 64)
		return 0;
	if (price(p, &then, e) == -1)
		return -1;
	if (then < *bits + *bits / SLACK) {
		*bits = then;
		return 1;
	}
	memcpy(b->list, spare, n * sizeof *spare);
	b->n = n;
	return 0;
}

int
prune(struct blocks *b, const uint8_t *old, const uint8_t *new, enum delta_kind kind,
    int64_t *bits, struct err *e)
{
	struct priced p = { .blocks = b, .old = old, .new = new, .kind = kind };
	struct block *spare = calloc(b->n + 1, sizeof *spare);
	int more = b->n > 0;

	*bits = 0;
	p.changes = calloc(b->n + 1, sizeof *p.changes);
	if (spare == NULL || p.changes == NULL)
		more = err_set(e, ERR_NOMEM, "out of memory");
	if (more == 1 && price(&p, bits, e) == -1)
		more = -1;
	for (int round = 0; more == 1 && round < ROUNDS; round++)
		more = prune_more(&p, spare, bits, e);
	free(spare);
	free(p.changes);
	*bits /= PRICE_BIT;
	return more == -1 ? -1 : 0;
}
