/*
 * cmd_bsdiff40.h - what `diff`, `patch` and `inspect` do with patches of bsdiff.
 */
#ifndef MKDELTA_CMD_BSDIFF40_H
#define MKDELTA_CMD_BSDIFF40_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* The patch between two files of these paths, below dir as `name`; what stands there
 * is replaced if `force`. */
int bsdiff40_diff(const char *old_path, const char *new_path, int dir, const char *name,
    uint64_t memory_bytes, bool force, struct err *);

/* The new file, below dir as `name`, with the permissions of the old one.  It has its
 * name when all of it is there, else nothing is left behind. */
int bsdiff40_patch(const char *old_path, int patch_fd, uint64_t patch_bytes, int dir,
    const char *name, bool force, struct err *);

int bsdiff40_inspect(int fd, uint64_t bytes, bool json, struct err *);

#endif
