/*
 * The vector: 32-bit numbers x, from 1 on, x = x * 1664525 + 1013904223 before each
 * use, and of each the upper 16 bits.  Pieces follow each other until the vector is
 * full, the last one cut:
 *
 *	r = next % 8, n = next % (r == 0 ? 300 : r < 5 ? 24 : 40) + 3
 *	r 0      n times the byte next % 256
 *	r 1 - 4  n bytes from next * 2 % 65536 % at + 1 before (at: bytes so far;
 *	         none while at is 0), byte by byte, so that they may overlap
 *	r 5 - 6  n letters "etaoinshrdlu\n .,", each by next % 16
 *	r 7      n bytes next / 256
 *
 * but pieces that would begin in the 128 KiB from 512 KiB on are one byte next / 256
 * each, and none of the above is drawn: no deflate shortens that.
 * So there are blocks of all three kinds, matches of each length and distance, lazy
 * ones, runs, and hash chains longer than any level follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

#include "apply/patch/deflate.h"

enum { NOISE_FROM = 512 * 1024, NOISE_TO = NOISE_FROM + 128 * 1024, SHOWN = 8 };

static uint32_t
next(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 16;
}

static uint8_t
piece_byte(uint32_t r, uint8_t run, const uint8_t *from, uint32_t *x)
{
	if (r == 0)
		return run;
	if (r < 5)
		return *from;
	return r < 7 ? (uint8_t)"etaoinshrdlu\n .,"[next(x) % 16] :
	    (uint8_t)(next(x) / 256);
}

void
deflate_vector(uint8_t *out)
{
	uint32_t x = 1;

	for (size_t at = 0; at < DEFLATE_VECTOR_BYTES;) {
		uint32_t r, n;
		size_t back = 0;
		uint8_t run = 0;

		if (at >= NOISE_FROM && at < NOISE_TO) {
			out[at++] = (uint8_t)(next(&x) / 256);
			continue;
		}
		r = next(&x) % 8;
		n = next(&x) % (r == 0 ? 300 : r < 5 ? 24 : 40) + 3;
		if (r == 0)
			run = (uint8_t)next(&x);
		else if (r < 5 && at > 0)
			back = next(&x) * 2 % 65536 % at + 1;
		else if (r < 5)
			continue;
		for (; n > 0 && at < DEFLATE_VECTOR_BYTES; n--, at++)
			out[at] = piece_byte(r, run, out + at - back, &x);
	}
}

static int
hash_write(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return hash_add(arg, data, n, e);
}

static int
hash_stream(struct hash *h, struct deflater *x, const struct deflate_params *p,
    uint8_t *vector, struct err *e)
{
	struct sink to = { h, hash_write };

	deflate_vector(vector);
	if (deflater_start(x, p, &to, e) == -1 ||
	    deflater_add(x, vector, DEFLATE_VECTOR_BYTES, e) == -1)
		return -1;
	return deflater_end(x, e);
}

int
deflate_need(const struct deflate_params *p, char out[static DEFLATE_NEED_MAX],
    struct err *e)
{
	struct arena arena = { .limit = UINT64_MAX };
	struct hash *h = hash_new(HASH_SHA256, e);
	struct deflater *x = deflater_new(&arena, e);
	uint8_t *vector = arena_new(&arena, DEFLATE_VECTOR_BYTES, 1, e);
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHOWN + 1];
	int rc = -1;

	if (h == NULL || x == NULL || vector == NULL ||
	    hash_stream(h, x, p, vector, e) == -1 || hash_end(h, digest, e) == -1)
		goto out;
	hex_encode(hex, digest, SHOWN);
	(void)snprintf(out, DEFLATE_NEED_MAX, DEFLATE_NEED_PREFIX "%u-%u-%u-%u:%s",
	    p->level, p->mem_level, p->strategy, p->window_bits, hex);
	rc = 0;
out:
	arena_free(&arena, vector, DEFLATE_VECTOR_BYTES, 1);
	deflater_free(&arena, x);
	hash_free(h);
	return rc;
}

/* The number before `end`, at most 15; what is not quite one shows later. */
static int
take(const char **at, char end, uint8_t *out)
{
	char *stop;
	unsigned long v = strtoul(*at, &stop, 10);

	if (stop == *at || *stop != end || v > 15)
		return -1;
	*at = stop + 1;
	*out = (uint8_t)v;
	return 0;
}

int
deflate_meets(const char *need, struct err *e)
{
	const char *at = need + strlen(DEFLATE_NEED_PREFIX);
	char mine[DEFLATE_NEED_MAX];
	struct deflate_params p;

	if (strncmp(need, DEFLATE_NEED_PREFIX, strlen(DEFLATE_NEED_PREFIX)) != 0 ||
	    take(&at, '-', &p.level) == -1 || take(&at, '-', &p.mem_level) == -1 ||
	    take(&at, '-', &p.strategy) == -1 || take(&at, ':', &p.window_bits) == -1 ||
	    p.level < 1 || p.level > 9 || p.mem_level < 1 || p.mem_level > 9 ||
	    p.strategy > DEFLATE_FIXED || p.window_bits < 9)
		return 0;
	if (deflate_need(&p, mine, e) == -1)
		return -1;
	return strcmp(mine, need) == 0;
}
