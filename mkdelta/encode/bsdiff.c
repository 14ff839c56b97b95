#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/cancel.h"

#include "mkdelta/encode/alike.h"
#include "mkdelta/encode/hints.h"
#include "mkdelta/encode/mapped.h"
#include "mkdelta/encode/seeds.h"
#include "mkdelta/encode/suffix.h"

#include "mkdelta/encode/bsdiff.h"

enum {
	THRESHOLD = 8,		/* as Percival's */
	FOLLOW_BYTES = 16,	/* agreeing in a row: no other alignment is looked for */
	MATCH_MAX = 1 << 16,	/* compared at once: time stays linear on any bytes */
	CHECK_EVERY = 1 << 16,	/* searches between two looks at Ctrl-C */
	WINDOW_MIN = 2 << 20,
	SEEDS_SHARE = 4		/* of the memory, beside a window */
};

/* One file being matched. */
struct matcher {
	const uint8_t *old, *new;
	size_t n_old, n_new;
	const struct suffix *suffix;	/* of old[base...]; NULL: seeds alone */
	size_t base;
	struct seeds *seeds;	/* of all of old, or NULL */
	size_t window;		/* bytes that the suffix array is of; 0: of all */
	struct suffix *sliding;	/* that one, owned */
	size_t slide_at;	/* byte of new from which on it is to be another */
	struct hints hints;
	struct blocks *blocks;
	size_t done;		/* new bytes that blocks cover */
	size_t copy_at;		/* where the last block's copy begins in old */
	size_t scan;
	size_t searches;
	size_t looked_at;	/* byte of new at the last mapped_forget() */
	size_t threshold;	/* a new alignment must agree in more bytes more */
};

void
blocks_free(struct blocks *b)
{
	free(b->list);
	b->list = NULL;
	b->n = b->cap = 0;
}

int
blocks_add(struct blocks *b, struct block block, struct err *e)
{
	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 64 : b->cap * 2;
		struct block *grown = realloc(b->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for matches");
		b->list = grown;
		b->cap = cap;
	}
	b->list[b->n++] = block;
	return 0;
}

static int
add_block(struct blocks *b, uint64_t old_at, uint64_t copy, uint64_t extra, struct err *e)
{
	if (copy == 0 && extra == 0)
		return 0;
	if (copy == 0 && b->n > 0) {
		b->list[b->n - 1].extra += extra;
		return 0;
	}
	return blocks_add(b, (struct block){ old_at, copy, extra }, e);
}

/* Does new[at] agree with old in the alignment of the last block? */
static bool
agrees(const struct matcher *m, size_t at)
{
	size_t old_at = m->copy_at + (at - m->done);

	return old_at < m->n_old && m->old[old_at] == m->new[at];
}

/* How far the last block's copy reaches forward: twice the agreeing bytes less
 * all bytes is largest there. */
static size_t
reach_forward(const struct matcher *m, size_t end)
{
	size_t best_len = 0;
	int64_t score = 0, best = 0;

	for (size_t i = 0; m->done + i < end && m->copy_at + i < m->n_old; i++) {
		score += m->old[m->copy_at + i] == m->new[m->done + i] ? 1 : -1;
		if (score > best) {
			best = score;
			best_len = i + 1;
		}
	}
	return best_len;
}

/* The same backwards from the new match, down to what is done. */
static size_t
reach_backward(const struct matcher *m, size_t at)
{
	size_t best_len = 0;
	int64_t score = 0, best = 0;

	for (size_t i = 1; m->scan >= m->done + i && at >= i; i++) {
		score += m->old[at - i] == m->new[m->scan - i] ? 1 : -1;
		if (score > best) {
			best = score;
			best_len = i;
		}
	}
	return best_len;
}

/* Where both reaches overlap each byte goes to the side that agrees more:
 * how many of the overlap stay with the forward one. */
static size_t
split_overlap(const struct matcher *m, size_t forward, size_t backward, size_t at,
    size_t overlap)
{
	size_t best_len = 0;
	int64_t score = 0, best = 0;

	for (size_t i = 0; i < overlap; i++) {
		size_t n = forward - overlap + i;

		score += m->new[m->done + n] == m->old[m->copy_at + n];
		score -= m->new[m->scan - backward + i] == m->old[at - backward + i];
		if (score > best) {
			best = score;
			best_len = i + 1;
		}
	}
	return best_len;
}

/* Close the last block before the match at (scan, at), and begin its own. */
static int
close_block(struct matcher *m, size_t at, struct err *e)
{
	size_t forward = reach_forward(m, m->scan);
	size_t backward = m->scan < m->n_new ? reach_backward(m, at) : 0;

	if (m->done + forward > m->scan - backward) {
		size_t overlap = m->done + forward - (m->scan - backward);
		size_t keep = split_overlap(m, forward, backward, at, overlap);

		forward -= overlap - keep;
		backward -= keep;
	}
	if (add_block(m->blocks, m->copy_at, forward,
	    m->scan - backward - (m->done + forward), e) == -1)
		return -1;
	m->done = m->scan - backward;
	m->copy_at = at - backward;
	return 0;
}

/* How many bytes agree in a row with those at old_at. */
static size_t
follow(const struct matcher *m, size_t old_at, size_t max)
{
	if (old_at >= m->n_old)
		return 0;
	max = m->n_old - old_at < max ? m->n_old - old_at : max;
	return alike_bytes(m->old + old_at, m->new + m->scan, max);
}

/* Where the running alignment leads. */
static size_t
expected(const struct matcher *m)
{
	return m->copy_at + (m->scan - m->done);
}

/* The window moves on, to the neighbourhood of where the running alignment leads. */
static int
slide(struct matcher *m, struct err *e)
{
	size_t before = m->window / 4, last = m->n_old - m->window;

	if (m->window == 0 || m->scan < m->slide_at)
		return 0;
	suffix_free(m->sliding);
	m->sliding = NULL;
	m->base = expected(m) < before ? 0 : expected(m) - before;
	m->base = m->base < last ? m->base : last;
	m->slide_at = m->scan + m->window / 2;
	m->suffix = m->sliding = suffix_new(m->old + m->base, m->window, e);
	return m->suffix == NULL ? -1 : 0;
}

struct found_match {
	size_t len;		/* 0: none, or too short to begin a block */
	size_t rank;		/* in the suffix array, */
	size_t at;		/* or in old */
	bool ranked;
};

/* The longest match of what is at m->scan. */
static struct found_match
search(struct matcher *m, size_t max)
{
	struct found_match f = { .ranked = false };
	size_t at, len;

	if (hints_place(&m->hints, m->scan, &at) &&
	    (len = follow(m, at, max)) >= HINT_BYTES)
		return (struct found_match){ .len = len, .at = at };
	if (m->suffix != NULL && (m->threshold < THRESHOLD ||
	    suffix_may_have(m->suffix, m->new, m->scan, m->n_new))) {
		f.len = suffix_search(m->suffix, m->new + m->scan, max, &f.rank);
		f.ranked = true;
	}
	if (m->seeds == NULL)
		return f;
	len = seeds_search(m->seeds, m->new, m->scan, m->n_new, expected(m), &at);
	return len > f.len ? (struct found_match){ .len = len, .at = at } : f;
}

/* Of equal matches the one near to the running alignment. */
static size_t
place_of(const struct matcher *m, const struct found_match *f)
{
	size_t want = expected(m);

	if (!f->ranked)
		return f->at;
	return m->base + suffix_place(m->suffix, f->rank, f->len,
	    want < m->base ? 0 : want - m->base);
}

static int
match_all(struct matcher *m, struct err *e)
{
	struct found_match f = { .len = 0 };

	while (m->scan < m->n_new) {
		size_t agreed = 0, counted = m->scan += f.len;

		if (m->scan - m->looked_at > MAPPED_STEP) {
			m->looked_at = m->scan;
			mapped_forget(m->old);
			mapped_forget(m->new);
		}
		for (; m->scan < m->n_new; m->scan++) {
			size_t n = m->n_new - m->scan < MATCH_MAX ? m->n_new - m->scan :
			    MATCH_MAX;

			f.len = follow(m, expected(m), n);
			if (f.len >= FOLLOW_BYTES) {
				agreed = f.len;
				break;
			}
			if (slide(m, e) == -1)
				return -1;
			f = search(m, n);
			for (; counted < m->scan + f.len; counted++)
				agreed += agrees(m, counted);
			if ((f.len == agreed && f.len != 0) ||
			    f.len > agreed + m->threshold)
				break;
			agreed -= agrees(m, m->scan);
			if (++m->searches % CHECK_EVERY == 0 && cancel_check(e) == -1)
				return -1;
		}
		if ((f.len != agreed || m->scan == m->n_new) && close_block(m,
		    m->scan < m->n_new ? place_of(m, &f) : 0, e) == -1)
			return -1;
	}
	return 0;
}

int
bsdiff_rough(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    uint64_t memory_bytes, const struct blocks *hints, struct blocks *blocks,
    struct err *e)
{
	struct matcher m = { .old = old, .new = new, .n_old = n_old, .n_new = n_new,
		.hints.blocks = hints, .blocks = blocks, .threshold = THRESHOLD };
	int rc;

	if ((m.seeds = seeds_new(old, n_old, memory_bytes, e)) == NULL)
		return -1;
	rc = match_all(&m, e);
	seeds_free(m.seeds);
	return rc;
}

int
bsdiff_blocks(const uint8_t *old, size_t n_old, const struct suffix *whole,
    const uint8_t *new, size_t n_new, unsigned threshold, uint64_t memory_bytes,
    const struct blocks *hints, struct blocks *blocks, struct err *e)
{
	struct matcher m = { .old = old, .new = new, .n_old = n_old, .n_new = n_new,
		.suffix = whole, .hints.blocks = hints, .blocks = blocks,
		.threshold = threshold };
	uint64_t for_seeds = memory_bytes / SEEDS_SHARE;
	uint64_t window = suffix_bytes(memory_bytes - for_seeds);
	int rc;

	if (whole != NULL)
		return match_all(&m, e);
	if (window < WINDOW_MIN)
		window = WINDOW_MIN;
	m.window = window < n_old ? (size_t)window : n_old;
	if (m.window < n_old &&
	    (m.seeds = seeds_new(old, n_old, for_seeds, e)) == NULL)
		return -1;
	rc = match_all(&m, e);
	seeds_free(m.seeds);
	suffix_free(m.sliding);
	return rc;
}
