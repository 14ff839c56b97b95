/*
 * hop_file.h - what hop.c, hop_delta.c and hop_full.c share: one hop under way.
 */
#ifndef APPLY_HOP_FILE_H
#define APPLY_HOP_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#include "apply/content.h"
#include "apply/hop.h"
#include "apply/layout.h"
#include "apply/output.h"

enum { HOP_NAME_MAX = 24 };

struct work {
	struct hop *hop;
	struct content *have;		/* owned; may be NULL */
	struct content *next;		/* owned; owns the listing */
	struct listing *listing;	/* of the tree that is made */
	struct layout layout;		/* last hop */
	bool *done;			/* by entry: its content is there */
	char name[HOP_NAME_MAX];	/* of the file under construction */
};

/* Takes have and the listing; call work_end() in any case. */
int work_start(struct work *, struct hop *, struct content *have, struct listing *,
    struct err *);
struct content *work_end(struct work *, bool good);

/* Folders, symlinks, refusals. */
int hop_begin(struct work *, struct err *);
/* A new file for entry i; end checks or sets the hash, or leaves the output open. */
int hop_file_start(struct work *, size_t i, struct output *, struct err *);
int hop_file_end(struct work *, size_t i, struct output *, struct err *);
/* Entry i, whose hash is known, from what is here: 1 done, 0 not here, -1. */
int hop_take(struct work *, size_t i, struct err *);
/* All files are there: the tree must be the signed one. */
int hop_end(struct work *, struct err *);

bool hop_is_first(const struct listing *, size_t i);
/* Name in the folder of entry i of a tree between. */
const char *hop_name(size_t i, char out[static HOP_NAME_MAX]);

#endif
