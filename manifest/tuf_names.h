/*
 * tuf_names.h - names of roles and targets, as files and in URLs.
 */
#ifndef MANIFEST_TUF_NAMES_H
#define MANIFEST_TUF_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

/* A role's file name, "<percent-encoded role>.json" (only A-Z a-z 0-9 - . _ ~
 * stay as they are), with its version in front where version is not 0, appended
 * to out.  ERR_FORMAT when empty or too long for a file name. */
int tuf_role_file(const char *role, uint64_t version, struct buf *out, struct err *);

/* root, targets, snapshot or timestamp in any case: as a delegated role its file
 * would replace another's. */
bool tuf_role_is_reserved(const char *role);

/* Does the path fit the pattern of a delegation?  '*' and '?' never match '/';
 * "[a-z]" and "[!a-z]" as in fnmatch(3).  Time at most the product of both lengths. */
bool tuf_pattern_matches(const char *pattern, const char *path);

#endif
