#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/prices.h"
#include "mkdelta/encode/squeeze.h"

#include "mkdelta/encode/prune.h"

enum {
	ROUNDS = 4,
	DOUBTFUL = 8,		/* copies that cost so small a part of fresh bytes */
	GROUP_MIN = 2048,	/* bytes of doubtful copies, packed to learn what they */
	GROUP = 32 << 10,	/* would cost fresh */
	EFFORT = 2,
	SURE = 128,		/* what bold pruning must win: so small a part */
	SLACK = 64	/* costs are guesses: no worse by more than so small a part */
};

/* Blocks, and what the changes of each cost. */
struct priced {
	struct blocks *blocks;
	const uint8_t *old, *new;
	enum delta_kind kind;
	struct prices prices;
	int64_t *changes;
	int64_t *fresh;		/* what a byte of each copy would cost as a fresh one */
	int64_t bits;		/* what all cost at these prices */
	int64_t packed;		/* the same, and a block no more than its numbers */
};

static int64_t
copy_cost(const struct priced *p, size_t i, uint64_t expected)
{
	return p->changes[i] + (p->blocks->list[i].old_at == expected ? p->prices.next :
	    p->prices.elsewhere);
}

/* Prices by the blocks as they are, and what all of them cost. */
static int
price(struct priced *p, struct err *e)
{
	const struct blocks *b = p->blocks;
	uint64_t at = 0, expected = 0;
	int64_t numbers = 0, rest = 0;

	if (prices_learn(&p->prices, b, p->old, p->new, p->kind, e) == -1)
		return -1;
	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		p->changes[i] = prices_changes(&p->prices, p->old + k->old_at,
		    p->new + at, k->copy);
		numbers += copy_cost(p, i, expected) - p->changes[i];
		rest += p->changes[i] + (int64_t)k->extra * p->prices.fresh;
		at += k->copy + k->extra;
		expected = k->old_at + k->copy + k->extra;
	}
	p->bits = rest + numbers;
	p->packed = rest + numbers * 4 / PRICE_WORTH;
	return 0;
}

/* ---- what copies would cost as fresh bytes ---- */

/* The doubtful copies first to last - 1, whose bytes are in `group`. */
static int
price_group(struct priced *p, size_t first, size_t last, struct buf *group,
    struct err *e)
{
	size_t packed;
	int64_t price;

	if (group->len < GROUP_MIN)
		return 0;
	if (squeeze_guess(p->kind, effort_of(EFFORT), group, &packed, e) == -1)
		return -1;
	price = (int64_t)(packed * 8 * PRICE_BIT / group->len);
	for (; first < last; first++)
		if (price < p->fresh[first])
			p->fresh[first] = price;
	buf_reset(group);
	return 0;
}

/* Tables and text are cheaper than what is fresh elsewhere in a program: where copies
 * are doubtful, what stands there is packed. */
static int
price_copies(struct priced *p, struct err *e)
{
	const struct blocks *b = p->blocks;
	struct buf group = BUF_INIT(SIZE_MAX / 2);
	uint64_t at = 0, expected = 0;
	size_t first = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->n; i++) {
		const struct block *k = &b->list[i];
		uint64_t n = k->copy < GROUP ? k->copy : GROUP;

		if (copy_cost(p, i, expected) * DOUBTFUL > (int64_t)k->copy *
		    p->prices.fresh)
			rc = buf_add(&group, p->new + at, (size_t)n, e);
		if (rc == 0 && group.len >= GROUP) {
			rc = price_group(p, first, i + 1, &group, e);
			first = i + 1;
		}
		at += k->copy + k->extra;
		expected = k->old_at + k->copy + k->extra;
	}
	if (rc == 0)
		rc = price_group(p, first, b->n, &group, e);
	buf_free(&group);
	return rc;
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
		    (int64_t)k.copy * p->fresh[i]) {
			b->list[kept - 1].extra += k.copy + k.extra;
			expected += k.copy + k.extra;
		} else {
			p->changes[kept] = p->changes[i];
			b->list[kept++] = k;
			expected = k.old_at + k.copy + k.extra;
		}
	}
	b->n = kept;
	return before - kept;
}

/* ---- rounds ---- */

/* Copies that are left out may be of quite other bytes than those that were fresh
 * already: what all costs by the new prices tells.  1: it is worth another try. */
static int
prune_more(struct priced *p, bool bold, struct block *spare, int64_t *changes,
    struct err *e)
{
	struct blocks *b = p->blocks;
	const struct priced before = *p;
	size_t n = b->n;

	memcpy(spare, b->list, n * sizeof *spare);
	memcpy(changes, p->changes, n * sizeof *changes);
	for (size_t i = 0; i < n; i++)
		p->fresh[i] = p->prices.fresh;
	if (bold && price_copies(p, e) == -1)
		return -1;
	if (prune_once(p) <= n / 64)
		return 0;
	if (price(p, e) == -1)
		return -1;
	if (bold ? p->packed < before.packed - before.packed / SURE :
	    p->bits < before.bits + before.bits / SLACK)
		return 1;
	*p = before;
	memcpy(b->list, spare, n * sizeof *spare);
	memcpy(p->changes, changes, n * sizeof *changes);
	b->n = n;
	return 0;
}

/* Carefully first, then boldly. */
static int
prune_rounds(struct priced *p, struct block *spare, int64_t *changes, struct err *e)
{
	if (p->blocks->n == 0)
		return 0;
	if (price(p, e) == -1)
		return -1;
	for (int bold = 0; bold < 2; bold++)
		for (int round = 0; round < ROUNDS; round++) {
			int more = prune_more(p, bold == 1, spare, changes, e);

			if (more == -1)
				return -1;
			if (more == 0)
				break;
		}
	return 0;
}

int
prune(struct blocks *b, const uint8_t *old, const uint8_t *new, enum delta_kind kind,
    int64_t *bits, struct err *e)
{
	struct priced p = { .blocks = b, .old = old, .new = new, .kind = kind };
	struct block *spare = calloc(b->n + 1, sizeof *spare);
	int64_t *changes = calloc(b->n + 1, sizeof *changes);
	int rc;

	p.changes = calloc(b->n + 1, sizeof *p.changes);
	p.fresh = calloc(b->n + 1, sizeof *p.fresh);
	if (spare == NULL || changes == NULL || p.changes == NULL || p.fresh == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = prune_rounds(&p, spare, changes, e);
	free(spare);
	free(changes);
	free(p.changes);
	free(p.fresh);
	*bits = p.bits / PRICE_BIT;
	return rc;
}
