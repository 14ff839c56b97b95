/*
 * frames.h - a stream of bytes, cut into zstd frames that stand alone.
 *
 * Several threads compress; the frames come out in order and are the same for any
 * number of threads.  A frame ends
 *	- where an entry begins, from three quarters of the wanted size on
 *	- inside a content at the wanted size, unless at most a quarter of the
 *	  wanted size is left of that content
 * so no frame holds more than five quarters, but for headers.
 */
#ifndef MKDELTA_FRAMES_H
#define MKDELTA_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "mkdelta/pack.h"

struct frames;

/* out_fd is borrowed; written to from its current offset. */
struct frames *frames_open(int out_fd, int level, unsigned jobs, size_t frame_bytes,
    struct err *);

/* An entry begins. */
int frames_boundary(struct frames *, struct err *);
/* The next bytes; `left` bytes of the same content come after them. */
int frames_add(struct frames *, const void *data, size_t n, uint64_t left, struct err *);
/* No more: all frames are written.  The array becomes the caller's. */
int frames_end(struct frames *, struct pack_frame **list, size_t *n, struct err *);
/* After frames_end: bytes that belong to no frame.  *where gets them as such. */
int frames_append(struct frames *, const void *data, size_t n, struct pack_frame *where,
    struct err *);
/* After all: bytes of the artifact and its hash. */
int frames_total(struct frames *, uint64_t *bytes, struct sha256 *, struct err *);
void frames_close(struct frames *);	/* NULL is fine; waits for the threads */

#endif
