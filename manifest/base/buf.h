/*
 * buf.h - bytes that grow, with a maximum from birth.
 *
 * `data` is owned by the buffer and always followed by one NUL that `len`
 * does not count, so text in it can be read as a string.
 */
#ifndef MANIFEST_BASE_BUF_H
#define MANIFEST_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct buf {
	uint8_t *data;		/* NULL until the first byte */
	size_t len;
	size_t cap;
	size_t max;		/* len never exceeds this */
};

#define BUF_INIT(max_bytes) { NULL, 0, 0, (max_bytes) }

void buf_init(struct buf *, size_t max);
void buf_free(struct buf *);		/* then as after buf_init */
void buf_reset(struct buf *);		/* len 0, memory kept */

/* 0; -1: ERR_FORMAT when max would be passed, ERR_NOMEM.  Nothing is added then. */
int buf_add(struct buf *, const void *data, size_t n, struct err *);
int buf_add_byte(struct buf *, uint8_t, struct err *);
int buf_add_text(struct buf *, const char *, struct err *);
int buf_add_varint(struct buf *, uint64_t, struct err *);
int buf_addf(struct buf *, struct err *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Room for n more bytes at data + len, which the caller fills and counts. */
int buf_reserve(struct buf *, size_t n, struct err *);

/* The content as a string, "" when empty; valid until the next change. */
const char *buf_text(const struct buf *);

#endif
