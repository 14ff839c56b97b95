/*
 * rec.h - what logdisk writes down and replay reads: records one after the other.
 */
#ifndef TESTS_RIGS_REC_H
#define TESTS_RIGS_REC_H

#include <stdint.h>

enum { REC_WRITE = 1, REC_FLUSH = 2, REC_MARK = 3 };

struct rec {
	uint32_t type;
	uint32_t len;		/* bytes that follow: of the write, the mark's text */
	uint64_t off;		/* on the disk, of a write */
};

#endif
