/*
 * delta_format.h - the bytes of delta format 1.  docs/delta-format.md explains.
 *
 *	4        magic "MKD1"; the last byte is the format
 *	8        first bytes of the SHA-256 of the old listing's text
 *	8        the same of the new one's
 *	varint   decoder memory in bytes
 *	varint   scratch bytes on disk
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
 *	METHOD_REPEAT  varint output that has the same bytes, counted from 0
 *	METHOD_PATCH   varint flags, then what they say; then blocks until the output
 *	               is full: zigzag from SEEK, a length from COPY, a length from
 *	               FRESH (never both 0); so many bytes are copied and changed, so
 *	               many taken from EXTRA (CODE with images)
 *	  FLAG_SOURCES   varint sources - 1; the old side is all of them in this order
 *	  always         varint entry of each source (not for the listing)
 *	  FLAG_EXPANDED  both sides are meant in their expanded form; from LISTS what
 *	                 expanded.h says
 *	  FLAG_IMAGES    varint rules, images as in patch_output.c; then parts of the
 *	                 output, each: varint bytes (0: the rest), varint
 *	                 blocks, for each image varint overrides
 * A seek counts from where the copy before would go on if the fresh bytes behind it
 * had been copied as well.
 * One byte of DIFF is added to each copied byte, modulo 256.  With FLAG_SPARSE only
 * some change: a varint of RUNS says how many copied bytes stay as they are, one byte
 * of CHANGES is added to the next (FLAG_SUBSTITUTE: stands in its place), and again;
 * after the last run all stay.  Runs reach over blocks and outputs.  Where there is no
 * stream of CHANGES, each such byte is in RUNS, behind its number.
 */
#ifndef APPLY_PATCH_DELTA_FORMAT_H
#define APPLY_PATCH_DELTA_FORMAT_H

#define DELTA_MAGIC "MKD1"

enum delta_kind {
	DELTA_CONTROL,
	DELTA_SEEK,	/* from where the copy before would go on to the next copy */
	DELTA_COPY,	/* bytes copied */
	DELTA_FRESH,	/* bytes that follow out of EXTRA or CODE */
	DELTA_RUNS,
	DELTA_CHANGES,
	DELTA_DIFF,
	DELTA_EXTRA,
	DELTA_CODE,	/* fresh bytes of outputs with images */
	DELTA_TARGETS,	/* overrides of the address map */
	DELTA_LISTS,	/* of deflate streams */
	DELTA_KINDS
};

enum delta_codec {
	DELTA_STORED,
	DELTA_ZSTD,	/* RFC 8878, any number of frames */
	DELTA_LZMA,	/* one byte (pb * 5 + lp) * 9 + lc, then LZMA2 chunks */
	DELTA_CODECS
};

enum delta_method { METHOD_RAW, METHOD_PATCH, METHOD_REPEAT, METHODS };

enum delta_flag {
	FLAG_SPARSE = 1,
	FLAG_SUBSTITUTE = 2,	/* with FLAG_SPARSE only */
	FLAG_SOURCES = 4,
	FLAG_IMAGES = 8,
	FLAG_EXPANDED = 16,
	FLAG_PIECES = 32,	/* with FLAG_IMAGES only: images are in pieces */
	FLAGS_ALL = 63
};

enum {
	DELTA_MAGIC_BYTES = 4,
	DELTA_ID_BYTES = 8,	/* of the old listing, and of the new */
	DELTA_HEADER_MAX = 4 + 2 * 8 + 4 * 10 + DELTA_KINDS * 21,
	DELTA_WINDOW_LOG_MIN = 12,	/* of any window */
	DELTA_WINDOW_LOG_MAX = 23,
	DELTA_SOURCES_MAX = 16,
	DELTA_IMAGES_MAX = 4096,
	DELTA_ANCHORS_MAX = 64,		/* of an image */
	/* Decoder memory: all of the first, for each stream its window and what its
	 * codec takes beside (input, blocks, tables); what is declared beyond that is
	 * for images, blocks and maps (arena.h). */
	DELTA_MEMORY_FIXED = 256 * 1024,
	DELTA_MEMORY_STORED = 8 * 1024,
	DELTA_MEMORY_ZSTD = 576 * 1024,
	DELTA_MEMORY_LZMA = 160 * 1024
};

/* No delta needs more. */
#define DELTA_MEMORY_MAX ((uint64_t)16 << 20)

/* A part of an output with images. */
#define DELTA_PART_MAX ((uint64_t)1 << 31)

#endif
