/*
 * delta_pair.h - two trees in a scratch folder, and the delta between them.  Any
 * failure fails the test.
 */
#ifndef TESTS_LAB_DELTA_PAIR_H
#define TESTS_LAB_DELTA_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/listing.h"

#include "mkdelta/encode/delta_write.h"

#include "tests/lab/scratch.h"

struct delta_pair {
	int old_dir, new_dir;
	struct listing *old, *new;
	int delta;			/* its bytes, in memory */
	struct delta_stats stats;
};

/* n bytes that depend on the seed alone and do not compress; owned. */
uint8_t *pair_bytes(size_t n, unsigned seed);
/* A file with these bytes, or with those of a seed. */
void pair_put(const struct scratch *, const char *rel, const void *data, size_t n);
void pair_fill(const struct scratch *, const char *rel, size_t n, unsigned seed);

/* Empty folders "old" and "new". */
void pair_folders(const struct scratch *);
/* Scan both and make the delta. */
void pair_open(const struct scratch *, struct delta_pair *);
void pair_close(struct delta_pair *);
/* Once more, with so many threads and so much memory; a new descriptor. */
int pair_encode(struct delta_pair *, unsigned jobs, uint64_t memory_bytes);

/* The device's decoder makes the new tree of it. */
void pair_must_hold(const struct delta_pair *);
/* All of the above with what stands in both folders: the bytes of the delta. */
uint64_t pair_round_trip(const struct scratch *);
/* Plain bytes of the stream `name`, 0
 * when it is not there. */
uint64_t pair_stream(const struct delta_pair *, const char *name);

/* A file in memory with these bytes. */
int pair_memory_file(const uint8_t *data, size_t n);

#endif
