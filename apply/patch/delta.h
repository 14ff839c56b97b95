/*
 * delta.h - the decoder: a delta and an old tree become the files of a new one.
 *
 * The caller has checked the delta's hash.  Use:
 *
 *	d = delta_open(fd, ...)              header and stream table, bounded
 *	delta_listing(d, old_text, &buf)     the reduced listing of the new tree
 *	  caller parses it (manifest/listing.h) and knows the outputs
 *	for each output in listing order:
 *	    delta_build(d, size, &io)        its bytes, in order, to io.write
 *	delta_end(d)                         all streams are used up
 *	delta_close(d)
 *
 * A delta between two single files is the same with trees of one entry.
 * Sources are entries of the old listing, by index, and earlier outputs.
 * Memory: constant, and as signed (delta_memory()).  Nothing in here knows paths.
 */
#ifndef APPLY_PATCH_DELTA_H
#define APPLY_PATCH_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

struct delta;
struct predict;

struct delta_io {
	void *arg;
	/* Descriptor of the old entry `index` for pread, its size in *bytes; behind
	 * the last entry, of an output built before, 0 being the first one.
	 * Borrowed until the next call; ERR_FORMAT when it is no file. */
	int (*open_old)(void *arg, uint64_t index, int *fd, uint64_t *bytes,
	    struct err *);
	/* The next n bytes of the output. */
	int (*write)(void *arg, const uint8_t *data, size_t n, struct err *);
	/* This output has the bytes of an earlier one, all of them: number
	 * `output`, 0 being the first one built.  ERR_FORMAT when sizes differ. */
	int (*repeat)(void *arg, uint64_t output, struct err *);
	/* An empty file for reading and writing that has no name, for what does not
	 * fit into memory: delta_scratch() bytes at most.  The delta closes it. */
	int (*scratch)(void *arg, int *fd, struct err *);
	/* For who wants to know how good the guesses are, else NULL: n copied bytes of an
	 * output with images, from old offset old_at on; the references in them are in
	 * predict->refs.  Called twice: as they were predicted, then as they are. */
	void (*watch)(void *arg, const struct predict *, uint64_t old_at,
	    const uint8_t *bytes, size_t n, bool done);
};

/* fd is borrowed; memory_limit: what the caller lets it use (ERR_ROOM beyond,
 * naming both).  ERR_FORMAT: not a delta, or one of another format. */
struct delta *delta_open(int fd, uint64_t memory_limit, struct err *);
void delta_close(struct delta *);

/* The reduced listing, built from the old listing's text; appended to out.
 * ERR_TRUST when the delta was made for another old listing. */
int delta_listing(struct delta *, const void *old_text, size_t old_bytes,
    struct buf *out, struct err *);

/* The next output, `bytes` long. */
int delta_build(struct delta *, uint64_t bytes, const struct delta_io *,
    struct err *);

/* ERR_FORMAT when something of the delta was never used. */
int delta_end(struct delta *, struct err *);

/* What the header says it needs, as is signed in the edge. */
uint64_t delta_memory(const struct delta *);
uint64_t delta_scratch(const struct delta *);
uint64_t delta_listing_bytes(const struct delta *);
/* The first DELTA_ID_SHOWN bytes of the SHA-256 of the old listing it was made
 * for, and of the new one it makes (a check for those who have no signed one). */
enum { DELTA_ID_SHOWN = 8 };
const uint8_t *delta_old_id(const struct delta *);
const uint8_t *delta_new_id(const struct delta *);

/* What `inspect` shows; DELTA_STREAMS_MAX of them at most. */
enum { DELTA_STREAMS_MAX = 11 };
struct delta_stream_info {
	const char *name;		/* "control", "diff", "extra"... */
	const char *codec;		/* "zstd", "lzma", "stored" */
	uint64_t packed_bytes, plain_bytes;
	uint64_t used_bytes;		/* plain bytes that were read so far */
};
size_t delta_streams(const struct delta *, struct delta_stream_info *out, size_t max);
/* The method and (first) source of the output built last: "raw", "copy", "sparse",
 * "predict" (references were rewritten), "inflate" (deflate streams were made again),
 * "repeat"; all but "raw" have a source. */
const char *delta_last_method(const struct delta *, uint64_t *source);

#endif
