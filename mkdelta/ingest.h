/*
 * ingest.h - what the user calls a release becomes a folder: DIR, TAR or FILE.
 *
 * A folder is used where it stands.  A tar (whatever compression libarchive
 * reads; zip, cpio and 7z too) is unpacked into a temporary folder that only
 * this user may enter.  Any other regular file becomes a tree of that one file.
 *
 * Of an archive is refused, with ERR_FORMAT and the name: truncation and damage,
 * absolute and ".." paths, the same name twice, a hard link to a name that came
 * not before, special files, a name whose bytes cannot be known.  Names are
 * bytes: neither locale nor Unicode normalization touches them.
 */
#ifndef MKDELTA_INGEST_H
#define MKDELTA_INGEST_H

#include <stdbool.h>

#include "manifest/base/err.h"

struct ingest_options {
	bool strip_top;		/* an archive's only top-level folder becomes the root */
	bool owners;		/* an archive's owners (as root only) */
	bool xattrs;		/* an archive's extended attributes */
	const char *temp;	/* where to unpack; NULL: $TMPDIR, else /var/tmp */
};

struct ingest {
	int dir;		/* the tree; reading only */
	int temp_at;		/* where the temporary folder is, -1 none */
	char temp[64];		/* its name */
};

/* options NULL: strip_top alone.  *in is empty when it fails. */
int ingest_open(const char *path, const struct ingest_options *, struct ingest *in,
    struct err *);
void ingest_close(struct ingest *);	/* removes what was unpacked; twice is fine */

/* ERR_FAIL, naming both, when `other` (a path that may not exist yet) is the tree
 * or lies inside it: a repository or its keys must never be shipped. */
int ingest_check_apart(const char *tree_path, const char *other_path, struct err *);

#endif
