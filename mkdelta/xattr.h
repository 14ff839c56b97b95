/*
 * xattr.h - extended attributes that belong to the tree, not to the machine.
 */
#ifndef MKDELTA_XATTR_H
#define MKDELTA_XATTR_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

/* False for those of SELinux, of ACLs and of overlayfs. */
bool xattr_is_ours(const char *name);

/* Those of an open file or folder, sorted, owned by the caller (xattr_free).  *out
 * is NULL where there are none or the filesystem knows none.  ERR_IO; ERR_FAIL
 * when they change meanwhile. */
int xattr_read(int fd, struct entry_xattr **out, struct err *);
void xattr_free(struct entry_xattr *);

#endif
