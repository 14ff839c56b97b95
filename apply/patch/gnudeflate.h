/*
 * gnudeflate.h - deflate as GNU gzip writes it, levels 4 to 9, bit for bit.
 *
 * It finds the matches that zlib finds, but looks every 4096 tokens whether to end the
 * block, so zlib makes its longer streams with no parameters.  This is what comes out
 * of gzip(1) for a file; it depends on nothing but the bytes.
 */
#ifndef APPLY_PATCH_GNUDEFLATE_H
#define APPLY_PATCH_GNUDEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/blocks.h"
#include "apply/patch/flow.h"

enum { GNU_WINDOW = 32768, GNU_LOOKAHEAD = 262, GNU_LEVEL_MIN = 4 };

struct gnudeflate {
	unsigned level;
	uint32_t at;		/* in the window: the byte at hand */
	uint32_t ahead;		/* bytes known from there on */
	uint32_t want, got;	/* of the read under way */
	bool begun, ended;	/* the first read is done; there was nothing more */
	int64_t block_at;	/* in the window, maybe before it */
	uint32_t hash;
	unsigned length;	/* of the match at hand */
	uint32_t match;		/* where it is */
	bool pending;		/* the byte before is not written yet */
	uint16_t head[GNU_WINDOW], before[GNU_WINDOW];
	uint8_t window[2 * GNU_WINDOW + GNU_LOOKAHEAD];
	struct blocks_out out;
};

/* The struct need not be cleared.  `sink` is borrowed until the end. */
void gnudeflate_start(struct gnudeflate *, unsigned level, const struct sink *sink);
int gnudeflate_add(struct gnudeflate *, const uint8_t *data, size_t n, struct err *);
int gnudeflate_end(struct gnudeflate *, struct err *);

#endif
