#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <divsufsort.h>
#include <divsufsort64.h>

#include "mkdelta/encode/alike.h"
#include "mkdelta/encode/suffix_sort.h"
#include "mkdelta/encode/windows.h"

#include "mkdelta/encode/suffix.h"

struct suffix {
	const uint8_t *text;
	size_t n;
	size_t ranks;		/* suffixes in the array, */
	size_t depth;		/* in order by so many bytes */
	saidx_t *small;		/* one of these */
	saidx64_t *large;
	uint32_t *pairs;	/* PAIRS + 1: keys before those with each two bytes */
	uint64_t *keys;		/* the first bytes of each suffix of rank i * SAMPLE */
	size_t n_keys;
	struct windows *windows;
};

enum {
	PAIRS = 1 << 16,
	KEY = 8,
	SAMPLE = 64,
	MOST = 2,		/* more than one in so many suffixes: better all */
	SOME_BITS = 8,
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
	return (n <= INT32_MAX ? n * sizeof(saidx_t) : n * sizeof(saidx64_t)) +
	    n / SAMPLE * KEY + windows_memory(n);
}

uint64_t
suffix_bytes(uint64_t memory_bytes)
{
	uint64_t n = memory_bytes * 16 / (suffix_memory((uint64_t)1 << 20) >> 16);

	return n < INT32_MAX ? n : INT32_MAX;
}

/* The first bytes as a number that sorts as they do; behind the end there are zeros. */
static uint64_t
key_of(const uint8_t *p, size_t n)
{
	uint64_t key = 0;

	if (n >= KEY) {
		memcpy(&key, p, KEY);
		return be64toh(key);
	}
	for (size_t i = 0; i < n; i++)
		key |= (uint64_t)p[i] << (56 - 8 * i);
	return key;
}

/*
 * A binary search in the array waits for memory twice a step: for a place, and for the
 * text there.  So it begins with what some suffixes begin with, which stands together
 * and is small; where to begin in that is known for each first two bytes.
 */
static void
make_keys(struct suffix *s)
{
	size_t pair = 0;

	for (size_t i = 0; i < s->n_keys; i++) {
		size_t at = place(s, i * SAMPLE);

		s->keys[i] = key_of(s->text + at, s->n - at);
		for (; pair <= s->keys[i] >> 48; pair++)
			s->pairs[pair] = (uint32_t)i;
	}
	for (; pair <= PAIRS; pair++)
		s->pairs[pair] = (uint32_t)s->n_keys;
}

static struct suffix *
no_memory(struct suffix *s, size_t n, struct err *e)
{
	(void)err_set(e, ERR_NOMEM, "out of memory for a suffix array of %zu bytes", n);
	suffix_free(s);
	return NULL;
}

/* The array is there: what makes searches in it fast. */
static int
add_keys(struct suffix *s)
{
	s->n_keys = (s->ranks + SAMPLE - 1) / SAMPLE;
	s->pairs = calloc(PAIRS + 1, sizeof *s->pairs);
	s->keys = malloc((s->n_keys + 1) * sizeof *s->keys);
	if (s->pairs == NULL || s->keys == NULL)
		return -1;
	make_keys(s);
	return 0;
}

struct suffix *
suffix_new(const uint8_t *text, size_t n, struct err *e)
{
	struct suffix *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL)
		return no_memory(s, n, e);
	s->text = text;
	s->n = s->ranks = n;
	s->depth = SIZE_MAX;
	if (n <= INT32_MAX) {
		s->small = malloc((n + 1) * sizeof *s->small);
		rc = s->small == NULL ? -2 : n == 0 ? 0 :
		    divsufsort(text, s->small, (saidx_t)n);
	} else {
		s->large = malloc((n + 1) * sizeof *s->large);
		rc = s->large == NULL ? -2 : divsufsort64(text, s->large, (saidx64_t)n);
	}
	if (rc != 0 || add_keys(s) == -1 ||
	    (s->windows = windows_new(text, n, e)) == NULL)
		return no_memory(s, n, e);
	return s;
}

/* The places that are marked, in order, and their windows. */
static int
take_marked(struct suffix *s, const uint64_t *marks, struct err *e)
{
	size_t k = 0;

	s->small = malloc((s->ranks + 1) * sizeof *s->small);
	s->windows = windows_empty(s->ranks, SOME_BITS, e);
	if (s->small == NULL || s->windows == NULL)
		return -1;
	for (size_t i = 0; i < (s->n + 63) / 64; i++)
		for (uint64_t rest = marks[i]; rest != 0; rest &= rest - 1) {
			size_t at = i * 64 + (size_t)__builtin_ctzll(rest);

			s->small[k++] = (saidx_t)at;
			windows_add(s->windows, s->text, s->n, at, at + 1);
		}
	return 0;
}

struct suffix *
suffix_of(const uint8_t *text, size_t n, const struct windows *wanted, struct err *e)
{
	struct suffix *s = calloc(1, sizeof *s);
	uint64_t *marks = calloc(n / 64 + 1, sizeof *marks);
	int rc = -1;

	if (s != NULL && marks != NULL) {
		s->text = text;
		s->n = n;
		s->depth = SUFFIX_DEPTH;
		s->ranks = windows_mark(wanted, text, n, marks);
		if (s->ranks > n / MOST || n > INT32_MAX) {
			free(marks);
			free(s);
			return suffix_new(text, n, e);
		}
		rc = take_marked(s, marks, e);
	}
	free(marks);
	if (rc == -1 || suffix_sort(text, n, (uint32_t *)s->small, s->ranks,
	    SUFFIX_DEPTH, e) == -1 || add_keys(s) == -1)
		return no_memory(s, n, e);
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
	free(s->keys);
	windows_free(s->windows);
	free(s);
}

/* Bytes in common from `from` on; before it they are known to be equal as far as there
 * are any. */
static size_t
common(const struct suffix *s, size_t at, const uint8_t *pattern, size_t n, size_t from)
{
	size_t max = s->n - at < n ? s->n - at : n;

	from = from < max ? from : max;
	return from + alike_bytes(s->text + at + from, pattern + from, max - from);
}

size_t
suffix_place(const struct suffix *s, size_t rank, size_t len, size_t want)
{
	size_t first = place(s, rank), best = first;

	for (int side = 0; side < 2; side++)
		for (size_t k = 1; k < NEIGHBOURS; k++) {
			size_t at;

			if (side == 0 ? rank + k >= s->ranks : rank < k)
				break;
			at = place(s, side == 0 ? rank + k : rank - k);
			if (common(s, at, s->text + first, len, 0) < len)
				break;
			if (alike_apart(at, want) < alike_apart(best, want))
				best = at;
		}
	return best;
}

bool
suffix_may_have(const struct suffix *s, const uint8_t *bytes, size_t at, size_t n)
{
	return windows_have(s->windows, bytes, at, n);
}

/* The first of keys[low, high) that is at least (with `above`: more than) the key. */
static size_t
find_key(const struct suffix *s, size_t low, size_t high, uint64_t key, bool above)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->keys[middle] < key || (above && s->keys[middle] == key))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Binary search; what both bounds share with the pattern is shared by all
 * between (Manber and Myers 1993), so it is compared once; as far as they are in
 * order. */
static size_t
search_between(const struct suffix *s, size_t low, size_t high, const uint8_t *pattern,
    size_t n, size_t *rank)
{
	size_t low_len = 0, high_len = 0, best = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t here = place(s, middle);
		size_t shared = low_len < high_len ? low_len : high_len;
		size_t len = common(s, here, pattern, n, shared < s->depth ? shared :
		    s->depth);

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

/* The nearest suffixes in order are before the first key that is more, and behind
 * the last one that is less: those have the longest match. */
size_t
suffix_search(const struct suffix *s, const uint8_t *pattern, size_t n, size_t *rank)
{
	size_t low, high, len;
	uint64_t key;

	*rank = 0;
	if (n < 2 || s->ranks < 2)
		return 0;
	key = key_of(pattern, n);
	low = s->pairs[key >> 48];
	high = s->pairs[(key >> 48) + 1];
	low = find_key(s, low, high, key, false);
	high = n < KEY ? s->n_keys : find_key(s, low, high, key, true);
	low = low == 0 ? 0 : (low - 1) * SAMPLE;
	high = high == s->n_keys ? s->ranks : high * SAMPLE + 1;
	len = search_between(s, low, high, pattern, n, rank);
	return len < 2 ? 0 : len;
}
