/*
 * match_name.h - the old file whose path is most like a new one's.
 */
#ifndef MKDELTA_ENCODE_MATCH_NAME_H
#define MKDELTA_ENCODE_MATCH_NAME_H

#include <stddef.h>

#include "manifest/base/err.h"
#include "manifest/listing.h"

struct match_names;

/* Of all files of the listing, which is borrowed. */
struct match_names *match_names_new(const struct listing *, struct err *);
void match_names_free(struct match_names *);

/* Index of the file whose path agrees longest with `path` from its end, at least
 * in the last component, numbers not looked at; -1: none. */
long match_names_find(const struct match_names *, const char *path);

#endif
