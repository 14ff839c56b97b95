#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/mix.h"

#include "mkdelta/encode/sketch.h"

enum { WINDOW = 32, READ_MAX = 16 << 20, SAMPLE_MASK = 15 };

static void
offer(struct sketch *s, uint32_t hash)
{
	unsigned at = s->n;

	if (s->n == SKETCH_HASHES && hash >= s->hashes[s->n - 1])
		return;
	while (at > 0 && s->hashes[at - 1] > hash)
		at--;
	if (at > 0 && s->hashes[at - 1] == hash)
		return;
	if (s->n < SKETCH_HASHES)
		s->n++;
	memmove(&s->hashes[at + 1], &s->hashes[at],
	    (s->n - 1 - at) * sizeof s->hashes[0]);
	s->hashes[at] = hash;
}

/* A shift register of multiplied bytes: only the last 32 count. */
void
sketch_of_bytes(const uint8_t *data, size_t n, struct sketch *s)
{
	uint32_t rolling = 0;

	memset(s, 0, sizeof *s);
	n = n < READ_MAX ? n : READ_MAX;
	for (size_t i = 0; i < n; i++) {
		rolling = (rolling << 1) + mix32(data[i] + 1u);
		if (i + 1 >= WINDOW && (rolling >> 28 & SAMPLE_MASK) == 0)
			offer(s, mix32(rolling));
	}
}

unsigned
sketch_alike(const struct sketch *a, const struct sketch *b)
{
	unsigned i = 0, k = 0, both = 0, seen = 0;

	while (seen < SKETCH_HASHES && i < a->n && k < b->n) {
		seen++;
		if (a->hashes[i] == b->hashes[k]) {
			both++;
			i++;
			k++;
		} else if (a->hashes[i] < b->hashes[k])
			i++;
		else
			k++;
	}
	return seen == 0 ? 0 : both * SKETCH_HASHES / seen;
}
