/*
 * blocks.h - literals and matches become blocks of deflate (RFC 1951) with the code
 * lengths that zlib and GNU gzip give them.
 *
 * Where two codes are as good, both programs choose alike; what they do not share is
 * where a block ends.  That is the caller's matter.
 */
#ifndef APPLY_PATCH_BLOCKS_H
#define APPLY_PATCH_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/flow.h"

enum {
	BLOCK_TOKENS = 32768,
	LITERAL_CODES = 286,
	DISTANCE_CODES = 30,
	LENGTH_CODES = 19,	/* of code lengths */
	TREE_NODES = 2 * LITERAL_CODES + 1
};

struct tree {
	uint32_t freq[TREE_NODES];
	uint16_t code[LITERAL_CODES + 2];	/* the fixed tree has two more */
	uint8_t len[TREE_NODES];
	int max_code;		/* the largest in use */
};

struct blocks_out {
	const struct sink *sink;
	struct tree literals, distances, lengths;
	uint8_t symbol[BLOCK_TOKENS];		/* a literal, or a length - 3 */
	uint16_t distance[BLOCK_TOKENS];	/* 0: a literal */
	size_t tokens, matches;
	uint32_t bits;
	unsigned n_bits;
	size_t filled;
	uint8_t out[4096];
};

void blocks_start(struct blocks_out *, const struct sink *);	/* borrowed */
void blocks_literal(struct blocks_out *, uint8_t);
/* 3 to 258 bytes from `distance` (1 to 32768) before. */
void blocks_match(struct blocks_out *, unsigned length, unsigned distance);
/* Write the block of all tokens so far.  raw: the n bytes that they stand for, stored
 * if that is smaller; NULL: no longer at hand.  After the last one all is written. */
int blocks_flush(struct blocks_out *, const uint8_t *raw, size_t n, bool last,
    struct err *);

unsigned blocks_distance_code(unsigned distance);
unsigned blocks_distance_bits(unsigned code);	/* extra bits of it */

#endif
