/*
 * hash.h - SHA-256 and SHA-512 (FIPS 180-4); the doorway to OpenSSL's digests.
 */
#ifndef MANIFEST_BASE_HASH_H
#define MANIFEST_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

enum hash_kind { HASH_SHA256, HASH_SHA512 };

enum { SHA256_BYTES = 32, SHA256_HEX_MAX = 65, SHA512_BYTES = 64 };

struct sha256 {
	uint8_t bytes[SHA256_BYTES];
};

struct hash;			/* a digest under way */

struct hash *hash_new(enum hash_kind, struct err *);	/* NULL: ERR_NOMEM */
int hash_add(struct hash *, const void *data, size_t n, struct err *);
/* Writes SHA256_BYTES or SHA512_BYTES to out.  The state is then empty, as new. */
int hash_end(struct hash *, uint8_t *out, struct err *);
void hash_free(struct hash *);			/* NULL is fine */

int sha256_of(const void *data, size_t n, struct sha256 *out, struct err *);

/* The rest of fd from its offset 0 by pread (the offset does not move).
 * *bytes (may be NULL) gets how many there were.  ERR_IO. */
int sha256_of_fd(int fd, struct sha256 *out, uint64_t *bytes, struct err *);

bool sha256_equal(const struct sha256 *, const struct sha256 *);
const char *sha256_hex(const struct sha256 *, char out[static SHA256_HEX_MAX]);
int sha256_parse(struct sha256 *, const char *hex);	/* 64 digits: 0, else -1 */

#endif
