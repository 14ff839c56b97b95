/*
 * mapped.h - whole files as bytes: small ones in memory, large ones mapped, so that
 * what is not looked at now can leave memory.
 */
#ifndef MKDELTA_MAPPED_H
#define MKDELTA_MAPPED_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

/* The first n bytes of a file, which has as many, for mapped_free(); fd may be closed.
 * NULL on errors.  Who cuts the file meanwhile ends the program. */
uint8_t *mapped_load(int fd, size_t n, struct err *);
/* What mapped_load() or malloc() gave; NULL is fine. */
void mapped_free(uint8_t *);

/* The bytes stay, but if they are mapped they leave memory until they are needed. */
void mapped_forget(const uint8_t *);

/* So many bytes are looked at between two calls of mapped_forget(). */
enum { MAPPED_STEP = 64 << 20 };

#endif
