#ifdef FUZZ_POOL
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "tests/fuzz/kit/json_pool.h"

/* A block is preceded by its size. Freed ones wait until ROUND bytes were given out
 * before their room is used again. */
enum { ROOM = 8 << 20, ROUND = 128 << 10, HEAD = 16 };

static _Alignas(16) uint8_t room[ROOM];
static size_t top, kept_top, live, kept;

/* The sanitizer's own calls take longer than the rest: this is what they do on x86-64.
 * One byte tells of eight; p is aligned to 16, and so are all blocks. */
#define SHADOW 0x7fff8000
enum { POISONED = 0xf7 };

/* Not looked at by the sanitizer, nor made to calls that are. */
#define APART __attribute__((no_sanitize("address"), no_builtin("memset")))

static uint8_t *
shadow(const void *p)
{
	return (uint8_t *)(((uintptr_t)p >> 3) + SHADOW);
}

static APART void
poison(const uint8_t *p, size_t n)
{
	uint8_t *s = shadow(p);

	for (size_t i = 0; i < n / 8; i++)
		s[i] = POISONED;
}

static APART void
unpoison(const uint8_t *p, size_t n)
{
	uint8_t *s = shadow(p);

	for (size_t i = 0; i < n / 8; i++)
		s[i] = 0;
	if (n % 8 != 0)
		s[n / 8] = (uint8_t)(n % 8);
}

static APART void
set_size(uint8_t *head, size_t n)
{
	*(size_t *)(void *)head = n;
}

static APART size_t
get_size(const uint8_t *head)
{
	return *(const size_t *)(const void *)head;
}

static APART bool
is_taken(const uint8_t *p)
{
	return p >= room + HEAD && p < room + top && *shadow(p) != POISONED;
}

static void *
take(size_t n)
{
	size_t all = HEAD + ((n + 15) & ~(size_t)15);
	uint8_t *p = room + top;

	if (n > ROOM || all > ROOM - top)
		return NULL;
	set_size(p, n);
	unpoison(p + HEAD, n);
	top += all;
	live++;
	return p + HEAD;
}

static void
give(void *block)
{
	uint8_t *p = block;
	size_t n;

	if (block == NULL)
		return;
	if (!is_taken(p))
		abort();	/* freed twice, or none of these */
	n = get_size(p - HEAD);
	poison(p, (n + 15) & ~(size_t)15);
	if (--live == kept && top - kept_top > ROUND)
		top = kept_top;
}

void
json_pool_begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	poison(room, sizeof room);
	json_set_alloc_funcs(take, give);
}

void
json_pool_keep(void)
{
	kept = live;
	kept_top = top;
}

void
json_pool_check(void)
{
	if (live != kept)
		abort();
}
#endif
