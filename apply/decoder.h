/*
 * decoder.h - deltas, fulls and packed listings decoded by delta-apply-decode: a child
 * without rights (decode/jail.h), one for each object.
 *
 *	d = decoder_delta(fd, ...)		the child is ready, the header read
 *	decoder_listing(d, old_text, &buf)	the reduced listing of the new tree
 *	for each output: decoder_build(d, bytes, &io)
 *	decoder_end(d)
 *	decoder_close(d)			it has ended, whatever it did
 *
 * All that comes from it is bounded and checked here; it reads only what it is given
 * and writes nothing but its scratch file.  Errors are those of apply/patch; a child
 * that dies, lies or says nothing for too long is ERR_FORMAT, as a damaged object.
 * ERR_FAIL: it cannot be started, with what to do.  ERR_CANCEL.
 */
#ifndef APPLY_DECODER_H
#define APPLY_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct decoder;

struct decoder_io {
	void *arg;
	/* Entry `index` of the old listing for reading; behind the last entry, an output
	 * built before, 0 being the first one.  Owned by the decoder. */
	int (*open_old)(void *arg, uint64_t index, int *fd, uint64_t *bytes,
	    struct err *);
	int (*write)(void *arg, const uint8_t *data, size_t n, struct err *);
	/* All bytes of output `number` are written again. */
	int (*repeat)(void *arg, uint64_t number, struct err *);
	/* An empty file without a name.  Owned by the decoder. */
	int (*scratch)(void *arg, int *fd, struct err *);
};

/* What was signed of an object, or is allowed; the child gets no more. */
struct decoder_limits {
	uint64_t memory;	/* of a delta, as is allowed: ERR_ROOM beyond */
	uint64_t texts;		/* of a delta: old and new listing */
	uint64_t scratch;	/* of a delta: ERR_FORMAT when it declares more */
	uint64_t packed, plain;	/* of a full */
	unsigned patience_s;	/* without a byte of output; 0: as is usual */
};

struct decoder *decoder_delta(int fd, const struct decoder_limits *, struct err *);
int decoder_listing(struct decoder *, const void *old_text, size_t old_bytes,
    struct buf *out, struct err *);
int decoder_build(struct decoder *, uint64_t bytes, const struct decoder_io *,
    struct err *);
int decoder_end(struct decoder *, struct err *);

struct decoder_entry {
	char path[4097];	/* as in a listing */
	bool is_file;
	uint64_t bytes;
};
struct decoder *decoder_full(int fd, const struct decoder_limits *, struct err *);
/* 1 an entry, 0 the end, -1. */
int decoder_next(struct decoder *, struct decoder_entry *, struct err *);
/* The content of this entry, all of it. */
int decoder_take(struct decoder *, const struct decoder_entry *,
    const struct decoder_io *, struct err *);

void decoder_close(struct decoder *);	/* NULL is fine */

/* All of a packed text appended to out, whose max is the limit. */
int decoder_text(int fd, struct buf *out, struct err *);

/* Is it able to what `needs` calls so (apply/patch/ability.h)?  Asked once a run. */
bool decoder_knows(const char *need);

#endif
