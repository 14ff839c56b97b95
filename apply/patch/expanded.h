/*
 * expanded.h - an output that is built in its expanded form: the old side is expanded
 * first, and what is built goes through repack to where it belongs.
 *
 * As numbers of the stream LISTS: levels; for each, from the outermost streams to the
 * innermost, the list of expand.h and that of repack.h.
 */
#ifndef APPLY_PATCH_EXPANDED_H
#define APPLY_PATCH_EXPANDED_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/delta.h"
#include "apply/patch/expand.h"
#include "apply/patch/repack.h"
#include "apply/patch/stream.h"

enum { EXPANDED_LEVELS_MAX = 3 };

/* What old streams unpack to: a file that a delta's outputs use in turn. */
struct kept {
	int fd;			/* -1: not asked for yet */
	uint64_t max;		/* bytes that the delta declares */
	uint64_t bytes;		/* used by the output at hand */
	struct old old;
};

struct expanded_level {
	struct expand_list was;
	struct expand_view view;
	struct old old;		/* the old side, expanded so far */
	struct repack_list is;
	struct repack *repack;
	struct sink next;	/* where its bytes go */
};

struct expanded {
	size_t n;		/* levels */
	struct expanded_level levels[EXPANDED_LEVELS_MAX];
	struct kept *kept;
	struct arena *arena;
	const struct delta_io *io;	/* of the file */
	uint64_t left;			/* bytes of the file still to come */
	struct delta_io through;	/* the same, writing the expanded form */
};

/* Read the lists, expand the old side.  `bytes`: of the file.  All is borrowed; do not
 * move it.  Close it, whatever is returned. */
int expanded_open(struct expanded *, const struct old *, uint64_t bytes,
    struct stream *lists, struct kept *, const struct delta_io *, struct arena *,
    struct err *);
void expanded_close(struct expanded *);

const struct old *expanded_old(const struct expanded *);
uint64_t expanded_bytes(const struct expanded *);	/* of the form to be built */
/* All of the form was written to `through`: ERR_FORMAT when that is not the file. */
int expanded_end(struct expanded *, struct err *);

/* The most that it takes of the arena, with so many streams in all lists, the largest
 * unpacker, and all packers together. */
uint64_t expanded_memory(size_t levels, uint64_t was, uint64_t is, uint64_t unpacker,
    uint64_t packers);

#endif
