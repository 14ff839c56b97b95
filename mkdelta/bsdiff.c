#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/cancel.h"

#include "mkdelta/seeds.h"
#include "mkdelta/suffix.h"

#include "mkdelta/bsdiff.h"

enum {
	THRESHOLD = 8,		/* as Percival's */
	FOLLOW_BYTES = 16,	/* agreeing in a row: no other alignment is looked for */
	MATCH_MAX = 1 << 16,	/* compared at once: time stays linear on any bytes */
	CHECK_EVERY = 1 << 16,	/* searches between two looks at Ctrl-C */
	WINDOW_MIN = 2 << 20
};

/* One file or segment being matched. */
struct matcher {
	const uint8_t *old, *new;
	size_t n_old, n_new;
	const struct suffix *suffix;
	struct seeds *seeds;	/* instead, if suffix is NULL */
	uint64_t old_base;	/* of this segment, in the whole old file */
	struct blocks *blocks;
	size_t done;		/* new bytes that blocks cover */
	size_t copy_at;		/* where the last block's copy begins in old */
	size_t scan;
	size_t searches;
	size_t threshold;	/* a new alignment must agree in more bytes more */
};

void
blocks_free(struct blocks *b)
{
	free(b->list);
	b->list = NULL;
	b->n = b->cap = 0;
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
	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 64 : b->cap * 2;
		struct block *grown = realloc(b->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for matches");
		b->list = grown;
		b->cap = cap;
	}
	b->list[b->n++] = (struct block){ old_at, copy, extra };
	return 0;
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
	if (add_block(m->blocks, m->old_base + m->copy_at, forward,
	    m->scan - backward - (m->done + forward), e) == -1)
		return -1;
	m->done = m->scan - backward;
	m->copy_at = at - backward;
	return 0;
}

/* How many bytes agree in a row in the alignment of the last block. */
static size_t
follow(const struct matcher *m, size_t max)
{
	size_t old_at = m->copy_at + (m->scan - m->done), n = 0;

	while (n < max && old_at + n < m->n_old &&
	    m->old[old_at + n] == m->new[m->scan + n])
		n++;
	return n;
}

/* The longest match of what is at m->scan, 0 if it is too short to begin a block; of its
 * place `rank` or `at` is set. */
static size_t
search(struct matcher *m, size_t max, size_t *rank, size_t *at)
{
	if (m->suffix != NULL && m->threshold >= THRESHOLD &&
	    !suffix_may_have(m->suffix, m->new, m->scan, m->n_new))
		return 0;
	if (m->suffix != NULL)
		return suffix_search(m->suffix, m->new + m->scan, max, rank);
	return seeds_search(m->seeds, m->new, m->scan, m->n_new,
	    m->copy_at + (m->scan - m->done), at);
}

static int
match_segment(struct matcher *m, struct err *e)
{
	size_t len = 0, rank = 0, at = 0;

	while (m->scan < m->n_new) {
		size_t agreed = 0, counted = m->scan += len;

		for (; m->scan < m->n_new; m->scan++) {
			size_t n = m->n_new - m->scan < MATCH_MAX ? m->n_new - m->scan :
			    MATCH_MAX;

			len = follow(m, n);
			if (len >= FOLLOW_BYTES) {
				agreed = len;
				break;
			}
			len = search(m, n, &rank, &at);
			for (; counted < m->scan + len; counted++)
				agreed += agrees(m, counted);
			if ((len == agreed && len != 0) || len > agreed + m->threshold)
				break;
			agreed -= agrees(m, m->scan);
			if (++m->searches % CHECK_EVERY == 0 && cancel_check(e) == -1)
				return -1;
		}
		if (m->suffix != NULL && m->scan < m->n_new && len != agreed)
			at = suffix_place(m->suffix, rank, len,
			    m->copy_at + (m->scan - m->done));
		if ((len != agreed || m->scan == m->n_new) && close_block(m, at, e) == -1)
			return -1;
	}
	return 0;
}

static int
match(const uint8_t *old, size_t n_old, uint64_t old_base, const struct suffix *suffix,
    const uint8_t *new, size_t n_new, unsigned threshold, struct blocks *blocks,
    struct err *e)
{
	struct matcher m = { .old = old, .new = new, .n_old = n_old, .n_new = n_new,
		.suffix = suffix, .old_base = old_base, .blocks = blocks,
		.threshold = threshold };

	return match_segment(&m, e);
}

int
bsdiff_rough(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    struct blocks *blocks, struct err *e)
{
	struct matcher m = { .old = old, .new = new, .n_old = n_old, .n_new = n_new,
		.blocks = blocks, .threshold = THRESHOLD };
	int rc;

	if ((m.seeds = seeds_new(old, n_old, e)) == NULL)
		return -1;
	rc = match_segment(&m, e);
	seeds_free(m.seeds);
	return rc;
}

/* Segments of half a window; old is looked at around the same place. */
static int
match_by_segments(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    size_t window, unsigned threshold, struct blocks *blocks, struct err *e)
{
	size_t step = window < WINDOW_MIN ? WINDOW_MIN / 2 : window / 2;

	for (size_t at = 0; at < n_new; at += step) {
		size_t n = n_new - at < step ? n_new - at : step;
		size_t from = at < window / 4 ? 0 : at - window / 4;
		struct suffix *s;
		int rc;

		if (from > n_old - window)
			from = n_old - window;
		if ((s = suffix_new(old + from, window, e)) == NULL)
			return -1;
		rc = match(old + from, window, from, s, new + at, n, threshold, blocks,
		    e);
		suffix_free(s);
		if (rc == -1)
			return -1;
	}
	return 0;
}

int
bsdiff_blocks(const uint8_t *old, size_t n_old, const struct suffix *whole,
    const uint8_t *new, size_t n_new, unsigned threshold, uint64_t memory_bytes,
    struct blocks *blocks, struct err *e)
{
	uint64_t window = memory_bytes / sizeof(int32_t);

	if (window < WINDOW_MIN)
		window = WINDOW_MIN;
	if (window > INT32_MAX)
		window = INT32_MAX;
	if (window > n_old)
		window = n_old;
	if (whole != NULL)
		return match(old, n_old, 0, whole, new, n_new, threshold, blocks, e);
	return match_by_segments(old, n_old, new, n_new, (size_t)window, threshold,
	    blocks, e);
}
