/*
 * alike.h - bytes in common and places apart: the inner loops of all searches.
 */
#ifndef MKDELTA_ENCODE_ALIKE_H
#define MKDELTA_ENCODE_ALIKE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many bytes a and b have in common from the front, max at most. */
static inline size_t
alike_bytes(const uint8_t *a, const uint8_t *b, size_t max)
{
	size_t n = 0;

	while (n + 8 <= max && memcmp(a + n, b + n, 8) == 0)
		n += 8;
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/* How far apart two places are. */
static inline size_t
alike_apart(size_t a, size_t b)
{
	return a < b ? b - a : a - b;
}

#endif
