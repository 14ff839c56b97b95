/*
 * mix.h - the bits of a number spread (the finalizer of MurmurHash3, 32 bits; Austin
 * Appleby, public domain algorithm).
 */
#ifndef MKDELTA_ENCODE_MIX_H
#define MKDELTA_ENCODE_MIX_H

#include <stdint.h>

static inline uint32_t
mix32(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x85ebca6bu;
	x ^= x >> 13;
	x *= 0xc2b2ae35u;
	return x ^ x >> 16;
}

#endif
