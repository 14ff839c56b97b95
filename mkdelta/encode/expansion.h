/*
 * expansion.h - an output and its ancestor in their expanded form (expanded.h).
 */
#ifndef MKDELTA_ENCODE_EXPANSION_H
#define MKDELTA_ENCODE_EXPANSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/patch/packing.h"
#include "manifest/base/buf.h"
#include "manifest/base/err.h"

#include "mkdelta/encode/spill.h"

/* Sets of parameters that one output may need. */
enum { EXPANSION_KINDS_MAX = 4 };

/* Where the forms of all outputs are. */
struct forms {
	struct spill spill;
	pthread_mutex_t lock;		/* while one is added */
};
void forms_init(struct forms *);
void forms_free(struct forms *);

struct expansion {
	uint64_t old_at, old_bytes;	/* of the forms' spill */
	uint64_t new_at, new_bytes;
	struct buf lists;		/* for the stream LISTS */
	uint64_t memory_bytes;		/* the decoder needs beside */
	uint64_t scratch_bytes;
	/* Parameters that need a library, each once; packing_need()'s log. */
	unsigned codes[3 * EXPANSION_KINDS_MAX];
	unsigned logs[3 * EXPANSION_KINDS_MAX];
	size_t n_codes;
};

/* Streams of the new file that changed, over all levels; of these, those that are made
 * again, and those that would take too much memory for that. */
struct expansion_count {
	size_t changed, again, too_large;
};

/* Both files are freed (mapped_free()) in any case.  *out is NULL when nothing in `new`
 * is worth it: no
 * packed stream that the old file does not have as it is, or none that can be made
 * again.  With `unpack` the streams of `old` alone are reason enough: what it packed
 * stands in `new` as it is.  Beside the files memory is taken for their forms, unless
 * these are large: then streams inside of streams are not looked for. */
int expansion_make(uint8_t *old, size_t n_old, uint8_t *new, size_t n_new, bool unpack,
    unsigned jobs, struct forms *, struct expansion **out, struct expansion_count *,
    struct err *);
void expansion_free(struct expansion *);	/* NULL is fine */

#endif
