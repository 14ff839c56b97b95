/*
 * disk.h - between the code and the disk: see, refuse or shorten its calls.
 *
 * Needs a binary linked with DISK_WRAP of tests.mk.  Only calls that change the
 * disk count (fs_change.h lists them), of the test itself too.
 */
#ifndef TESTS_LAB_DISK_H
#define TESTS_LAB_DISK_H

/* Forget all; everything works again. */
void disk_reset(void);

/* The calls since disk_reset(), "openat write fsync renameat fsync". */
const char *disk_calls(void);
unsigned disk_count(void);

/* The n-th call from now (1 the next) and, if `ever`, all after it fail. */
void disk_fail(unsigned n, int sys, int ever);
/* The call of this name fails each time; NULL: none. */
void disk_fail_name(const char *name, int sys);
/* Writes and copies take at most n bytes and each second one is interrupted. */
void disk_shorten(unsigned n);

#endif
