/*
 * effort.h - what the encoder tries, by one number: 1 is fast, 9 is small.
 */
#ifndef MKDELTA_ENCODE_EFFORT_H
#define MKDELTA_ENCODE_EFFORT_H

#include <stdbool.h>

enum { EFFORT_MIN = 1, EFFORT_DEFAULT = 5, EFFORT_MAX = 9, EFFORT_THRESHOLDS = 4 };

struct effort {
	unsigned preset;	/* of LZMA */
	bool extreme;
	bool all_codecs;	/* every setting and zstd, for each stream */
	unsigned passes;	/* of matching by meaning */
	bool exact;		/* each with a suffix array */
	/* By how many bytes a match must be better; 0 ends the list. */
	unsigned thresholds[EFFORT_THRESHOLDS];
};

/* 0: the default; beyond the ends: the end. */
const struct effort *effort_of(unsigned n);

#endif
