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
#include "apply/patch/deflate.h"

enum { NOISE_FROM = 512 * 1024, NOISE_TO = NOISE_FROM + 128 * 1024 };

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
