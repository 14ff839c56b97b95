/*
 * scan.h - a folder on this machine becomes a listing.
 *
 * Files are hashed by several threads.  The tree must hold still: an entry whose
 * size or times differ before and after is ERR_FAIL, named.  Also refused with
 * ERR_FAIL, named: sockets, fifos, devices; what cannot be read; a top-level
 * `.delta` that holds anything but `hooks` (the device writes there); a tree
 * without any entry, unless that is asked for.
 *
 * Set-id and sticky bits are kept.  Hard links are those between names of the
 * tree; what else shares the inode outside does not matter.  Symlinks are data,
 * wherever they point.
 */
#ifndef MKDELTA_SCAN_H
#define MKDELTA_SCAN_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

struct scan_options {
	bool owners;	/* numbers, and names where this machine has them */
	bool xattrs;	/* of files and folders, but for those of SELinux, of ACLs
			 * and of overlayfs, which belong to the machine */
	bool empty;	/* a tree without any entry is one, too */
	unsigned jobs;	/* threads, 0: one a core */
};

/* options NULL: all off.  NULL: ERR_FAIL as above, ERR_IO, ERR_NOMEM. */
struct listing *scan_tree(int dirfd, const struct scan_options *, struct err *);

#endif
