/*
 * joined.h - runs and changes in one stream: each number, then the byte it leads to.
 *
 * Smaller where what changes goes with where it does (delta-format.md, Outputs).
 */
#ifndef MKDELTA_ENCODE_JOINED_H
#define MKDELTA_ENCODE_JOINED_H

#include "manifest/base/err.h"

#include "mkdelta/encode/spill.h"

/* As many numbers of `runs` as `changes` has bytes; appended to `to`. */
int joined_make(const struct spill *runs, const struct spill *changes, struct spill *to,
    struct err *);

#endif
