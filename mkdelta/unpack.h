/*
 * unpack.h - an archive of the user's becomes a folder; libarchive behind.
 *
 * Nothing is written outside the folder, whatever the archive says, and what it
 * says must be a tree without doubt: ingest.h has the list of refusals.
 */
#ifndef MKDELTA_UNPACK_H
#define MKDELTA_UNPACK_H

#include <stdbool.h>

#include "manifest/base/err.h"

struct unpack_options {
	bool zip;		/* zip and 7z too; else tar alone */
	bool owners;		/* as root only */
	bool xattrs;
};

/* Unpack what fd holds into the empty folder dir.  1 done; 0 these bytes are no
 * such archive, nothing was written; -1 ERR_FORMAT, ERR_IO, ERR_ROOM. */
int unpack_archive(int fd, int dir, const struct unpack_options *, struct err *);

#endif
