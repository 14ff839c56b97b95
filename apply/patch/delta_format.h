/*
 * delta_format.h - the bytes of delta format 1.  docs/delta-format.md explains.
 *
 *	4        magic "MKD1"
 *	8        first bytes of the SHA-256 of the old listing's text
 *	8        the same of the new one's
 *	varint   decoder memory in bytes
 *	varint   scratch bytes (0 in this version)
 *	varint   length of the reduced listing
 *	varint   number of streams, at most DELTA_STREAMS_MAX
 *	  per stream: u8 kind, u8 codec, varint packed bytes, varint plain bytes
 *	the packed streams, in this order, up to the end of the file
 *
 * Control stream: the reduced listing first, then each output in order:
 *	u8 method
 *	METHOD_RAW     all bytes from the extra stream
 *	METHOD_COPY    varint source (not for the listing: the old text is meant),
 *	               then until the output is full:
 *	               varint zigzag seek, varint copy bytes, varint extra bytes
 *	               (never both 0)
 *	METHOD_REPEAT  varint output that has the same bytes, counted from 0
 * A copied byte is the old byte plus one byte of the difference, modulo 256.  The
 * difference is the diff stream as it is, or, where the runs stream is there, for
 * each of its varints so many zeros and then one byte of the bytes stream; after
 * the last one zeros to the end.
 */
#ifndef APPLY_PATCH_DELTA_FORMAT_H
#define APPLY_PATCH_DELTA_FORMAT_H

#define DELTA_MAGIC "MKD1"

enum {
	DELTA_MAGIC_BYTES = 4,
	DELTA_ID_BYTES = 8,	/* of the old listing, and of the new */
	DELTA_STREAMS_MAX = 8,
	DELTA_HEADER_MAX = 4 + 2 * 8 + 4 * 10 + DELTA_STREAMS_MAX * 22,
	/* Windows of the streams: 1 + 2 + 4 + 1 + 1 MiB; diff or runs and bytes. */
	DELTA_WINDOW_LOG_CONTROL = 20,
	DELTA_WINDOW_LOG_DIFF = 21,
	DELTA_WINDOW_LOG_EXTRA = 22,
	DELTA_WINDOW_LOG_RUNS = 20,
	DELTA_WINDOW_LOG_BYTES = 20,
	/* Beside the windows: blocks, tables and buffers of the decoder. */
	DELTA_MEMORY_FIXED = 2 << 20
};

enum delta_kind {
	DELTA_CONTROL, DELTA_DIFF, DELTA_EXTRA, DELTA_RUNS, DELTA_BYTES, DELTA_KINDS
};
enum delta_codec { DELTA_STORED, DELTA_ZSTD, DELTA_LZMA2, DELTA_CODECS };
enum delta_method { METHOD_RAW, METHOD_COPY, METHOD_REPEAT };

#endif
