/*
 * suffix_sort.h - some suffixes of a text in order, as far as their first bytes tell.
 */
#ifndef MKDELTA_ENCODE_SUFFIX_SORT_H
#define MKDELTA_ENCODE_SUFFIX_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* Where they begin, ascending, becomes their order by `depth` bytes (more by up to 8);
 * those that are the same so far stay in order of place. */
int suffix_sort(const uint8_t *text, size_t n_text, uint32_t *places, size_t n,
    size_t depth, struct err *);

#endif
