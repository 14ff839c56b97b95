/*
 * deflate.h - raw deflate (RFC 1951), taken apart and made again bit for bit; the
 * doorway to zlib.
 *
 * Mostly zlib's own output is what is re-created, so other versions or other libraries
 * may give other bytes.  packing_need() names the behaviour of this one.
 */
#ifndef APPLY_PATCH_DEFLATE_H
#define APPLY_PATCH_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/flow.h"

enum deflate_strategy {
	DEFLATE_PLAIN,
	DEFLATE_FILTERED,
	DEFLATE_HUFFMAN,
	DEFLATE_RLE,
	DEFLATE_FIXED,
	DEFLATE_GNU,		/* not by zlib but by gnudeflate.h: levels 4 to 9 */
	DEFLATE_STRATEGIES
};

/* What decides the bytes that zlib makes.  Stored streams (level 0) depend on how
 * they were fed, and are left alone. */
struct deflate_params {
	uint8_t level;		/* 1 to 9 */
	uint8_t mem_level;	/* 1 to 9; DEFLATE_GNU: 8 */
	uint8_t strategy;	/* enum deflate_strategy */
	uint8_t window_bits;	/* 9 to 15; DEFLATE_GNU: 15 */
};

/* One number for each, 0 for what is used most: 6, 8, DEFLATE_PLAIN, 15. */
enum { DEFLATE_CODES = 7 * DEFLATE_STRATEGIES * 9 * 9 };	/* not all are in use */
unsigned deflate_code(const struct deflate_params *);
int deflate_decode(uint64_t code, struct deflate_params *);	/* -1: no such */
bool deflate_by_zlib(uint64_t code);	/* else it depends on no library */

/* One inflater takes any number of streams, one after the other. */
struct inflater;
struct inflater *inflater_new(struct arena *, struct err *);
void inflater_free(struct arena *, struct inflater *);		/* NULL is fine */
int inflater_start(struct inflater *, struct err *);
/* Takes bytes from *in and gives bytes to *out, moving both on, until one of them
 * is used up or the stream ends.  1 at its end, 0 before, -1 ERR_FORMAT. */
int inflater_run(struct inflater *, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, struct err *);

/* The same for the other way.  What comes out does not depend on the pieces that
 * go in: zlib is always fed 32 KiB at once, counted from the stream's start. */
struct deflater;
struct deflater *deflater_new(struct arena *, struct err *);
void deflater_free(struct arena *, struct deflater *);		/* NULL is fine */
/* `out` is borrowed until the end of the stream.  A stream that was not ended is
 * forgotten. */
int deflater_start(struct deflater *, const struct deflate_params *,
    const struct sink *out, struct err *);
int deflater_add(struct deflater *, const uint8_t *data, size_t n, struct err *);
int deflater_end(struct deflater *, struct err *);

/* What names a library's behaviour is made of this vector (packing.h). */
enum { DEFLATE_VECTOR_BYTES = 1 << 20 };
void deflate_vector(uint8_t *out);

#endif
