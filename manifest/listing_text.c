#include <stdlib.h>
#include <string.h>

#include "manifest/listing_text.h"

static const char digits64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What a digit of base64 stands for, -1 none. */
static int
value64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool
stands_for_itself(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '\\' && c != '#' && c != '=';
}

int
listing_escape(struct buf *out, const char *text, struct err *e)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		uint8_t word[4] = { '\\', (uint8_t)('0' + (c >> 6)),
			(uint8_t)('0' + (c >> 3 & 7)), (uint8_t)('0' + (c & 7)) };

		if (stands_for_itself(c))
			word[0] = c;
		if (buf_add(out, word, stands_for_itself(c) ? 1 : 4, e) == -1)
			return -1;
	}
	return 0;
}

/* The byte at word[*at], which moves on; -1 for a wrong escape or NUL.  Forms
 * that listing_escape() would not write are found later, by comparison. */
static int
unescape_byte(const char *word, size_t n, size_t *at)
{
	const char *p = word + *at;
	int c = 0;

	if (*p != '\\') {
		(*at)++;
		return *p == '\0' ? -1 : (unsigned char)*p;
	}
	if (n - *at < 4 || p[1] > '3')
		return -1;
	for (int i = 1; i < 4; i++) {
		if (p[i] < '0' || p[i] > '7')
			return -1;
		c = c << 3 | (p[i] - '0');
	}
	*at += 4;
	return c == 0 ? -1 : c;
}

char *
listing_unescape(const char *word, size_t n, size_t max, struct err *e)
{
	char *text;
	size_t at = 0, len = 0;

	if ((text = malloc(n + 1)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	while (at < n) {
		int c = unescape_byte(word, n, &at);

		if (c == -1 || len == max) {
			(void)err_set(e, ERR_FORMAT, c == -1 ? "a wrong escape"
				: "a text over its limit");
			free(text);
			return NULL;
		}
		text[len++] = (char)c;
	}
	text[len] = '\0';
	if (len == 0) {
		(void)err_set(e, ERR_FORMAT, "an empty text");
		free(text);
		return NULL;
	}
	return text;
}

int
listing_base64(struct buf *out, const uint8_t *data, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)data[i] << 16;
		char four[4];

		if (n - i > 1)
			v |= (unsigned)data[i + 1] << 8;
		if (n - i > 2)
			v |= data[i + 2];
		four[0] = digits64[v >> 18];
		four[1] = digits64[v >> 12 & 63];
		four[2] = n - i > 1 ? digits64[v >> 6 & 63] : '=';
		four[3] = n - i > 2 ? digits64[v & 63] : '=';
		if (buf_add(out, four, 4, e) == -1)
			return -1;
	}
	return 0;
}

/* Four digits into up to three bytes.  Bytes written, 0 when malformed. */
static size_t
unbase64_four(const char *p, uint8_t *out)
{
	unsigned v = 0;
	size_t pads = p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;

	for (size_t i = 0; i < 4; i++) {
		int digit = i < 4 - pads ? value64(p[i]) : 0;

		if (digit == -1)
			return 0;
		v = v << 6 | (unsigned)digit;
	}
	out[0] = (uint8_t)(v >> 16);
	if (pads < 2)
		out[1] = (uint8_t)(v >> 8);
	if (pads < 1)
		out[2] = (uint8_t)v;
	return 3 - pads;
}

uint8_t *
listing_unbase64(const char *word, size_t n, size_t *bytes, struct err *e)
{
	uint8_t *data;
	size_t len = 0;

	if (n % 4 != 0 || n / 4 > LISTING_XATTR_MAX / 3 + 1) {
		(void)err_set(e, ERR_FORMAT, "not base64, or too long");
		return NULL;
	}
	if ((data = malloc(n / 4 * 3 + 1)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < n; i += 4) {
		size_t got = unbase64_four(word + i, data + len);

		if (got == 0 || (got < 3 && i + 4 < n)) {
			(void)err_set(e, ERR_FORMAT, "not base64");
			free(data);
			return NULL;
		}
		len += got;
	}
	if (len > LISTING_XATTR_MAX) {
		(void)err_set(e, ERR_FORMAT, "an attribute over its limit");
		free(data);
		return NULL;
	}
	*bytes = len;
	return data;
}
