/*
 * The window is read full, moved down by half when the byte at hand comes near its end,
 * and read full again.  What is read when decides which old bytes lie behind the end of
 * the file, which the last matches may see; so reads wait until they are complete.
 */
#include <string.h>

#include "apply/patch/gnudeflate.h"

enum {
	MATCH_MIN = 3,
	MATCH_MAX = 258,
	FAR = 4096,		/* no match of three bytes from beyond */
	REACH = GNU_WINDOW - GNU_LOOKAHEAD,
	LOOK_EVERY = 4096	/* tokens */
};

static const struct {
	unsigned good, lazy, nice, chain;
} levels[] = { { 4, 4, 16, 16 }, { 8, 16, 32, 32 }, { 8, 16, 128, 128 },
	{ 8, 32, 128, 256 }, { 32, 128, 258, 1024 }, { 32, 258, 258, 4096 } };

void
gnudeflate_start(struct gnudeflate *g, unsigned level, const struct sink *sink)
{
	memset(g, 0, offsetof(struct gnudeflate, out));
	g->level = level;
	g->length = MATCH_MIN - 1;
	g->want = 2 * GNU_WINDOW;
	blocks_start(&g->out, sink);
}

static void
hash_byte(struct gnudeflate *g, uint8_t byte)
{
	g->hash = (g->hash << 5 ^ byte) & (GNU_WINDOW - 1);
}

/* The byte at `at` is known from now on; where its three bytes stood last, 0: nowhere. */
static uint32_t
insert(struct gnudeflate *g, uint32_t at)
{
	uint32_t last;

	hash_byte(g, g->window[at + MATCH_MIN - 1]);
	last = g->head[g->hash];
	g->before[at & (GNU_WINDOW - 1)] = (uint16_t)last;
	g->head[g->hash] = (uint16_t)at;
	return last;
}

/* The longest match in the chain, if it is longer than the one before. */
static unsigned
longest(struct gnudeflate *g, uint32_t last, unsigned best)
{
	const uint8_t *here = g->window + g->at;
	uint32_t limit = g->at > REACH ? g->at - REACH : 0;
	unsigned chain = levels[g->level - GNU_LEVEL_MIN].chain;

	if (best >= levels[g->level - GNU_LEVEL_MIN].good)
		chain >>= 2;
	do {
		const uint8_t *there = g->window + last;
		unsigned n = 2;

		if (there[best] != here[best] || there[best - 1] != here[best - 1] ||
		    there[0] != here[0] || there[1] != here[1])
			continue;
		while (n < MATCH_MAX && there[n] == here[n])
			n++;
		if (n <= best)
			continue;
		g->match = last;
		best = n;
		if (n >= levels[g->level - GNU_LEVEL_MIN].nice)
			break;
	} while ((last = g->before[last & (GNU_WINDOW - 1)]) > limit && --chain != 0);
	return best;
}

/* Does the block end with the token just noted? */
static bool
block_ends(const struct gnudeflate *g)
{
	const struct blocks_out *b = &g->out;
	uint64_t bits = (uint64_t)b->tokens * 8;

	if (b->tokens % LOOK_EVERY == 0) {
		for (unsigned code = 0; code < DISTANCE_CODES; code++)
			bits += (uint64_t)b->distances.freq[code] *
			    (5 + blocks_distance_bits(code));
		if (b->matches < b->tokens / 2 &&
		    bits / 8 < (uint64_t)((int64_t)g->at - g->block_at) / 2)
			return true;
	}
	return b->tokens == BLOCK_TOKENS - 1;
}

static int
end_block(struct gnudeflate *g, bool last, struct err *e)
{
	size_t n = (size_t)((int64_t)g->at - g->block_at);
	const uint8_t *raw = g->block_at < 0 ? NULL : g->window + g->block_at;

	g->block_at = g->at;
	return blocks_flush(&g->out, raw, n, last, e);
}

/* The match before was not bettered: it is a token. */
static int
take_match(struct gnudeflate *g, unsigned length, uint32_t match, struct err *e)
{
	bool ends;

	blocks_match(&g->out, length, g->at - 1 - match);
	ends = block_ends(g);
	g->ahead -= length - 1;
	for (length -= 2; length > 0; length--)
		(void)insert(g, ++g->at);
	g->at++;
	g->pending = false;
	g->length = MATCH_MIN - 1;
	return ends ? end_block(g, false, e) : 0;
}

static int
step(struct gnudeflate *g, struct err *e)
{
	uint32_t last = insert(g, g->at), match = g->match;
	unsigned length = g->length;

	g->length = MATCH_MIN - 1;
	if (last != 0 && length < levels[g->level - GNU_LEVEL_MIN].lazy &&
	    g->at - last <= REACH && g->at <= 2 * GNU_WINDOW - GNU_LOOKAHEAD) {
		g->length = longest(g, last, length);
		if (g->length > g->ahead)
			g->length = g->ahead;
		if (g->length == MATCH_MIN && g->at - g->match > FAR)
			g->length--;
	}
	if (length >= MATCH_MIN && g->length <= length)
		return take_match(g, length, match, e);
	if (g->pending) {
		blocks_literal(&g->out, g->window[g->at - 1]);
		if (block_ends(g) && end_block(g, false, e) == -1)
			return -1;
	}
	g->pending = true;
	g->at++;
	g->ahead--;
	return 0;
}

/* Room for the next read: as much as fits. */
static void
slide(struct gnudeflate *g)
{
	g->want = 2 * GNU_WINDOW - g->ahead - g->at;
	g->got = 0;
	if (g->at < GNU_WINDOW + REACH)
		return;
	memcpy(g->window, g->window + GNU_WINDOW, GNU_WINDOW);
	g->match -= GNU_WINDOW;
	g->at -= GNU_WINDOW;
	g->block_at -= GNU_WINDOW;
	for (size_t i = 0; i < GNU_WINDOW; i++) {
		g->head[i] = (uint16_t)(g->head[i] >= GNU_WINDOW ?
		    g->head[i] - GNU_WINDOW : 0);
		g->before[i] = (uint16_t)(g->before[i] >= GNU_WINDOW ?
		    g->before[i] - GNU_WINDOW : 0);
	}
	g->want += GNU_WINDOW;
}

/* A read is over: on until the next one is due, or to the end. */
static int
run(struct gnudeflate *g, struct err *e)
{
	if (g->got == 0) {
		memset(g->window + g->at + g->ahead, 0, g->begun ? MATCH_MIN - 1 : 0);
		g->ended = true;
	}
	g->ahead += g->got;
	if (!g->begun && (g->ahead >= GNU_LOOKAHEAD || g->ended)) {
		g->begun = true;
		hash_byte(g, g->window[0]);
		hash_byte(g, g->window[1]);
	}
	while (g->begun && g->ahead > 0 && (g->ahead >= GNU_LOOKAHEAD || g->ended))
		if (step(g, e) == -1)
			return -1;
	slide(g);
	return 0;
}

int
gnudeflate_add(struct gnudeflate *g, const uint8_t *data, size_t n, struct err *e)
{
	while (n > 0) {
		size_t some = g->want - g->got < n ? g->want - g->got : n;

		memcpy(g->window + g->at + g->ahead + g->got, data, some);
		g->got += (uint32_t)some;
		data += some;
		n -= some;
		if (g->got == g->want && run(g, e) == -1)
			return -1;
	}
	return 0;
}

int
gnudeflate_end(struct gnudeflate *g, struct err *e)
{
	while (!g->ended)
		if (run(g, e) == -1)
			return -1;
	if (g->pending)
		blocks_literal(&g->out, g->window[g->at - 1]);
	return end_block(g, true, e);
}
