/*
 * fs.h - reading the disk, relative to directory descriptors.
 *
 * A `rel` path is relative, has no empty, "." or ".." component and no
 * leading or trailing slash; symlinks on the way are never followed
 * (openat2(2) RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, or the same walk by
 * O_NOFOLLOW where the kernel lacks it).  All descriptors are O_CLOEXEC.
 * "." alone is taken too, as `at` itself, where that makes sense.
 * Messages name `rel`; callers wrap them with what the folder is.
 *
 * Changes to the disk are in fs_change.h, whole trees in fs_tree.h.
 */
#ifndef MANIFEST_BASE_FS_H
#define MANIFEST_BASE_FS_H

#include <sys/stat.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

/* Is this a rel path as above, of at most 4096 bytes? */
bool fs_rel_is_safe(const char *rel);

/* A directory from the command line or configuration (symlinks followed). */
int fs_open_dir(const char *path, struct err *);

/* A directory below at; "." is at itself, anew.  -1: ERR_ABSENT, ERR_IO. */
int fs_open_dir_at(int at, const char *rel, struct err *);

/* A regular file below at for reading (O_NOFOLLOW | O_NONBLOCK, checked to be
 * regular on the descriptor).  *st may be NULL.  ERR_ABSENT, ERR_IO,
 * ERR_POLICY when it is something else. */
int fs_open_file(int at, const char *rel, struct stat *st, struct err *);

/* Any open(2) flags below at, with the same rules for the path; what creates
 * is better done by fs_change.h. */
int fs_open_beneath(int at, const char *rel, int flags, mode_t mode,
    struct err *);

/* lstat below at.  1 there, 0 not there (nor its parent), -1 error. */
int fs_stat_at(int at, const char *rel, struct stat *, struct err *);

/* The target of a symlink replaces what is in out (its max is the limit). */
int fs_read_link(int at, const char *rel, struct buf *out, struct err *);

/* All of a small file appended to out.  ERR_FORMAT when over out's max. */
int fs_read_file(int at, const char *rel, struct buf *out, struct err *);
/* The same for a path as a user gave it; "-" is standard input. */
int fs_read_path(const char *path, struct buf *out, struct err *);
/* The same for an open descriptor, from where it stands to its end. */
int fs_read_fd(int fd, struct buf *out, struct err *);

/* Exactly n bytes at offset; ERR_FORMAT when the file ends before. */
int fs_pread(int fd, void *data, size_t n, uint64_t offset, struct err *);

/* Bytes and inodes that this user may still use on the filesystem of fd. */
int fs_room(int fd, uint64_t *bytes, uint64_t *inodes, struct err *);

/* An absolute path without symlinks, owned by the caller (free). */
char *fs_real_path(const char *path, struct err *);

#endif
