#include <stdlib.h>
#include <string.h>

#include <divsufsort.h>
#include <divsufsort64.h>

#include "mkdelta/suffix.h"

struct suffix {
	const uint8_t *text;
	size_t n;
	saidx_t *small;		/* one of these, n entries */
	saidx64_t *large;
	size_t *pairs;		/* PAIRS + 1: where suffixes of each two bytes begin */
};

enum {
	PAIRS = 1 << 16,
	NEIGHBOURS = 24		/* of equal matches that are looked at on each side */
};

static size_t
place(const struct suffix *s, size_t i)
{
	return s->small != NULL ? (size_t)s->small[i] : (size_t)s->large[i];
}

uint64_t
suffix_memory(uint64_t n)
{
	return n <= INT32_MAX ? n * sizeof(saidx_t) : n * sizeof(saidx64_t);
}

/* A binary search need not begin with all of the text: suffixes that begin with the
 * same two bytes stand together.  The last suffix is a single byte and stands before
 * all others that begin with it. */
static void
count_pairs(struct suffix *s)
{
	size_t sum = 0;

	for (size_t i = 0; i + 1 < s->n; i++)
		s->pairs[s->text[i] << 8 | s->text[i + 1]]++;
	for (size_t i = 0; i <= PAIRS; i++) {
		size_t here = i < PAIRS ? s->pairs[i] : 0;

		if (s->n > 0 && i == (size_t)s->text[s->n - 1] << 8)
			sum++;
		s->pairs[i] = sum;
		sum += here;
	}
}

struct suffix *
suffix_new(const uint8_t *text, size_t n, struct err *e)
{
	struct suffix *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a suffix array");
		return NULL;
	}
	s->text = text;
	s->n = n;
	if (n <= INT32_MAX) {
		s->small = malloc((n + 1) * sizeof *s->small);
		rc = s->small == NULL ? -2 : n == 0 ? 0 :
		    divsufsort(text, s->small, (saidx_t)n);
	} else {
		s->large = malloc((n + 1) * sizeof *s->large);
		rc = s->large == NULL ? -2 : divsufsort64(text, s->large, (saidx64_t)n);
	}
	s->pairs = calloc(PAIRS + 1, sizeof *s->pairs);
	if (rc == 0 && s->pairs == NULL)
		rc = -2;
	if (rc != 0) {
		(void)err_set(e, ERR_NOMEM,
		    "out of memory for a suffix array of %zu bytes", n);
		suffix_free(s);
		return NULL;
	}
	count_pairs(s);
	return s;
}

void
suffix_free(struct suffix *s)
{
	if (s == NULL)
		return;
	free(s->small);
	free(s->large);
	free(s->pairs);
	free(s);
}

/* Bytes in common from `from` on, which are known to be equal before it. */
static size_t
common(const struct suffix *s, size_t at, const uint8_t *pattern, size_t n, size_t from)
{
	size_t max = s->n - at < n ? s->n - at : n;

	while (from + 8 <= max && memcmp(s->text + at + from, pattern + from, 8) == 0)
		from += 8;
	while (from < max && s->text[at + from] == pattern[from])
		from++;
	return from;
}

static size_t
distance(size_t a, size_t b)
{
	return a < b ? b - a : a - b;
}

size_t
suffix_place(const struct suffix *s, size_t rank, size_t len, size_t want)
{
	size_t first = place(s, rank), best = first;

	for (int side = 0; side < 2; side++)
		for (size_t k = 1; k < NEIGHBOURS; k++) {
			size_t at;

			if (side == 0 ? rank + k >= s->n : rank < k)
				break;
			at = place(s, side == 0 ? rank + k : rank - k);
			if (common(s, at, s->text + first, len, 0) < len)
				break;
			if (distance(at, want) < distance(best, want))
				best = at;
		}
	return best;
}

/* Binary search; what both bounds share with the pattern is shared by all
 * between (Manber and Myers 1993), so it is compared once. */
size_t
suffix_search(const struct suffix *s, const uint8_t *pattern, size_t n, size_t *rank)
{
	size_t pair, low, high, low_len = 2, high_len = 2, best = 0;

	*rank = 0;
	if (n < 2 || s->n < 2)
		return 0;
	pair = (size_t)pattern[0] << 8 | pattern[1];
	low = s->pairs[pair];
	high = s->pairs[pair + 1];
	/* The single byte at the end of the text belongs to no pair. */
	if (pair % 256 == 255 && pair / 256 + 1 == s->text[s->n - 1])
		high--;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t here = place(s, middle);
		size_t len = common(s, here, pattern, n, low_len < high_len ? low_len :
		    high_len);

		if (len > best) {
			best = len;
			*rank = middle;
		}
		if (len == n)
			break;
		if (here + len == s->n || s->text[here + len] < pattern[len]) {
			low = middle + 1;
			low_len = len;
		} else {
			high = middle;
			high_len = len;
		}
	}
	return best;
}
