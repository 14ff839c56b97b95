#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/alike.h"
#include "mkdelta/encode/mapped.h"

#include "mkdelta/encode/seeds.h"

enum {
	SLOTS_MIN = 1 << 10,
	SLOTS_MAX = 1 << 30,
	WINDOW = 24,
	STEP = 4,		/* at least */
	WAYS = 2,		/* places kept for a hash */
	AHEAD = 8,		/* windows */
	MATCH_MAX = 1 << 16
};

#define FACTOR 0x9e3779b97f4a7c15u

struct seeds {
	const uint8_t *text;
	size_t n;
	size_t step;		/* between places that are kept */
	uint32_t *table;	/* places / step + 1; above place_bits more of the hash */
	size_t slots;		/* its size */
	unsigned place_bits;
	/* Hashes of the windows that are looked up next, when `bytes` is the same: */
	const uint8_t *bytes;
	size_t at, end;
	uint64_t hashes[AHEAD];
};

static uint64_t
load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return le64toh(word);
}

/* Three words, the same on any machine, each on its own: they are multiplied at the
 * same time. */
static uint64_t
hash_of(const uint8_t *p)
{
	uint64_t h = load(p) * FACTOR;

	h ^= load(p + 8) * 0xbf58476d1ce4e5b9u;
	h ^= load(p + 16) * 0x94d049bb133111ebu;
	return (h ^ h >> 29) * FACTOR;
}

static uint32_t *
slot(const struct seeds *s, uint64_t hash)
{
	return s->table + (hash >> 32) * (s->slots / WAYS) / ((uint64_t)1 << 32) * WAYS;
}

/* What else an entry says of its hash: text is looked at only where it agrees. */
static uint32_t
tag(const struct seeds *s, uint64_t hash)
{
	return s->place_bits == 32 ? 0 : (uint32_t)hash << s->place_bits;
}

/* The first places of a hash stay: what comes often is found anywhere. */
static void
insert(struct seeds *s, uint64_t hash, size_t at)
{
	uint32_t *way = slot(s, hash);

	for (size_t i = 0; i < WAYS; i++)
		if (way[i] == 0) {
			way[i] = ((uint32_t)(at / s->step) + 1) | tag(s, hash);
			return;
		}
}

/* The table is larger than any cache: what is needed next is fetched meanwhile. */
static void
insert_all(struct seeds *s)
{
	uint64_t hashes[AHEAD];
	size_t windows = s->n < WINDOW ? 0 : (s->n - WINDOW) / s->step + 1;

	for (size_t i = 0; i < windows + AHEAD; i++) {
		if (i >= AHEAD)
			insert(s, hashes[i % AHEAD], (i - AHEAD) * s->step);
		if (i * s->step % MAPPED_STEP == 0)
			mapped_forget(s->text);
		if (i < windows) {
			hashes[i % AHEAD] = hash_of(s->text + i * s->step);
			__builtin_prefetch(slot(s, hashes[i % AHEAD]), 1);
		}
	}
}

static void
size_table(struct seeds *s, uint64_t memory_bytes)
{
	s->step = STEP;
	while (s->n / s->step > SLOTS_MAX / 2 || (s->n / s->step > SLOTS_MIN &&
	    s->n / s->step * 2 * sizeof *s->table > memory_bytes))
		s->step *= 2;
	s->slots = s->n / s->step * 2 + SLOTS_MIN;
	s->place_bits = 1;
	while (s->place_bits < 32 && (s->n / s->step + 1) >> s->place_bits != 0)
		s->place_bits++;
}

struct seeds *
seeds_new(const uint8_t *text, size_t n, uint64_t memory_bytes, struct err *e)
{
	struct seeds *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for matches");
		return NULL;
	}
	s->text = text;
	s->n = n;
	size_table(s, memory_bytes);
	if ((s->table = calloc(s->slots, sizeof *s->table)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for matches");
		free(s);
		return NULL;
	}
	insert_all(s);
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

/* The hash of bytes[at], and of those behind it. */
static uint64_t
look_ahead(struct seeds *s, const uint8_t *bytes, size_t at, size_t n)
{
	size_t last = n - at < WINDOW + AHEAD - 1 ? n - WINDOW : at + AHEAD - 1;

	if (s->bytes != bytes || at < s->at || at > s->end)
		s->end = at;
	for (; s->end <= last; s->end++) {
		uint64_t hash = hash_of(bytes + s->end);

		s->hashes[s->end % AHEAD] = hash;
		__builtin_prefetch(slot(s, hash));
	}
	s->bytes = bytes;
	s->at = at;
	return s->hashes[at % AHEAD];
}

size_t
seeds_search(struct seeds *s, const uint8_t *bytes, size_t at, size_t n, size_t want,
    size_t *place)
{
	size_t best = 0;
	const uint32_t *way;
	uint64_t hash;

	if (n - at < WINDOW)
		return 0;
	hash = look_ahead(s, bytes, at, n);
	way = slot(s, hash);
	for (size_t i = 0; i < WAYS && way[i] != 0; i++) {
		uint32_t entry = way[i] ^ tag(s, hash);
		size_t there = ((size_t)entry - 1) * s->step, max, len;

		if (s->place_bits < 32 && entry >> s->place_bits != 0)
			continue;
		max = s->n - there < n - at ? s->n - there : n - at;
		len = alike_bytes(s->text + there, bytes + at,
		    max < MATCH_MAX ? max : MATCH_MAX);
		if (len >= WINDOW && (len > best || (len == best &&
		    alike_apart(there, want) < alike_apart(*place, want)))) {
			best = len;
			*place = there;
		}
	}
	return best;
}
