#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"

unsigned
le16_load(const uint8_t p[static 2])
{
	return p[0] | (unsigned)p[1] << 8;
}

uint32_t
le32_load(const uint8_t p[static 4])
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

uint64_t
le64_load(const uint8_t p[static 8])
{
	return (uint64_t)le32_load(p) | (uint64_t)le32_load(p + 4) << 32;
}

void
le32_store(uint8_t p[static 4], uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void
le64_store(uint8_t p[static 8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void
hex_encode(char *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_decode(uint8_t *out, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(text[2 * i]);
		int lo = hi == -1 ? -1 : nibble(text[2 * i + 1]);

		if (lo == -1)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return text[2 * n] == '\0' ? 0 : -1;
}

size_t
varint_store(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

size_t
varint_load(const uint8_t *p, size_t n, uint64_t *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n && i < VARINT_MAX; i++) {
		if (i == VARINT_MAX - 1 && p[i] > 1)
			return 0;
		sum |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if ((p[i] & 0x80) == 0) {
			if (i > 0 && p[i] == 0)
				return 0;
			*v = sum;
			return i + 1;
		}
	}
	return 0;
}

uint64_t
zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

int64_t
unzigzag(uint64_t v)
{
	uint64_t bits = v >> 1 ^ ((v & 1) != 0 ? UINT64_MAX : 0);
	int64_t out;

	memcpy(&out, &bits, sizeof out);
	return out;
}

int
u64_add(uint64_t a, uint64_t b, uint64_t *sum)
{
	if (a > UINT64_MAX - b)
		return -1;
	*sum = a + b;
	return 0;
}

int
u64_mul(uint64_t a, uint64_t b, uint64_t *product)
{
	if (b != 0 && a > UINT64_MAX / b)
		return -1;
	*product = a * b;
	return 0;
}

int
u64_parse(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		if (u64_mul(v, 10, &v) == -1 ||
		    u64_add(v, (uint64_t)(*text - '0'), &v) == -1)
			return -1;
	}
	if (v > max)
		return -1;
	*out = v;
	return 0;
}

int
bytes_parse(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	char digits[24];
	size_t len = strlen(text);
	uint64_t v, unit = 1;

	if (len == 0 || len >= sizeof digits)
		return -1;
	memcpy(digits, text, len + 1);
	for (int i = 0; units[i] != '\0'; i++)
		if (digits[len - 1] == units[i]) {
			unit = (uint64_t)1 << (10 * (i + 1));
			digits[len - 1] = '\0';
			break;
		}
	if (u64_parse(digits, UINT64_MAX, &v) == -1 || u64_mul(v, unit, &v) == -1)
		return -1;
	*out = v;
	return 0;
}

const char *
bytes_text(char out[static BYTES_TEXT_MAX], uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t whole = bytes, rest = 0;
	int unit = -1;

	while (whole >= 1000) {
		rest = whole % 1000;
		whole /= 1000;
		unit++;
	}
	if (unit == -1)
		(void)snprintf(out, BYTES_TEXT_MAX, "%" PRIu64 " B", whole);
	else
		(void)snprintf(out, BYTES_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s",
		    whole, rest / 100, units[unit]);
	return out;
}
