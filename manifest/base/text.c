#include <string.h>

#include "manifest/base/log.h"

/* What a character set may do to a terminal beyond showing a glyph: C0, DEL,
 * C1, line and paragraph separators, marks that turn the direction of text. */
static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	    (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069);
}

/* Bytes of the UTF-8 character at p[0..n), 0 when broken (RFC 3629: no longer
 * form than needed, no surrogates, nothing over 10FFFF). */
static size_t
decode(const uint8_t *p, size_t n, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;

	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	len = p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
	    p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
	if (len == 0 || len > n)
		return 0;
	*c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return len;
}

/* Bytes of one harmless character at p, 0 when it has to be replaced (by one
 * '?' for each *skip bytes). */
static size_t
harmless(const uint8_t *p, size_t n, bool keep_newlines, size_t *skip)
{
	uint32_t c;
	size_t len = decode(p, n, &c);

	*skip = len == 0 ? 1 : len;
	if (len == 0)
		return 0;
	if (is_control(c) && !(keep_newlines && (c == '\n' || c == '\t')))
		return 0;
	return len;
}

char *
text_printable(char *out, size_t max, const char *text, size_t n,
    bool keep_newlines)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t len = 0, skip;

	/* Never more goes out than came in, so out may be text itself. */
	for (size_t i = 0; i < n; i += skip) {
		size_t good = harmless(p + i, n - i, keep_newlines, &skip);

		if ((good == 0 ? 1 : good) > max - 1 - len)
			break;
		if (good == 0)
			out[len++] = '?';
		else
			memmove(out + len, p + i, good);
		len += good;
	}
	out[len] = '\0';
	return out;
}

bool
text_is_plain(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t skip;

	for (size_t i = 0; i < n; i += skip)
		if (harmless(p + i, n - i, true, &skip) == 0)
			return false;
	return true;
}
