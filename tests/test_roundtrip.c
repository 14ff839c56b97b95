/*
 * test_roundtrip.c - random trees of adversarial contents, there and back: whatever
 * stands on the two sides, the new one comes out.  ROUNDS=N for more of each; SEED=N to
 * see one again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/delta_pair.h"
#include "tests/lab/golden.h"
#include "tests/lab/seed.h"
#include "tests/lab/streams.h"

enum { BYTES_MAX = 200000, FILES = 5, KINDS = 9 };

/* One content that changes from round to round. */
struct content {
	uint8_t *data;
	size_t n;
};

static struct content program;

static unsigned
rounds(unsigned usual)
{
	const char *given = getenv("ROUNDS");

	return given != NULL ? (unsigned)strtoul(given, NULL, 10) : usual;
}

static size_t
some_size(void)
{
	static const size_t edges[] = { 0, 1, 2, 3, 7, 8, 63, 64, 4095, 4096, 4097, 65535,
		65536, 65537 };

	switch (seed_below(3)) {
	case 0:
		return edges[seed_below(sizeof edges / sizeof *edges)];
	case 1:
		return seed_below(1000);
	default:
		return seed_below(BYTES_MAX);
	}
}

static void
fill_pattern(struct content *c, size_t period)
{
	for (size_t i = 0; i < c->n; i++)
		c->data[i] = i < period ? (uint8_t)seed_next() : c->data[i - period];
}

static void
fill_streams(struct content *c)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	size_t n = 500 + seed_below(20000);
	uint8_t *text = streams_text(n, (unsigned)seed_below(3));

	text[seed_below(n)] = (uint8_t)seed_next();
	streams_zip(&b, "one", text, n, true, &streams_usual);
	streams_zip(&b, "two", text, n / 2, true, &streams_usual);
	c->n = b.len < BYTES_MAX ? b.len : BYTES_MAX;
	memcpy(c->data, b.data, c->n);
	assert_int_equal(buf_add_byte(&b, 0, &e), 0);
	buf_free(&b);
	free(text);
}

/* A new content of a kind. */
static void
make(struct content *c, unsigned kind)
{
	c->n = some_size();
	switch (kind) {
	case 0:
		memset(c->data, (int)seed_below(256), c->n);
		break;
	case 1:
		fill_pattern(c, c->n);
		break;
	case 2:
		fill_pattern(c, 1 + seed_below(300));
		break;
	case 3:
		for (size_t i = 0; i < c->n; i++)
			c->data[i] = (uint8_t)(seed_next() & seed_next() & seed_next());
		break;
	case 4:
	case 5:			/* an executable, or its beginning */
		c->n = kind == 4 ? program.n : seed_below(program.n);
		memcpy(c->data, program.data, c->n);
		break;
	case 6:
		fill_streams(c);
		break;
	default:
		for (size_t i = 0; i < c->n; i++)
			c->data[i] = (uint8_t)"the quick brown fox\n"[seed_below(20)];
	}
}

/* Bytes taken out, put in, moved, changed; or all shifted over itself. */
static void
change(struct content *c)
{
	size_t at, n, to;

	if (c->n < 2)
		return;
	for (uint64_t k = seed_below(6); k-- > 0;) {
		at = seed_below(c->n);
		n = 1 + seed_below(c->n - at < 5000 ? c->n - at : 5000);
		to = seed_below(c->n - n + 1);
		switch (seed_below(5)) {
		case 0:
			memmove(c->data + to, c->data + at, n);
			break;
		case 1:
			for (size_t i = at; i < at + n; i += 1 + seed_below(40))
				c->data[i] = (uint8_t)(c->data[i] + 1);
			break;
		case 2:
			memmove(c->data + at, c->data + at + n, c->n - at - n);
			c->n -= n;
			if (c->n < 2)
				return;
			break;
		case 3:
			if (n > BYTES_MAX - c->n)
				break;
			memmove(c->data + at + n, c->data + at, c->n - at);
			c->n += n;
			break;
		default:
			c->data[at] ^= (uint8_t)(1 << seed_below(8));
		}
	}
}

static void
put(const struct scratch *s, const char *side, unsigned file, const struct content *c)
{
	char rel[32];

	(void)snprintf(rel, sizeof rel, "%s/%u", side, file);
	pair_put(s, rel, c->data, c->n);
}

static void
random_trees_come_back(void **state)
{
	const struct scratch *s = *state;
	struct content c[FILES];
	unsigned n = rounds(60);

	for (unsigned i = 0; i < FILES; i++) {
		assert_non_null(c[i].data = malloc(BYTES_MAX));
		make(&c[i], i);
	}
	pair_folders(s);
	for (unsigned round = 0; round < n; round++) {
		seed_note("round %u", round);
		for (unsigned i = 0; i < FILES; i++)
			put(s, "old", i, &c[i]);
		for (unsigned i = 0; i < FILES; i++) {
			if (seed_below(4) == 0)
				make(&c[i], (unsigned)seed_below(KINDS));
			else
				change(&c[i]);
			put(s, "new", (unsigned)seed_below(FILES), &c[i]);
		}
		(void)pair_round_trip(s);
	}
	for (unsigned i = 0; i < FILES; i++)
		free(c[i].data);
}

/* new is old from `shift` on, with the rest before or behind it. */
static void
what_overlaps_itself_comes_back(void **state)
{
	static const size_t periods[] = { 1, 2, 3, 4, 7, 8, 255, 4096, 30000 };
	const struct scratch *s = *state;
	struct content c = { malloc(BYTES_MAX), 30000 };

	assert_non_null(c.data);
	pair_folders(s);
	for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
		for (unsigned k = 0; k < 4; k++) {
			size_t shift = k < 2 ? 1 + k : seed_below(c.n);

			fill_pattern(&c, periods[i]);
			seed_note("period %zu, shift %zu", periods[i], shift);
			pair_put(s, "old/0", c.data, c.n);
			pair_put(s, "new/0", c.data + shift, c.n - shift);
			assert_true(pair_round_trip(s) < 200);
			memmove(c.data + shift, c.data, c.n - shift);
			pair_put(s, "new/0", c.data, c.n);
			(void)pair_round_trip(s);
		}
	free(c.data);
}

static int
open_all(void **state)
{
	(void)state;
	program.data = golden_read("x86-64", "old/program", &program.n);
	return program.n > BYTES_MAX;
}

static int
close_all(void **state)
{
	(void)state;
	free(program.data);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(random_trees_come_back),
		SCRATCH_TEST(what_overlaps_itself_comes_back),
	};

	seed_start();
	return cmocka_run_group_tests_name("roundtrip", tests, open_all, close_all);
}
