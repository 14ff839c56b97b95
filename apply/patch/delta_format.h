/*
 * delta_format.h - the bytes of delta format 1.  docs/delta-format.md explains.
 *
 *	4        magic "MKD1"; the last byte is the format
 *	8        first bytes of the SHA-256 of the old listing's text
 *	8        the same of the new one's
 *	varint   decoder memory in bytes
 *	varint   scratch bytes (0 in this format)
 *	varint   length of the reduced listing
 *	varint   which streams are there: bit k for kind k
 *	  each, lowest kind first:
 *	  u8       codec in bits 0 to 2, log2 of its window in bits 3 to 7
 *	  varint   packed bytes
 *	  varint   plain bytes (not for stored streams: the same)
 *	the packed streams in this order, up to the end of the file
 *
 * Control holds the reduced listing first, then each output in order:
 *	u8 method
 *	METHOD_RAW     all bytes from the extra stream
 *	METHOD_COPY    varint source (not for the listing: the old text is meant),
 *	METHOD_SPARSE  then until the output is full a block: zigzag from SEEK, a
 *	               length from COPY, a length from FRESH (never both 0); so many
 *	               bytes are copied and changed, so many taken from EXTRA
 *	METHOD_REPEAT  varint output that has the same bytes, counted from 0
 * METHOD_COPY adds one byte of DIFF to each copied byte, modulo 256.  So does
 * METHOD_SPARSE, but only where the byte is not 0: a varint of RUNS says how many
 * copied bytes stay as they are, one byte of CHANGES is added to the next, and
 * again; after the last run all stay.  Runs reach over blocks and outputs.
 */
#ifndef APPLY_PATCH_DELTA_FORMAT_H
#define APPLY_PATCH_DELTA_FORMAT_H

#define DELTA_MAGIC "MKD1"

enum delta_kind {
	DELTA_CONTROL,
	DELTA_SEEK,	/* from the end of the copy before to the next copy */
	DELTA_COPY,	/* bytes copied */
	DELTA_FRESH,	/* bytes that follow out of EXTRA */
	DELTA_RUNS,
	DELTA_CHANGES,
	DELTA_DIFF,
	DELTA_EXTRA,
	DELTA_KINDS
};

enum delta_codec {
	DELTA_STORED,
	DELTA_ZSTD,	/* RFC 8878, any number of frames */
	DELTA_LZMA,	/* one byte (pb * 5 + lp) * 9 + lc, then LZMA2 chunks */
	DELTA_CODECS
};

enum delta_method { METHOD_RAW, METHOD_COPY, METHOD_REPEAT, METHOD_SPARSE, METHODS };

enum {
	DELTA_MAGIC_BYTES = 4,
	DELTA_ID_BYTES = 8,	/* of the old listing, and of the new */
	DELTA_HEADER_MAX = 4 + 2 * 8 + 4 * 10 + DELTA_KINDS * 21,
	DELTA_WINDOW_LOG_MIN = 12,	/* of any window */
	/* Decoder memory: all of the first, and for each stream its window and
	 * what its codec takes beside (input, blocks, tables). */
	DELTA_MEMORY_FIXED = 256 * 1024,
	DELTA_MEMORY_STORED = 8 * 1024,
	DELTA_MEMORY_ZSTD = 576 * 1024,
	DELTA_MEMORY_LZMA = 160 * 1024
};

/* The largest window of each kind: with all streams in zstd a decoder's need
 * stays under 14 MiB. */
static const unsigned char delta_window_log_max[DELTA_KINDS] = {
	[DELTA_CONTROL] = 18,
	[DELTA_SEEK] = 18,
	[DELTA_COPY] = 18,
	[DELTA_FRESH] = 18,
	[DELTA_RUNS] = 20,
	[DELTA_CHANGES] = 20,
	[DELTA_DIFF] = 21,
	[DELTA_EXTRA] = 22,
};

#endif
