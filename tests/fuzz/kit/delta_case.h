/*
 * delta_case.h - a delta in parts, each with two bytes of length before it, so that a
 * fuzzer changes the numbers of a stream without breaking the header around them:
 *
 *	options	u8 bit 0: of another old tree; bit 1: a byte too many; bit 7: the first
 *		stream is the delta, as it is
 *		u16 memory for outputs, in 4 KiB; u16 scratch space, in 256 bytes; u16
 *		bytes of the listing
 *		for each stream u8: how it is packed (enum case_how) + 8 * log2 of its
 *		window
 *	sizes	of the outputs, as varints
 *	text	of the old listing
 *	files	1 to 3 of the old listing, CASE_FILES parts
 *	streams	DELTA_KINDS parts, plain; or packed, a varint with the plain bytes before
 *
 * Parts that are cut off at the end are empty.
 */
#ifndef TESTS_FUZZ_KIT_DELTA_CASE_H
#define TESTS_FUZZ_KIT_DELTA_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "apply/patch/delta_format.h"

enum {
	CASE_OPTIONS, CASE_SIZES, CASE_TEXT, CASE_FILE,
	CASE_FILES = 3,
	CASE_STREAM = CASE_FILE + CASE_FILES,
	CASE_PARTS = CASE_STREAM + DELTA_KINDS,
	CASE_OPTION_BYTES = 7 + DELTA_KINDS,
	CASE_HOW = 7,			/* the first of them in the options */
	CASE_PART_MAX = UINT16_MAX,
	/* What a delta takes beside the parts. */
	CASE_BESIDE = DELTA_HEADER_MAX + DELTA_KINDS * 256
};

enum case_how {
	CASE_STORED,
	CASE_ZSTD_RAW,	/* a frame of raw blocks is made */
	CASE_LZMA_RAW,	/* uncompressed chunks are made */
	CASE_ZSTD,	/* the part is packed */
	CASE_LZMA,
	CASE_ABSENT	/* and all above */
};

struct case_part {
	const uint8_t *p;
	size_t n;
};

/* Where the part of changes is CASE_ABSENT, they stand in runs. */
struct delta_case {
	struct case_part parts[CASE_PARTS];
};

/* Borrows the bytes. */
void case_parse(struct delta_case *, const uint8_t *data, size_t n);
/* Into out; the bytes, 0 when they are more than max. */
size_t case_store(const struct delta_case *, uint8_t *out, size_t max);

/* Byte i of the options, 0 when it is not there. */
unsigned case_option(const struct delta_case *, size_t i);

/* The delta; out has room for all parts and CASE_BESIDE. */
size_t case_delta(const struct delta_case *, uint8_t *out);

/* Another one, at most max bytes; `out` holds the one to start from, n bytes. */
size_t case_mutate(uint8_t *out, size_t n, size_t max, unsigned seed);
/* Parts of both. */
size_t case_cross(const struct delta_case *, const struct delta_case *, uint8_t *out,
    size_t max, unsigned seed);

#endif
