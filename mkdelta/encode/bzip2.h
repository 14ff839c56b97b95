/*
 * bzip2.h - whole bzip2 streams, as patches of bsdiff hold them.
 *
 * The doorway to libbz2.
 */
#ifndef MKDELTA_ENCODE_BZIP2_H
#define MKDELTA_ENCODE_BZIP2_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct bzread;

/* The one stream in the `bytes` of fd from `at` on; fd is borrowed, its offset is not
 * used.  `what` names it in messages and is borrowed as well. */
struct bzread *bzread_open(int fd, uint64_t at, uint64_t bytes, const char *what,
    struct err *);
/* Exactly n unpacked bytes; ERR_FORMAT when damaged or when there are fewer. */
int bzread_get(struct bzread *, void *data, size_t n, struct err *);
/* ERR_FORMAT unless the stream ends here, its checksum is right, and so do its
 * packed bytes. */
int bzread_end(struct bzread *, struct err *);
void bzread_close(struct bzread *);	/* NULL is fine */

struct bzwrite;

/* Packed bytes are appended to out, which is borrowed. */
struct bzwrite *bzwrite_open(struct buf *out, struct err *);
int bzwrite_add(struct bzwrite *, const void *data, size_t n, struct err *);
int bzwrite_end(struct bzwrite *, struct err *);
void bzwrite_close(struct bzwrite *);	/* NULL is fine */

#endif
