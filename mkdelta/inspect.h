/*
 * inspect.h - what `mkdelta inspect` says about one file, by its kind.
 *
 * Each prints on standard output, as JSON if asked.  Nothing here checks a
 * signature.
 */
#ifndef MKDELTA_INSPECT_H
#define MKDELTA_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

/* fd is open for reading, `bytes` its size.  old_path: the old side, NULL when it
 * is not given; with it each file that the delta builds is shown. */
int inspect_delta(int fd, uint64_t bytes, const char *old_path, bool json, struct err *);
int inspect_listing(const struct buf *text, bool json, struct err *);
int inspect_metadata(const struct buf *text, bool json, struct err *);

#endif
