/*
 * jobs.h - the same work on many items by several threads.
 */
#ifndef MKDELTA_ENCODE_JOBS_H
#define MKDELTA_ENCODE_JOBS_H

#include <stddef.h>

#include "manifest/base/err.h"

/* `jobs` as the user gave it; 0 becomes one a core.  1 to 256. */
unsigned jobs_count(unsigned jobs);

/* Call work(arg, i) for each i below n, in any order and at the same time.  The
 * error of the lowest i that failed is returned, and no new item is started after a
 * failure or a signal (ERR_CANCEL). */
int jobs_run(unsigned jobs, size_t n, int (*work)(void *arg, size_t i, struct err *),
    void *arg, struct err *);

#endif
