/*
 * suffix.h - the suffix array of some bytes, and the longest match in it.
 *
 * The doorway to libdivsufsort (Mori; Fischer and Kurpicz 2017).
 */
#ifndef MKDELTA_ENCODE_SUFFIX_H
#define MKDELTA_ENCODE_SUFFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

struct suffix;
struct windows;

/* `text` is borrowed until suffix_free(). */
struct suffix *suffix_new(const uint8_t *text, size_t n, struct err *);
/* Of those suffixes alone that begin with a wanted window: several times faster and
 * smaller if they are few.  Matches of more than SUFFIX_DEPTH bytes may be longer
 * elsewhere. */
enum { SUFFIX_DEPTH = 66 };
struct suffix *suffix_of(const uint8_t *text, size_t n, const struct windows *wanted,
    struct err *);
void suffix_free(struct suffix *);

/* The longest prefix of pattern[0..n) that stands somewhere in the text: its length,
 * and in *rank which suffix begins with it.  One of a single byte counts as none, 0. */
size_t suffix_search(const struct suffix *, const uint8_t *pattern, size_t n,
    size_t *rank);
/* Quickly: can there be a match of more than 8 bytes at bytes[at...n)?  Calls with
 * ascending `at` for the same bytes are the fast ones. */
bool suffix_may_have(const struct suffix *, const uint8_t *bytes, size_t at, size_t n);
/* Where it is in the text; of several places that share `len` bytes one that is near
 * `want`. */
size_t suffix_place(const struct suffix *, size_t rank, size_t len, size_t want);

/* Bytes of memory that suffix_new() takes for n bytes, text not included. */
uint64_t suffix_memory(uint64_t n);
/* Of how many bytes (below 2 GiB) the suffix array takes so much memory. */
uint64_t suffix_bytes(uint64_t memory_bytes);

#endif
