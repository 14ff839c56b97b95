/*
 * delta_header.h - what stands before the streams of a delta, read and checked.
 */
#ifndef APPLY_PATCH_DELTA_HEADER_H
#define APPLY_PATCH_DELTA_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/delta_format.h"

struct delta_stream {
	bool there;
	enum delta_codec codec;
	unsigned window_log;
	uint64_t packed, plain;		/* bytes */
	uint64_t offset;		/* in the file */
};

struct delta_header {
	uint8_t old_id[DELTA_ID_BYTES], new_id[DELTA_ID_BYTES];
	uint64_t memory, scratch, listing_bytes;
	struct delta_stream streams[DELTA_KINDS];
};

/* Of the file open as fd.  ERR_FORMAT when it is no delta, one of another
 * format, streams do not end where the file does, or they need more memory than
 * is declared. */
int delta_header_read(int fd, struct delta_header *, struct err *);

/* Bytes that a decoder of these streams takes: what is to be declared. */
uint64_t delta_header_memory(const struct delta_header *);

#endif
