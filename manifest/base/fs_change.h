/*
 * fs_change.h - the only door by which anything changes on the disk.
 *
 * Paths follow the rules of fs.h.  Nothing here syncs unless it says
 * "durable": then the change is on stable storage when it returns 0.
 * New content arrives as: temporary name, write, fs_sync, fs_rename,
 * fs_sync_dir; fs_write_file() is all of it in one.
 * Modes are exact: the umask never matters.  Set-id bits do not survive a
 * later write or chown: fs_chmod_fd() last.  Errors keep errno in err.sys.
 *
 * Temporary names are ".tmp." and 16 hex digits, beside their goal; one that a
 * power cut left behind blocks nothing and goes with fs_remove_temps().
 *
 * The calls that change the disk, each made by its name and only in the fs*.c
 * of this folder, so that tests can wrap them when linking (-Wl,--wrap=NAME;
 * tests/tests.mk has the names of the symbols, tests/lab/disk.h the use):
 *
 *	openat (with O_CREAT)  write  pwrite  ftruncate  fallocate
 *	copy_file_range  ioctl (FICLONE)  mkdirat  symlinkat  linkat
 *	renameat  renameat2  unlinkat  fchmod  fchmodat  fchown  fchownat
 *	utimensat  futimens  fsetxattr  fsync  syncfs
 */
#ifndef MANIFEST_BASE_FS_CHANGE_H
#define MANIFEST_BASE_FS_CHANGE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* A new file for reading and writing, mode exact; EEXIST is an error. */
int fs_create(int at, const char *rel, mode_t mode, struct err *);
/* The same without a name, mode 0600: it is gone when it is closed.  A power cut may
 * leave a temporary name. */
int fs_create_unnamed(int at, struct err *);
/* Open for reading and writing without truncation; made when absent. */
int fs_open_rw(int at, const char *rel, mode_t mode, struct err *);
int fs_write(int fd, const void *data, size_t n, struct err *);
int fs_pwrite(int fd, const void *data, size_t n, uint64_t offset, struct err *);
int fs_truncate(int fd, uint64_t bytes, struct err *);
/* Reserve real blocks for the first `bytes`, ERR_ROOM when there are none; 0
 * too where unsupported.  The size of the file stays what it is. */
int fs_allocate(int fd, uint64_t bytes, struct err *);
/* All of `from` into the empty `to`: reflink, else copy_file_range, else
 * read and write; holes of the source stay holes.  The offsets of both are
 * undefined afterwards.  ERR_FAIL when the source changes its size meanwhile. */
int fs_copy_fd(int from, int to, struct err *);
/* FICLONE only: 0 cloned, 1 not possible here, -1 error. */
int fs_clone_fd(int from, int to, struct err *);

int fs_mkdir(int at, const char *rel, mode_t mode, struct err *);
/* rel and the parents it lacks, 0755 masked by nothing; fine when there. */
int fs_mkdirs(int at, const char *rel, mode_t mode, struct err *);
int fs_symlink(int at, const char *target, const char *rel, struct err *);
/* A second name for the inode open as fd (linkat AT_EMPTY_PATH or /proc). */
int fs_link_fd(int fd, int at, const char *rel, struct err *);
int fs_link(int from_at, const char *from, int at, const char *rel, struct err *);
int fs_rename(int from_at, const char *from, int at, const char *to, struct err *);
/* renameat2: RENAME_NOREPLACE and RENAME_EXCHANGE. */
int fs_rename_new(int from_at, const char *from, int at, const char *to, struct err *);
int fs_exchange(int a_at, const char *a, int b_at, const char *b, struct err *);
int fs_unlink(int at, const char *rel, struct err *);	/* absent is fine */
int fs_rmdir(int at, const char *rel, struct err *);	/* absent is fine */

int fs_chmod_fd(int fd, mode_t mode, struct err *);
int fs_chown_fd(int fd, uid_t, gid_t, struct err *);
int fs_chown_link(int at, const char *rel, uid_t, gid_t, struct err *);
/* Modification (and access) time in seconds; symlinks themselves. */
int fs_set_time(int at, const char *rel, int64_t seconds, struct err *);
int fs_set_time_fd(int fd, int64_t seconds, struct err *);
int fs_set_xattr_fd(int fd, const char *name, const void *value, size_t n,
    struct err *);

int fs_sync(int fd, struct err *);	/* durable: content and size of fd */
int fs_sync_dir(int at, const char *rel, struct err *);	/* durable: names in it; "." */
int fs_sync_all(int fd, struct err *);	/* durable: syncfs, its whole filesystem */

/* Durable: rel holds exactly these bytes, or what it held before. */
int fs_write_file(int at, const char *rel, const void *data, size_t n,
    mode_t mode, struct err *);
/* Durable: the symlink rel points to target, replaced by one rename. */
int fs_replace_link(int at, const char *target, const char *rel, struct err *);
/* Is it a temporary name of this header?  Remove those in a folder that nobody
 * else writes to at the moment (not below it); "." is at itself. */
bool fs_is_temp(const char *name);
int fs_remove_temps(int at, const char *rel, struct err *);
/* The same bytes as fs_write_file without any sync, for RUN (a tmpfs). */
int fs_put_file(int at, const char *rel, const void *data, size_t n,
    mode_t mode, struct err *);

/* An exclusive lock on rel (made 0600 when absent) with `holder` as its text.
 * The lock lasts until the descriptor is closed.  ERR_BUSY: its text says
 * what the holder wrote. */
int fs_lock(int at, const char *rel, const char *holder, struct err *);
/* Replace the text that the others will see. */
int fs_lock_say(int lock_fd, const char *holder, struct err *);

#endif
