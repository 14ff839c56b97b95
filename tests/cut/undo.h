/*
 * undo.h - what was changed and is not durable yet, and how it is undone.
 *
 * Folders are named by descriptors that may be closed afterwards.  Everything
 * that goes wrong here ends the process with CUT_BROKEN.
 */
#ifndef TESTS_CUT_UNDO_H
#define TESTS_CUT_UNDO_H

#include <sys/stat.h>

#include <stdbool.h>

void undo_start(const char *stash);

/* After the call: a new name. */
void undo_made(int dir, const char *name);
/* What stands there moves to the stash instead of being removed.  Its number
 * there, never 0; the same way back. */
unsigned undo_stash(int dir, const char *name);
void undo_unstash(int dir, const char *name, unsigned number);
/* It was removed. */
void undo_taken(int dir, const char *name, unsigned number);
/* After a rename over what was stashed before, 0: over nothing. */
void undo_renamed(int from, const char *name, int to, const char *to_name,
    unsigned number);
void undo_exchanged(int a, const char *name, int b, const char *b_name);
/* Before the call: mode and owner, or the bytes, of an open file or folder. */
void undo_attributes(int fd);
void undo_bytes(int fd);

void undo_synced(int fd);	/* fsync */
void undo_synced_all(int fd);	/* syncfs */

/* The power fails.  seed 0: all that is not durable is lost. */
void undo_all(unsigned seed);

void cut_broken(const char *what, const char *name) __attribute__((noreturn));

#endif
