/*
 * mapped.h - whole files as bytes: small ones in memory, large ones mapped, so that
 * what is not looked at now can leave memory.
 */
#ifndef MKDELTA_ENCODE_MAPPED_H
#define MKDELTA_ENCODE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* The first n bytes of a file, which has as many, for mapped_free(); fd may be closed.
 * NULL on errors.  Who cuts the file meanwhile ends the program. */
uint8_t *mapped_load(int fd, size_t n, struct err *);
/* n bytes to write to, in any order, for mapped_free(); if they are more than
 * memory_bytes they are in a file without a name (spill.h).  NULL on errors. */
uint8_t *mapped_room(size_t n, uint64_t memory_bytes, struct err *);
/* What mapped_load(), mapped_room() or malloc() gave; NULL is fine. */
void mapped_free(uint8_t *);

/* All bytes stay, but if they are mapped they leave memory until they are needed.  Any
 * of them will do. */
void mapped_forget(const uint8_t *);

/* So many bytes are looked at between two calls of mapped_forget(). */
enum { MAPPED_STEP = 16 << 20 };
/* Do n bytes from `at` on reach into another of these steps? */
static inline bool
mapped_step(uint64_t at, uint64_t n)
{
	return at / MAPPED_STEP != (at + n) / MAPPED_STEP;
}

#endif
