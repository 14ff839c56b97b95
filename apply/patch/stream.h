/*
 * stream.h - one stream of a delta: packed bytes in the file, plain bytes out.
 */
#ifndef APPLY_PATCH_STREAM_H
#define APPLY_PATCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/delta_header.h"

struct stream;

/* As its header says, out of fd (borrowed).  One that is not there is empty. */
struct stream *stream_open(int fd, const struct delta_stream *, struct err *);
void stream_close(struct stream *);

/* Exactly n bytes; ERR_FORMAT when there are fewer. */
int stream_read(struct stream *, void *out, size_t n, struct err *);
int stream_byte(struct stream *, uint8_t *out, struct err *);
int stream_varint(struct stream *, uint64_t *out, struct err *);
/* All bytes were read, and the packed ones hold no more.  Else ERR_FORMAT. */
int stream_end(struct stream *, struct err *);
uint64_t stream_left(const struct stream *);	/* plain bytes not read yet */

#endif
