/*
 * delta_write.h - the encoder: two trees become a delta (docs/delta-format.md).
 */
#ifndef MKDELTA_ENCODE_DELTA_WRITE_H
#define MKDELTA_ENCODE_DELTA_WRITE_H

#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

/* Fixed, not taken from the machine: the same delta everywhere. */
#define DELTA_JOB_MEMORY ((uint64_t)2 << 30)

struct delta_job {
	const struct listing *from, *to;	/* listing_index() was called on both */
	int from_dir, to_dir;	/* the trees, borrowed */
	const char *from_name, *to_name;	/* NULL; for single files: theirs */
	unsigned jobs;		/* threads, 0: one a core */
	uint64_t memory_bytes;	/* for matching, over all threads; 0: DELTA_JOB_MEMORY */
	unsigned effort;	/* 1 to 9 (effort.h), 0: the default */
	uint32_t without;	/* mask of enum without: what may not be used */
};

/* Sets of packing parameters that a delta may need. */
enum { DELTA_NEEDS_DEFLATE_MAX = 8 };

struct delta_stats {
	uint64_t bytes;		/* of the delta */
	uint64_t output_bytes;	/* that it builds */
	uint64_t outputs;	/* files that it builds */
	uint64_t memory_bytes;	/* the decoder needs, as is signed */
	uint64_t scratch_bytes;
	uint32_t rules;		/* that the decoder must know (rule.h) */
	/* What a device's libraries must make the same bytes with: parameters, and
	 * packing_need()'s log; ascending. */
	unsigned codes[DELTA_NEEDS_DEFLATE_MAX], logs[DELTA_NEEDS_DEFLATE_MAX];
	size_t n_codes;
};

/* Write the delta to out_fd (new and empty, for reading and writing).  The same
 * trees, memory_bytes, effort and without give the same bytes, whatever `jobs`.
 * Beside that memory there are packers (about 50 MiB a thread) and 4 MiB a stream;
 * what is beyond goes to files below $TMPDIR or /var/tmp that have no name. */
int delta_write(const struct delta_job *, int out_fd, struct delta_stats *,
    struct err *);

#endif
