#include <stdlib.h>
#include <string.h>

#include "mkdelta/squeeze.h"

#include "mkdelta/prune.h"

/* Costs in sixteenths of a bit, as measured over many pairs of releases. */
enum {
	BIT = 16,
	COST_BLOCK = 60 * BIT,		/* of a copy somewhere else */
	COST_NEXT = 28 * BIT,		/* of one that goes on behind the fresh bytes */
	COST_CHANGE = 9 * BIT,		/* of a byte that is not as it was */
	COST_FRESH = 4 * BIT,		/* if there are too few to tell */
	FRESH_MIN = 2048,
	SAMPLE_BYTES = 512 << 10,
	STRETCH = 16 << 10,
	ROUNDS = 4,
	EFFORT = 2,
	SLACK = 8	/* the costs are guesses: no worse by more than an eighth */
};

/* Stretches of fresh bytes, evenly over all of them. */
static int
take_sample(const struct blocks *b, const uint8_t *new, uint64_t fresh, struct buf *out,
    struct err *e)
{
	uint64_t every = fresh / SAMPLE_BYTES + 1, seen = 0;

	for (size_t i = 0; i < b->n; i++) {
		uint64_t left = b->list[i].extra;

		new += b->list[i].copy;
		while (left > 0) {
			uint64_t in = STRETCH - seen % STRETCH, n = left < in ? left : in;

			if (seen / STRETCH % every == 0 &&
			    buf_add(out, new, (size_t)n, e) == -1)
				return -1;
			new += n;
			seen += n;
			left -= n;
		}
	}
	return 0;
}

/* What a fresh byte costs. */
static int
fresh_cost(const struct blocks *b, const uint8_t *new, enum delta_kind kind,
    int64_t *cost, struct err *e)
{
	struct buf sample = BUF_INIT(2 * (SAMPLE_BYTES + STRETCH));
	uint64_t fresh = 0;
	size_t packed;
	int rc = 0;

	for (size_t i = 0; i < b->n; i++)
		fresh += b->list[i].extra;
	*cost = COST_FRESH;
	if (fresh >= FRESH_MIN && (rc = take_sample(b, new, fresh, &sample, e)) == 0 &&
	    (rc = squeeze_guess(kind, effort_of(EFFORT), &sample, &packed, e)) == 0)
		*cost = (int64_t)(packed * 8 * BIT / sample.len);
	buf_free(&sample);
	return rc;
}

static uint64_t
changed_bytes(const uint8_t *old, const uint8_t *new, uint64_t n)
{
	uint64_t changed = 0;

	for (uint64_t i = 0; i < n; i++)
		changed += old[i] != new[i];
	return changed;
}

/* What a copy costs, at this place of the new file. */
static int64_t
copy_cost(const struct block *k, const uint8_t *old, const uint8_t *new, uint64_t at,
    uint64_t expected)
{
	uint64_t changed = changed_bytes(old + k->old_at, new + at, k->copy);

	return (int64_t)changed * COST_CHANGE +
	    (k->old_at == expected ? COST_NEXT : COST_BLOCK);
}

static int64_t
total(const struct blocks *b, const uint8_t *old, const uint8_t *new, int64_t cost)
{
	uint64_t at = 0, expected = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		sum += copy_cost(k, old, new, at, expected) + (int64_t)k->extra * cost;
		at += k->copy + k->extra;
		expected = k->old_at + k->copy + k->extra;
	}
	return sum;
}

/* How many copies were left out. */
static size_t
prune_once(struct blocks *b, const uint8_t *old, const uint8_t *new, int64_t cost)
{
	uint64_t at = 0, expected = 0;
	size_t kept = 0, before = b->n;

	for (size_t i = 0; i < b->n; i++) {
		struct block k = b->list[i];
		int64_t copied = copy_cost(&k, old, new, at, expected);

		at += k.copy + k.extra;
		if (kept > 0 && copied > (int64_t)k.copy * cost) {
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
 * already: what all costs by the new fresh bytes tells. */
static int
prune_more(struct blocks *b, const uint8_t *old, const uint8_t *new,
    enum delta_kind kind, int64_t *bits, struct err *e)
{
	struct block *spare = calloc(b->n + 1, sizeof *spare);
	size_t n = b->n;
	int64_t cost, then;
	int more = -1;

	if (spare == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(spare, b->list, n * sizeof *spare);
	if (fresh_cost(b, new, kind, &cost, e) == 0) {
		*bits = total(b, old, new, cost);
		more = prune_once(b, old, new, cost) > n / 64;
	}
	if (more == 1 && (more = fresh_cost(b, new, kind, &cost, e)) == 0) {
		then = total(b, old, new, cost);
		more = then < *bits + *bits / SLACK;
		if (more == 0) {
			memcpy(b->list, spare, n * sizeof *spare);
			b->n = n;
		} else
			*bits = then;
	}
	free(spare);
	return more;
}

int
prune(struct blocks *b, const uint8_t *old, const uint8_t *new, enum delta_kind kind,
    int64_t *bits, struct err *e)
{
	int more = b->n > 0;

	*bits = 0;
	for (int round = 0; more == 1 && round < ROUNDS; round++)
		more = prune_more(b, old, new, kind, bits, e);
	*bits /= BIT;
	return more == -1 ? -1 : 0;
}
