#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/windows.h"

enum {
	AHEAD = 16,		/* windows whose bit is fetched before it is needed */
	BITS = 4		/* for each byte of text */
};

#define WORDS_MAX ((uint64_t)1 << 32)

struct windows {
	uint64_t n_words;
	uint64_t words[];
};

uint64_t
windows_memory(uint64_t n)
{
	uint64_t words = n / 64 * BITS + 1;

	return (words < WORDS_MAX ? words : WORDS_MAX) * sizeof(uint64_t);
}

/* The same on any machine, as what is found depends on it. */
static uint64_t
hash_of(const uint8_t *p)
{
	uint64_t h;

	memcpy(&h, p, sizeof h);
	h = le64toh(h) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 32 ^ p[8]) * 0xbf58476d1ce4e5b9u;
	return h ^ h >> 29;
}

static uint64_t
word_of(const struct windows *w, uint64_t hash)
{
	return (hash >> 32) * w->n_words >> 32;
}

/* Two bits of a word. */
static uint64_t
bits_of(uint64_t hash)
{
	return (uint64_t)1 << (hash & 63) | (uint64_t)1 << (hash >> 6 & 63);
}

static struct windows *
of_words(uint64_t words, struct err *e)
{
	struct windows *w = calloc(1, sizeof *w + (size_t)words * sizeof(uint64_t));

	if (w == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory for matches");
	else
		w->n_words = words;
	return w;
}

struct windows *
windows_empty(uint64_t windows, unsigned bits, struct err *e)
{
	uint64_t words = windows / 64 * bits + bits;

	return of_words(words < WORDS_MAX ? words : WORDS_MAX, e);
}

void
windows_add(struct windows *w, const uint8_t *text, size_t n, size_t from, size_t to)
{
	uint64_t hashes[AHEAD] = { 0 };
	size_t end = n < WINDOWS_BYTES ? 0 : n - WINDOWS_BYTES + 1;

	if (to > end)
		to = end;
	for (size_t i = from; i < to + AHEAD; i++) {
		uint64_t *hash = &hashes[i % AHEAD];

		if (i - from >= AHEAD)
			w->words[word_of(w, *hash)] |= bits_of(*hash);
		if (i < to) {
			*hash = hash_of(text + i);
			__builtin_prefetch(&w->words[word_of(w, *hash)], 1);
		}
	}
}

struct windows *
windows_new(const uint8_t *text, size_t n, struct err *e)
{
	struct windows *w = of_words(windows_memory(n) / sizeof(uint64_t), e);

	if (w != NULL)
		windows_add(w, text, n, 0, n);
	return w;
}

size_t
windows_mark(const struct windows *w, const uint8_t *text, size_t n, uint64_t *marks)
{
	uint64_t hashes[AHEAD] = { 0 };
	size_t end = n < WINDOWS_BYTES ? 0 : n - WINDOWS_BYTES + 1, marked = 0;

	for (size_t i = 0; i < end + AHEAD; i++) {
		uint64_t *hash = &hashes[i % AHEAD];

		if (i >= AHEAD && i - AHEAD < end) {
			size_t at = i - AHEAD;
			uint64_t is = (~w->words[word_of(w, *hash)] &
			    bits_of(*hash)) == 0;

			marks[at / 64] |= is << at % 64;
			marked += (size_t)is;
		}
		if (i < end) {
			*hash = hash_of(text + i);
			__builtin_prefetch(&w->words[word_of(w, *hash)]);
		}
	}
	return marked;
}

void
windows_free(struct windows *w)
{
	free(w);
}

bool
windows_have(const struct windows *w, const uint8_t *bytes, size_t at, size_t n)
{
	uint64_t hash;

	if (n < WINDOWS_BYTES || at > n - WINDOWS_BYTES)
		return false;
	if (n - WINDOWS_BYTES - at >= AHEAD)
		__builtin_prefetch(&w->words[word_of(w, hash_of(bytes + at + AHEAD))]);
	hash = hash_of(bytes + at);
	return (~w->words[word_of(w, hash)] & bits_of(hash)) == 0;
}
