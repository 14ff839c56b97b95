/*
 * subject.h - what `diff` and `patch` work on: a folder, or a single file as a
 * tree with the one entry "content".
 */
#ifndef MKDELTA_SUBJECT_H
#define MKDELTA_SUBJECT_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

#define SUBJECT_ENTRY "content"

struct subject {
	struct listing *listing;
	int dir;		/* the tree, or the folder that holds the file */
	char *name;		/* of the file in dir; NULL for a folder */
};

/* The mode of a single file is left out of the old side (`as_old`): a delta
 * between contents does not depend on it. */
int subject_open(const char *path, bool as_old, unsigned jobs, struct subject *,
    struct err *);
void subject_close(struct subject *);

/* The folder that is to hold `path`, and its last component (owned by the caller). */
int subject_parent(const char *path, char **name, struct err *);

#endif
