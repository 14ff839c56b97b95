/*
 * frames.h - which parts of a full artifact hold which files (docs/format.md).
 *
 * The full is a row of zstd frames that each stand alone, and an index of them,
 * whose place and hash are signed.  So a device can fetch by Range only what it
 * lacks: the index, then the frames that hold the contents wanted.
 */
#ifndef APPLY_FRAMES_H
#define APPLY_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"
#include "manifest/record.h"

#include "apply/content.h"
#include "apply/device.h"
#include "apply/fetch.h"

struct frame {
	struct fetch_part part;		/* in the artifact */
	uint64_t plain_at, plain_bytes;	/* in the tar */
};

struct frame_content {
	size_t entry;			/* of the listing */
	uint64_t at;			/* of its first byte, in the tar */
};

struct frames {
	struct frame *list;
	size_t n;
	struct frame_content *contents;	/* in the tar's order, which is the listing's */
	size_t n_contents;
};

/* Where the index of a full is, as signed.  ERR_ABSENT: it has none. */
int frames_index_part(const struct edge *full, struct fetch_part *, struct err *);
/* The bytes of an index, checked by their hash, which begins at byte `at` of the
 * artifact of this listing's tree.  ERR_FORMAT. */
int frames_parse(const uint8_t *, size_t n, uint64_t at, const struct listing *,
    struct frames *, struct err *);
void frames_clear(struct frames *);

/* The frames that hold any of the entries in want[] (by index in the listing;
 * first names of hard links) into need[] (room for n), and their bytes. */
uint64_t frames_need(const struct frames *, const struct listing *, const bool *want,
    bool *need);

/* Everything at once: fetch the index and what is needed of the frames, and put the
 * entries in want[] into the folder, as places of the content.  *refused: the whole
 * full is the other way: see fetch_parts(), or its index is of no use.  ERR_TRUST,
 * ERR_FORMAT: not what was signed. */
int frames_fetch(struct fetch *, const struct device *, const struct edge *full,
    struct content *, const bool *want, int folder, bool *refused, struct err *);

#endif
