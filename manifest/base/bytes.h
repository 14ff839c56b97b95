/*
 * bytes.h - integers, hex and variable-length integers in byte strings.
 *
 * All integers on disk and wire are little-endian.  A varint is LEB128
 * (DWARF 5, section 7.6, unsigned), at most 10 bytes for a uint64_t.
 */
#ifndef MANIFEST_BASE_BYTES_H
#define MANIFEST_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 };

unsigned le16_load(const uint8_t p[static 2]);
uint32_t le32_load(const uint8_t p[static 4]);
uint64_t le64_load(const uint8_t p[static 8]);
void le32_store(uint8_t p[static 4], uint32_t);
void le64_store(uint8_t p[static 8], uint64_t);

/* Lower-case hex of n bytes into out (2n + 1 bytes, NUL-terminated). */
void hex_encode(char *out, const uint8_t *p, size_t n);

/* Exactly 2n hex digits of any case, nothing more: 0, else -1. */
int hex_decode(uint8_t *out, size_t n, const char *text);

/* Bytes written to p (at most VARINT_MAX). */
size_t varint_store(uint8_t *p, uint64_t v);

/* Bytes read from p[0..n), 0 when cut short, longer than VARINT_MAX or over
 * 64 bits.  A longer form than needed is refused as well: one value, one form. */
size_t varint_load(const uint8_t *p, size_t n, uint64_t *v);

/* Signed numbers near zero become small unsigned ones: 0, -1, 1, -2, 2... */
uint64_t zigzag(int64_t v);
int64_t unzigzag(uint64_t v);

/* a + b and a * b; -1 on overflow, *sum untouched then. */
int u64_add(uint64_t a, uint64_t b, uint64_t *sum);
int u64_mul(uint64_t a, uint64_t b, uint64_t *product);

/* A decimal number of at most `max` with nothing around it: 0, else -1. */
int u64_parse(const char *text, uint64_t max, uint64_t *out);

/* "123", "64K", "16M", "2G" (powers of 1024): 0, else -1. */
int bytes_parse(const char *text, uint64_t *out);

/* A count of bytes for people ("12.3 MB", powers of 1000) into out. */
enum { BYTES_TEXT_MAX = 24 };
const char *bytes_text(char out[static BYTES_TEXT_MAX], uint64_t bytes);

#endif
