#include <stdlib.h>
#include <string.h>

#include "mkdelta/seeds.h"

enum {
	WINDOW = 24,
	STEP = 4,
	WAYS = 2,		/* places kept for a hash */
	MATCH_MAX = 1 << 16
};

#define FACTOR 0x9e3779b97f4a7c15u

struct seeds {
	const uint8_t *text;
	size_t n;
	uint32_t *table;	/* places + 1 */
	unsigned log;		/* of its size */
	uint64_t power;		/* FACTOR to the WINDOW - 1 */
	/* The window looked up last: */
	const uint8_t *bytes;
	size_t at;
	uint64_t hash;
};

static uint64_t
hash_of(const uint8_t *p)
{
	uint64_t h = 0;

	for (size_t i = 0; i < WINDOW; i++)
		h = h * FACTOR + p[i] + 1;
	return h;
}

static uint32_t *
slot(const struct seeds *s, uint64_t hash)
{
	return s->table + ((hash * FACTOR >> (64 - s->log)) & ~(uint64_t)(WAYS - 1));
}

/* The first places of a hash stay: what comes often is found anywhere. */
static void
insert(struct seeds *s, uint64_t hash, size_t at)
{
	uint32_t *way = slot(s, hash);

	for (size_t i = 0; i < WAYS; i++)
		if (way[i] == 0) {
			way[i] = (uint32_t)at + 1;
			return;
		}
}

struct seeds *
seeds_new(const uint8_t *text, size_t n, struct err *e)
{
	struct seeds *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for matches");
		return NULL;
	}
	s->text = text;
	s->n = n;
	s->log = 10;
	while (s->log < 31 && (size_t)1 << s->log < n / STEP * 2)
		s->log++;
	s->power = 1;
	for (int i = 0; i < WINDOW - 1; i++)
		s->power *= FACTOR;
	if ((s->table = calloc((size_t)1 << s->log, sizeof *s->table)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for matches");
		free(s);
		return NULL;
	}
	for (size_t at = 0; at + WINDOW <= n; at += STEP)
		insert(s, hash_of(text + at), at);
	return s;
}

void
seeds_free(struct seeds *s)
{
	if (s == NULL)
		return;
	free(s->table);
	free(s);
}

static uint64_t
roll(struct seeds *s, const uint8_t *bytes, size_t at)
{
	if (s->bytes == bytes && at == s->at + 1)
		s->hash = (s->hash - s->power * (bytes[at - 1] + (uint64_t)1)) * FACTOR +
		    bytes[at + WINDOW - 1] + 1;
	else if (s->bytes != bytes || at != s->at)
		s->hash = hash_of(bytes + at);
	s->bytes = bytes;
	s->at = at;
	return s->hash;
}

static size_t
common(const uint8_t *a, const uint8_t *b, size_t max)
{
	size_t n = 0;

	while (n + 8 <= max && memcmp(a + n, b + n, 8) == 0)
		n += 8;
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

static size_t
distance(size_t a, size_t b)
{
	return a < b ? b - a : a - b;
}

size_t
seeds_search(struct seeds *s, const uint8_t *bytes, size_t at, size_t n, size_t want,
    size_t *place)
{
	size_t best = 0;
	const uint32_t *way;

	if (n - at < WINDOW)
		return 0;
	way = slot(s, roll(s, bytes, at));
	for (size_t i = 0; i < WAYS && way[i] != 0; i++) {
		size_t there = way[i] - 1;
		size_t max = s->n - there < n - at ? s->n - there : n - at;
		size_t len = common(s->text + there, bytes + at,
		    max < MATCH_MAX ? max : MATCH_MAX);

		if (len >= WINDOW && (len > best || (len == best &&
		    distance(there, want) < distance(*place, want)))) {
			best = len;
			*place = there;
		}
	}
	return best;
}
