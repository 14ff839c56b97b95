/*
 * For FAST builds, linked with --wrap: large blocks are kept for the next who asks.
 * The sanitizer's own allocator maps them anew each time, which is most of what a short
 * run costs. What is behind a block and what was freed stays poisoned.
 */
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "tests/fuzz/kit/pool.h"

void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);

enum { BLOCKS = 48, LARGE = 96 << 10, LARGEST = 4 << 20, BEHIND = 256 };

static struct block {
	uint8_t *p;
	size_t room, bytes;
	bool used;
} blocks[BLOCKS];

void (*pool_changed)(int64_t bytes);
bool pool_grows;

static struct block *
find(size_t bytes)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		struct block *b = &blocks[i];

		if (b->p == NULL) {
			b->room = bytes * 5 / 4 + BEHIND;
			pool_grows = true;
			b->p = __real_calloc(1, b->room);
			pool_grows = false;
			return b->p == NULL ? NULL : b;
		}
		if (!b->used && b->room >= bytes + BEHIND && b->room / 2 <= bytes)
			return b;
	}
	return NULL;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	size_t bytes = size > LARGEST || n > LARGEST ? 0 : n * size;
	struct block *b = bytes < LARGE || bytes > LARGEST ? NULL : find(bytes);

	if (b == NULL)
		return __real_calloc(n, size);
	__asan_unpoison_memory_region(b->p, bytes);
	__asan_poison_memory_region(b->p + bytes, b->room - bytes);
	memset(b->p, 0, bytes);
	b->bytes = bytes;
	b->used = true;
	if (pool_changed != NULL)
		pool_changed((int64_t)bytes);
	return b->p;
}

void
__wrap_free(void *p)
{
	for (size_t i = 0; p != NULL && i < BLOCKS && blocks[i].p != NULL; i++)
		if (blocks[i].p == p) {
			if (!blocks[i].used)
				abort();	/* freed twice */
			__asan_poison_memory_region(p, blocks[i].room);
			blocks[i].used = false;
			if (pool_changed != NULL)
				pool_changed(-(int64_t)blocks[i].bytes);
			return;
		}
	__real_free(p);
}
