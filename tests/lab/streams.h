/*
 * streams.h - files with deflate streams in them, made by zlib itself; and the way
 * through both halves of the decoder.
 */
#ifndef TESTS_LAB_STREAMS_H
#define TESTS_LAB_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/patch/deflate.h"
#include "apply/patch/flow.h"
#include "apply/patch/old.h"
#include "manifest/base/buf.h"

/* n bytes of prose, a little different for each seed; the caller frees. */
uint8_t *streams_text(size_t n, uint32_t seed);
/* n bytes without any pattern. */
void streams_noise(struct buf *, size_t n, uint32_t seed);

/* Each is appended.  `name` NULL: none in the header. */
void streams_raw(struct buf *, const uint8_t *plain, size_t n,
    const struct deflate_params *);
void streams_gz(struct buf *, const char *name, const uint8_t *plain, size_t n,
    const struct deflate_params *);
void streams_zlib(struct buf *, const uint8_t *plain, size_t n,
    const struct deflate_params *);
/* A local file header and its data; `late`: sizes and sum stand behind the data. */
void streams_zip(struct buf *, const char *name, const uint8_t *plain, size_t n,
    bool late, const struct deflate_params *);

/* A frame of zstd, `sized` if its header says how long it is; an .xz stream of one
 * block.  Made with the libraries' simplest calls, not as the decoder does. */
void streams_zstd(struct buf *, const uint8_t *plain, size_t n, int level, bool sized,
    bool check);
void streams_xz(struct buf *, const uint8_t *plain, size_t n, uint32_t preset,
    bool x86);

extern const struct deflate_params streams_usual;	/* 6, 8, 0, 15 */

/* A buffer as the old side, as a sink, and as a list of varints. */
struct old streams_old(const struct buf *);
struct sink streams_sink(struct buf *);
struct streams_list {
	const struct buf *buf;
	size_t at;
};
struct numbers streams_numbers(struct streams_list *);

#endif
