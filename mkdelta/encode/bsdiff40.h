/*
 * bsdiff40.h - patches of Percival's bsdiff 4, read and written (docs/bsdiff40.md).
 *
 * Such a patch says nothing about the old file: on a wrong one it builds wrong bytes,
 * and nobody notices.
 */
#ifndef MKDELTA_ENCODE_BSDIFF40_H
#define MKDELTA_ENCODE_BSDIFF40_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#define BSDIFF40_MAGIC "BSDIFF40"

enum { BSDIFF40_MAGIC_BYTES = 8, BSDIFF40_HEADER_BYTES = 32 };

struct bsdiff40 {
	uint64_t control_bytes, diff_bytes, extra_bytes;	/* packed */
	uint64_t new_bytes;
};

/* Does the file begin like one? */
int bsdiff40_is(int fd, uint64_t bytes, bool *is, struct err *);
/* The header of a patch of `bytes` bytes; ERR_FORMAT when it does not fit them. */
int bsdiff40_header(int fd, uint64_t bytes, struct bsdiff40 *, struct err *);

typedef int bsdiff40_take(void *arg, const uint8_t *data, size_t n, struct err *);

/* Build the new file of old_fd, which has old_bytes; its bytes come in order.
 * ERR_FORMAT when the patch is damaged or reaches outside of the old file. */
int bsdiff40_apply(int patch_fd, uint64_t patch_bytes, int old_fd, uint64_t old_bytes,
    bsdiff40_take *take, void *arg, struct err *);

/* The patch of old to new, both whole in memory, into fd.  memory_bytes bounds the
 * suffix array, as bsdiff_blocks() says; 0: 2 GiB. */
int bsdiff40_write(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
    uint64_t memory_bytes, int fd, struct err *);

/* The patch of two files, by their descriptors: written into fd, then applied and
 * compared.  The size of the patch is returned in *patch_bytes. */
int bsdiff40_make(int old_fd, int new_fd, uint64_t memory_bytes, int fd,
    uint64_t *patch_bytes, struct err *);

#endif
