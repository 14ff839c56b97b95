/*
 * frame.h - zstd frames and the LZMA2 data of .xz, taken apart and made again bit for
 * bit by the libraries that make them.
 *
 * Both count their memory in an arena, and are refused what is beyond its limit.  What
 * makes packed bytes again needs far more than what takes them apart: from 300 KiB
 * (zstd, level 3, a page) to more than any device gives (xz -6, large files).
 */
#ifndef APPLY_PATCH_FRAME_H
#define APPLY_PATCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"

enum frame_kind { FRAME_ZSTD, FRAME_XZ, FRAME_KINDS };

/* What decides the bytes that a library makes of the same plain ones. */
struct frame_params {
	uint8_t kind;		/* enum frame_kind */
	uint8_t level;		/* zstd: 1 to 22; xz: preset 0 to 9 */
	bool flag;		/* zstd: the size is known beforehand; xz: extreme */
	bool other;		/* zstd: a checksum at the end; xz: the header's window */
};

/* One number for each. */
enum { FRAME_LEVELS = 23, FRAME_CODES = FRAME_LEVELS * 2 * 2 * FRAME_KINDS };
unsigned frame_code(const struct frame_params *);
int frame_decode(unsigned code, struct frame_params *);	/* -1: no such */

/* The largest windows that are taken apart, which bounds the memory for that. */
enum { FRAME_WINDOW_LOG_MAX = 22 };

/* It stays where it is while it is in use, as libraries point to it. */
struct frame {
	struct arena *arena;
	void *state;		/* of the library, NULL: none */
	uint8_t kind;
	bool make;
	bool refused;		/* memory; the error is set */
	struct err *e;		/* of the call under way */
};

struct frame_start {
	const struct frame_params *make;	/* NULL: take apart */
	uint64_t plain;		/* make: of so many bytes */
	uint8_t kind;
	const uint8_t *head;	/* FRAME_XZ: the header of its block (opening.h) */
};

/* Empty: { .arena = ... }.  The same frame either makes or takes apart, any number of
 * times.  ERR_FORMAT, ERR_NOMEM. */
int frame_start(struct frame *, const struct frame_start *, struct err *);
/* Takes bytes from *in and gives bytes to *out, moving both on, until one of them is
 * used up or the end is reached; `last`: *in is all that is left to pack.  1 at the
 * end, 0 before, -1 ERR_FORMAT, ERR_NOMEM. */
int frame_run(struct frame *, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, bool last, struct err *);
void frame_stop(struct frame *);	/* gives all memory back */

/* ---- for frame.c and the doorways frame_zstd.c, frame_xz.c ---- */

struct frame_library {
	int (*start)(struct frame *, const struct frame_start *, struct err *);
	int (*run)(struct frame *, const uint8_t **, size_t *, uint8_t **, size_t *,
	    bool, struct err *);
	void (*stop)(struct frame *);
};
extern const struct frame_library frame_zstd, frame_xz;

/* Memory for a library, and why it fails. */
void *frame_take(struct frame *, size_t n, size_t size);
int frame_fails(const struct frame *, const char *what, struct err *);

#endif
