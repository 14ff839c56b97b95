/*
 * opening.h - where packed bytes may begin: a deflate stream right behind the header of
 * a gzip member (RFC 1952), of a zip entry (local file header) or of zlib (RFC 1950), a
 * zstd frame (RFC 8878) behind its magic number, the data of the first block of an .xz
 * stream (xz format 1.2.0) behind the block's header.
 *
 * Fed with the bytes between the streams, one behind the other, it names the same
 * places on both sides of a delta, so lists of streams need no positions: only
 * how many places to pass over.  It sees nothing but these bytes; anything goes.
 */
#ifndef APPLY_PATCH_OPENING_H
#define APPLY_PATCH_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opening_kind { OPENING_DEFLATE, OPENING_ZSTD, OPENING_XZ };
enum { OPENING_HEAD_MAX = 32 };

struct opening {
	uint8_t kind;		/* of the place that opening_feed() came to */
	uint8_t head[OPENING_HEAD_MAX];	/* OPENING_XZ: the block's header */
	uint8_t xz_at;		/* bytes of headers so far, 0: in none */
	uint64_t last;		/* the last eight bytes */
	uint32_t zip_at;	/* bytes of a local header so far, 0: in none */
	uint32_t zip_left;	/* name and extra field still to come */
	uint32_t gz_at, gz_left;
	uint8_t gz_flags, gz_part;
	uint16_t zip_name;
};

/* Before the first byte, and again behind each stream. */
void opening_start(struct opening *);

/* Takes bytes up to and including the one that a stream may follow: how many is
 * returned, *here is true then, and `kind` says of what.  Else all n were taken. */
size_t opening_feed(struct opening *, const uint8_t *data, size_t n, bool *here);

#endif
