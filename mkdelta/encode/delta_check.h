/*
 * delta_check.h - prove a delta: run the device's decoder, compare every byte's
 * hash.
 */
#ifndef MKDELTA_ENCODE_DELTA_CHECK_H
#define MKDELTA_ENCODE_DELTA_CHECK_H

#include "manifest/base/err.h"
#include "manifest/listing.h"

/* Nothing is written to the disk.  ERR_TRUST names the first file that differs. */
int delta_check(const struct listing *from, int from_dir, const struct listing *to,
    int delta_fd, struct err *);
/* The same where `from` is a single file with this name in from_dir (NULL: a tree). */
int delta_check_file(const struct listing *from, int from_dir, const char *from_name,
    const struct listing *to, int delta_fd, struct err *);

#endif
