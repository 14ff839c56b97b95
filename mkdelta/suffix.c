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
	if (rc != 0) {
		(void)err_set(e, ERR_NOMEM,
		    "out of memory for a suffix array of %zu bytes", n);
		suffix_free(s);
		return NULL;
	}
	return s;
}

void
suffix_free(struct suffix *s)
{
	if (s == NULL)
		return;
	free(s->small);
	free(s->large);
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

/* Binary search; what both bounds share with the pattern is shared by all
 * between (Manber and Myers 1993), so it is compared once. */
size_t
suffix_search(const struct suffix *s, const uint8_t *pattern, size_t n, size_t *at)
{
	size_t low = 0, high = s->n, low_len = 0, high_len = 0, best = 0;

	*at = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t here = place(s, middle);
		size_t len = common(s, here, pattern, n, low_len < high_len ? low_len :
		    high_len);

		if (len > best) {
			best = len;
			*at = here;
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
