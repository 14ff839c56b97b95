/*
 * leftovers.h - files of a repository that nothing signed names any more, or never
 * did: what a killed run placed before its timestamp, or what somebody put there.
 *
 * Older versions of metadata are history, not leftovers.
 */
#ifndef MKDELTA_LEFTOVERS_H
#define MKDELTA_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "mkdelta/repo.h"

struct leftovers {
	char **files;		/* "targets/3/...", in byte order within a folder */
	size_t n, cap;
	uint64_t bytes;
};

/* Those below metadata/ and targets/.  Empty when it fails. */
int leftovers_find(const struct repo *, struct leftovers *, struct err *);
void leftovers_clear(struct leftovers *);

#endif
