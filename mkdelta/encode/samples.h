/*
 * samples.h - a sample of the windows of 32 bytes that a file holds, by their hashes.
 *
 * A window is in the sample if its hash ends in so many zero bits: the same windows are
 * taken wherever they stand (Manber 1994), so what two files share shows in a part of
 * them, whatever else is in either.
 */
#ifndef MKDELTA_ENCODE_SAMPLES_H
#define MKDELTA_ENCODE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { SAMPLES_WINDOW = 32, SAMPLES_LOG_MIN = 4 };

/* Bytes go through it in any pieces. */
struct sampler {
	unsigned log;		/* one window of 2^log, SAMPLES_LOG_MIN at least */
	/* Called for each window of the sample, in order of place. */
	int (*take)(void *arg, uint32_t hash, struct err *);
	void *arg;
	uint32_t rolling;	/* 0 at first, like */
	uint64_t seen;
};

int sampler_add(struct sampler *, const uint8_t *data, size_t n, struct err *);
/* All of the file open as fd. */
int sampler_add_fd(struct sampler *, int fd, struct err *);

/* So many that a file of n bytes has few thousand. */
unsigned samples_log(uint64_t n);

/* A list of hashes, as taken. */
struct samples {
	uint32_t *v;		/* owned */
	size_t n, cap;
};

int samples_take(void *samples, uint32_t hash, struct err *);	/* for a sampler */
void samples_free(struct samples *);
/* Ascending, each once; then: is it there? */
void samples_sort(struct samples *);
bool samples_have(const struct samples *, uint32_t value);

#endif
