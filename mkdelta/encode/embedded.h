/*
 * embedded.h - blocks of files that hold executables: images of filesystems, archives.
 *
 * Executables are found on both sides and paired by content.  Each pair is matched by
 * itself, by what its code means, so work and memory are those of its own size; then
 * what no pair covers, joined, as other files are.
 */
#ifndef MKDELTA_ENCODE_EMBEDDED_H
#define MKDELTA_ENCODE_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "mkdelta/encode/bsdiff.h"
#include "mkdelta/encode/prediction.h"

struct embedded_job {
	struct prediction_job files;	/* without match, arg */
	/* The blocks of any two strings of bytes, by one of several threads. */
	int (*match)(void *arg, bool rough, const uint8_t *old, size_t n_old,
	    const uint8_t *new, size_t n_new, struct blocks *, struct err *);
	void *arg;
	unsigned jobs;
	uint64_t memory_bytes;		/* beside the files */
	uint64_t decoder_bytes;		/* more than that it may not need */
};

/* As prediction_find(). */
int embedded_find(const struct embedded_job *, struct blocks *, struct prediction *out,
    uint8_t *predicted, struct err *);

#endif
