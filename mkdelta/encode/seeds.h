/*
 * seeds.h - long matches found quickly: an index of some windows of old bytes.
 *
 * Much faster than a suffix array, and blind for anything shorter than a window: good
 * enough to learn where code went, before it is matched exactly.  Every fourth window of
 * old bytes is in a table by its hash.
 */
#ifndef MKDELTA_ENCODE_SEEDS_H
#define MKDELTA_ENCODE_SEEDS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct seeds;

/* `text` is borrowed until seeds_free().  Memory: 2 bytes for each one of text; if
 * that is more than memory_bytes, fewer windows are kept, and only longer matches are
 * found. */
struct seeds *seeds_new(const uint8_t *text, size_t n, uint64_t memory_bytes,
    struct err *);
void seeds_free(struct seeds *);

/* The longest of the matches that the table knows for bytes[at...n): its length, and
 * where in *place, near `want` if several are as long; 0: none.  Calls with ascending
 * `at` for the same bytes are the fast ones. */
size_t seeds_search(struct seeds *, const uint8_t *bytes, size_t at, size_t n,
    size_t want, size_t *place);

#endif
