/*
 * windows.h - which short windows of bytes stand anywhere in a text: a filter before
 * searches that take long.
 *
 * Most of what is new in a file is not in the old one at all.  Bits by a hash of each
 * window (Bloom 1970) tell that with one look at memory.
 */
#ifndef MKDELTA_ENCODE_WINDOWS_H
#define MKDELTA_ENCODE_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum { WINDOWS_BYTES = 9 };	/* of one window */

struct windows;

/* All windows of the text, which is not needed any more. */
struct windows *windows_new(const uint8_t *text, size_t n, struct err *);
/* None yet, with room for about so many: the more bits for each, the fewer are found
 * that are not there. */
struct windows *windows_empty(uint64_t windows, unsigned bits, struct err *);
/* Those that begin at text[from...to), as far as they end in text[0..n). */
void windows_add(struct windows *, const uint8_t *text, size_t n, size_t from, size_t to);
void windows_free(struct windows *);

/* Bit i of marks[] for each window at text[i...n) that is there: their number.  Marks
 * are whole words for all bytes of the text, 0 before. */
size_t windows_mark(const struct windows *, const uint8_t *text, size_t n,
    uint64_t *marks);

/* False: bytes[at...at + WINDOWS_BYTES) do not stand in the text, or are not all below
 * n.  True: most likely they do.  Calls with ascending `at` are the fast ones. */
bool windows_have(const struct windows *, const uint8_t *bytes, size_t at, size_t n);

/* Bytes of memory for a text of n bytes. */
uint64_t windows_memory(uint64_t n);

#endif
