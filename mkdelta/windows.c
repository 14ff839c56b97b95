#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/windows.h"

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

struct windows *
windows_new(const uint8_t *text, size_t n, struct err *e)
{
	struct windows *w = calloc(1, sizeof *w + (size_t)windows_memory(n));
	uint64_t hashes[AHEAD] = { 0 };
	size_t count = n < WINDOWS_BYTES ? 0 : n - WINDOWS_BYTES + 1;

	if (w == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for matches");
		return NULL;
	}
	w->n_words = windows_memory(n) / sizeof(uint64_t);
	for (size_t i = 0; i < count + AHEAD; i++) {
		uint64_t *hash = &hashes[i % AHEAD];

		if (i >= AHEAD && i - AHEAD < count)
			w->words[word_of(w, *hash)] |= (uint64_t)1 << (*hash & 63);
		if (i < count) {
			*hash = hash_of(text + i);
			__builtin_prefetch(&w->words[word_of(w, *hash)], 1);
		}
	}
	return w;
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
	return (w->words[word_of(w, hash)] >> (hash & 63) & 1) != 0;
}
