#include <string.h>

#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/mapped.h"
#include "mkdelta/encode/squeeze.h"

#include "mkdelta/encode/prices.h"

enum {
	FRESH_PRICE = 4 * PRICE_BIT,	/* if there are too few to tell */
	CHANGE_PRICE = 9 * PRICE_BIT,
	FRESH_MIN = 2048,
	CHANGES_MIN = 512,
	SAMPLE_BYTES = 512 << 10,
	STRETCH = 16 << 10,
	SAMPLE_CHANGES = 32 << 10,
	STRETCH_CHANGES = 1 << 10,
	EFFORT = 1,
	MUCH = 16,			/* one part in so many of all fresh bytes */
	NEXT_PRICE = 28 * PRICE_BIT,
	ELSEWHERE_PRICE = 60 * PRICE_BIT,
	BLOCKS_MIN = 256,
	SAMPLE_BLOCKS = 32 << 10,
	SAMPLE_BLOCKS_CODE = 8 << 10,	/* they are more alike there */
	STRETCHES = 32,			/* of a sample, each of neighbours */
	NEAR = 8,
	CLASS_EXACT = 32,		/* runs below are their own class */
	CLASS_PARTS = 4			/* classes of a power of two */
};

/* ---- fresh bytes ---- */

/* Stretches of fresh bytes, evenly over all of them. */
static int
sample_fresh(const struct blocks *b, const uint8_t *new, uint64_t fresh, struct buf *out,
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

static int
learn_fresh(struct prices *p, const struct blocks *b, const uint8_t *new,
    enum delta_kind kind, struct err *e)
{
	struct buf sample = BUF_INIT(2 * (SAMPLE_BYTES + STRETCH));
	uint64_t fresh = 0;
	size_t packed;
	int rc = 0;

	for (size_t i = 0; i < b->n; i++)
		fresh += b->list[i].extra;
	if (p->fresh_bytes != 0 && fresh >= p->fresh_bytes &&
	    fresh - p->fresh_bytes < p->fresh_bytes / MUCH)
		return 0;
	p->fresh = FRESH_PRICE;
	p->fresh_bytes = fresh;
	if (fresh >= FRESH_MIN && (rc = sample_fresh(b, new, fresh, &sample, e)) == 0 &&
	    (rc = squeeze_guess(kind, effort_of(EFFORT), &sample, &packed, e)) == 0)
		p->fresh = (int64_t)(packed * 8 * PRICE_BIT / sample.len);
	buf_free(&sample);
	return rc;
}

/* ---- blocks ---- */

static int
add_block(struct buf numbers[3], const struct block *k, uint64_t expected, struct err *e)
{
	return buf_add_varint(&numbers[0], zigzag((int64_t)(k->old_at - expected)),
	    e) == -1 || buf_add_varint(&numbers[1], k->copy, e) == -1 ||
	    buf_add_varint(&numbers[2], k->extra, e) == -1 ? -1 : 0;
}

/* Stretches of blocks, and what they would cost at the usual prices. */
static int
sample_blocks(const struct blocks *b, size_t most, struct buf numbers[3], int64_t *usual,
    struct err *e)
{
	size_t every = b->n / most + 1, stretch = most / STRETCHES;
	uint64_t expected = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		if (i / stretch % every == 0) {
			*usual += k->old_at == expected ? NEXT_PRICE : ELSEWHERE_PRICE;
			if (add_block(numbers, k, expected, e) == -1)
				return -1;
		}
		expected = k->old_at + k->copy + k->extra;
	}
	return 0;
}

static int
learn_blocks(struct prices *p, const struct blocks *b, enum delta_kind kind,
    struct err *e)
{
	static const enum delta_kind kinds[] = { DELTA_SEEK, DELTA_COPY, DELTA_FRESH };
	struct buf numbers[3];
	size_t packed = 0, all = 0;
	int64_t usual = 0;
	int rc = 0;

	p->next = NEXT_PRICE;
	p->elsewhere = ELSEWHERE_PRICE;
	if (b->n < BLOCKS_MIN)
		return 0;
	for (size_t i = 0; i < 3; i++)
		buf_init(&numbers[i], SIZE_MAX / 2);
	rc = sample_blocks(b, kind == DELTA_CODE ? SAMPLE_BLOCKS_CODE : SAMPLE_BLOCKS,
	    numbers, &usual, e);
	for (size_t i = 0; i < 3; i++) {
		if (rc == 0)
			rc = squeeze_guess(kinds[i], effort_of(EFFORT), &numbers[i],
			    &packed, e);
		all += packed;
		buf_free(&numbers[i]);
	}
	if (rc == 0 && usual > 0) {
		all *= 8 * PRICE_BIT * PRICE_WORTH / 4;
		p->next = p->next * (int64_t)all / usual;
		p->elsewhere = p->elsewhere * (int64_t)all / usual;
	}
	return rc;
}

/* ---- changes ---- */

static unsigned
log2_floor(uint64_t v)
{
	return 63 - (unsigned)__builtin_clzll(v | 1);
}

/* log2(v) in PRICE_BITs, v > 0: what is behind the first bit as a fraction. */
static uint32_t
log2_price(uint64_t v)
{
	unsigned log = log2_floor(v);
	uint64_t rest = v ^ (uint64_t)1 << log;

	return log * PRICE_BIT +
	    (uint32_t)(log > 16 ? rest >> (log - 4) : rest * PRICE_BIT >> log);
}

static unsigned
run_class(uint64_t run, uint32_t *rest_bits)
{
	unsigned log = log2_floor(run), class;

	*rest_bits = 0;
	if (run < CLASS_EXACT)
		return (unsigned)run;
	*rest_bits = log - 2;
	class = CLASS_EXACT + (log - 5) * CLASS_PARTS + (unsigned)(run >> (log - 2) & 3);
	return class < PRICE_RUNS ? class : PRICE_RUNS - 1;
}

static uint64_t
agreeing(const uint8_t *old, const uint8_t *new, uint64_t at, uint64_t n)
{
	uint64_t a, b;

	for (; at + sizeof a <= n; at += sizeof a) {
		memcpy(&a, old + at, sizeof a);
		memcpy(&b, new + at, sizeof b);
		if (a != b)
			break;
	}
	while (at < n && old[at] == new[at])
		at++;
	return at;
}

/* The next place at or after `at` where the two differ, n if there is none. */
static uint64_t
next_change(const uint8_t *old, const uint8_t *new, uint64_t at, uint64_t n)
{
	for (;;) {
		uint64_t left = MAPPED_STEP - ((uintptr_t)(new + at) &
		    (MAPPED_STEP - 1));
		uint64_t end = n - at < left ? n : at + left;

		if ((at = agreeing(old, new, at, end)) < end || end == n)
			return at;
		mapped_forget(old + at);
		mapped_forget(new + at);
	}
}

static unsigned
near(uint64_t run)
{
	return run == 0 ? 0 : run < NEAR ? 1 : 2;
}

/* The changes of all copies, and a sample of them as the streams have it. */
struct changes {
	uint64_t change[PRICE_NEAR][256], n_near[PRICE_NEAR], run[PRICE_RUNS], n;
	uint64_t every;			/* 0: only count */
	uint64_t seen;
	const struct prices *prices;	/* of the sample: */
	uint64_t price;
	struct buf runs, bytes;
};

static uint32_t
price_of(const struct prices *p, uint64_t run, uint8_t change)
{
	uint32_t rest, class = run_class(run, &rest);

	return p->change[near(run)][change] + p->run[class] + rest * PRICE_BIT;
}

static int
see_change(struct changes *c, uint64_t run, uint8_t change, struct err *e)
{
	uint32_t rest;

	if (c->every == 0) {
		c->change[near(run)][change]++;
		c->n_near[near(run)]++;
		c->run[run_class(run, &rest)]++;
		c->n++;
		return 0;
	}
	if (c->seen++ / STRETCH_CHANGES % c->every != 0)
		return 0;
	c->price += price_of(c->prices, run, change);
	return buf_add_varint(&c->runs, run, e) == -1 ? -1 :
	    buf_add_byte(&c->bytes, change, e);
}

static int
see_changes(struct changes *c, const struct blocks *b, const uint8_t *old,
    const uint8_t *new, struct err *e)
{
	uint64_t run = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];
		const uint8_t *was = old + k->old_at;
		uint64_t from = 0, at;

		while ((at = next_change(was, new, from, k->copy)) < k->copy) {
			if (see_change(c, run + at - from, (uint8_t)(new[at] - was[at]),
			    e) == -1)
				return -1;
			run = 0;
			from = at + 1;
		}
		run += k->copy - from;
		new += k->copy + k->extra;
	}
	return 0;
}

/* What n things cost of which there are count[i] of each kind. */
static void
price_kinds(const uint64_t *count, size_t kinds, uint64_t n, uint32_t *price)
{
	for (size_t i = 0; i < kinds; i++)
		price[i] = log2_price(n + kinds) - log2_price(count[i] + 1);
}

/* Make the prices so that the sample costs `bits`. */
static void
scale(struct prices *p, uint64_t bits, uint64_t price)
{
	for (size_t i = 0; i < 256 * PRICE_NEAR; i++)
		p->change[i / 256][i % 256] = (uint32_t)(p->change[i / 256][i % 256] *
		    bits / price);
	for (size_t i = 0; i < PRICE_RUNS; i++)
		p->run[i] = (uint32_t)(p->run[i] * bits / price);
}

static int
learn_scale(struct prices *p, struct changes *c, const struct blocks *b,
    const uint8_t *old, const uint8_t *new, struct err *e)
{
	size_t runs, bytes;

	c->every = c->n / SAMPLE_CHANGES + 1;
	c->prices = p;
	if (see_changes(c, b, old, new, e) == -1 ||
	    squeeze_guess(DELTA_RUNS, effort_of(EFFORT), &c->runs, &runs, e) == -1 ||
	    squeeze_guess(DELTA_CHANGES, effort_of(EFFORT), &c->bytes, &bytes, e) == -1)
		return -1;
	if (c->price > 0)
		scale(p, (uint64_t)(runs + bytes) * 8 * PRICE_BIT, c->price);
	return 0;
}

static int
learn_changes(struct prices *p, const struct blocks *b, const uint8_t *old,
    const uint8_t *new, struct err *e)
{
	struct changes c = { .every = 0 };
	int rc;

	for (size_t i = 0; i < 256 * PRICE_NEAR; i++)
		p->change[i / 256][i % 256] = CHANGE_PRICE;
	memset(p->run, 0, sizeof p->run);
	buf_init(&c.runs, SIZE_MAX / 2);
	buf_init(&c.bytes, SIZE_MAX / 2);
	rc = see_changes(&c, b, old, new, e);
	if (rc == 0 && c.n >= CHANGES_MIN) {
		for (size_t i = 0; i < PRICE_NEAR; i++)
			price_kinds(c.change[i], 256, c.n_near[i], p->change[i]);
		price_kinds(c.run, PRICE_RUNS, c.n, p->run);
		rc = learn_scale(p, &c, b, old, new, e);
	}
	buf_free(&c.runs);
	buf_free(&c.bytes);
	return rc;
}

int
prices_learn(struct prices *p, const struct blocks *b, const uint8_t *old,
    const uint8_t *new, enum delta_kind kind, struct err *e)
{
	if (learn_fresh(p, b, new, kind, e) == -1 || learn_blocks(p, b, kind, e) == -1)
		return -1;
	return learn_changes(p, b, old, new, e);
}

int64_t
prices_changes(const struct prices *p, const uint8_t *old, const uint8_t *new, uint64_t n)
{
	uint64_t from = 0, at;
	int64_t sum = 0;

	while ((at = next_change(old, new, from, n)) < n) {
		sum += price_of(p, at - from, (uint8_t)(new[at] - old[at]));
		from = at + 1;
	}
	return sum;
}
