/*
 * verify_headers.h - are the headers of an answer right for what it carries?
 */
#ifndef HOSTING_VERIFY_HEADERS_H
#define HOSTING_VERIFY_HEADERS_H

#include "hosting/fetch.h"
#include "hosting/findings.h"

void verify_headers_timestamp(struct findings *, const char *name,
    const struct fetch_head *);
/* Metadata and objects, whose names never get other bytes. */
void verify_headers_immutable(struct findings *, const char *name,
    const struct fetch_head *);
/* The 404 of a root that does not exist yet. */
void verify_headers_absent(struct findings *, const char *name,
    const struct fetch_head *);

#endif
