/*
 * current.h - the state that a timestamp names, in a repository on this disk: which
 * metadata files are in force, which objects they list.
 *
 * Nothing is verified here: it is the owner's own folder, and `mkdelta verify` does it.
 */
#ifndef HOSTING_CURRENT_H
#define HOSTING_CURRENT_H

#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/base/hash.h"
#include "manifest/jv.h"
#include "manifest/names.h"

#include "hosting/items.h"

struct current {
	struct items metadata;		/* N.snapshot.json and what it names; sorted */
	struct items objects;		/* sorted, each once or more */
};

/* What a timestamp says of itself and of its snapshot. */
struct stamp {
	uint64_t version, snapshot;
	struct sha256 hash;		/* of the snapshot */
};

int stamp_read(const struct buf *timestamp, struct stamp *, struct err *);
int current_read(struct current *, int repo, const struct stamp *, struct err *);
/* What one role's file lists, added at the end. */
int current_list_objects(struct items *, const struct jv *file, struct err *);
/* "stable.json", as a snapshot names it, without its end. */
int current_role_of(const char *name, char role[static NAME_MAX_PATH], struct err *);
void current_clear(struct current *);

#endif
