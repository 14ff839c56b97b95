/*
 * fetch_file_to.h - a target of any TUF repository into a folder.
 */
#ifndef APPLY_FETCH_FILE_TO_H
#define APPLY_FETCH_FILE_TO_H

#include "manifest/base/err.h"
#include "manifest/tuf_client.h"

#include "apply/fetch.h"

/* Below the folder `out` under its own path, which it gets after length and hashes
 * were checked; durable.  A file that is there and right is not fetched again. */
int fetch_target(struct fetch *, const char *url, const struct tuf_target *, int out,
    struct err *);

#endif
