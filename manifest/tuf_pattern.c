/*
 * Patterns of delegated paths, component by component, so that no wildcard ever
 * matches '/'.  Own code: fnmatch(3) can take exponential time.
 */
#include <string.h>

#include "manifest/tuf_names.h"

struct span {
	const char *at, *end;
};

/* The character at the front and its bytes; a broken byte is a character. */
static uint32_t
front(const struct span *s, size_t *bytes)
{
	uint8_t lead = (uint8_t)*s->at;
	size_t n = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? lead : lead & (0xffu >> (n + 1));

	*bytes = 1;
	if (n > (size_t)(s->end - s->at))
		return lead;
	for (size_t i = 1; i < n; i++) {
		if (((uint8_t)s->at[i] & 0xc0) != 0x80)
			return lead;
		c = c << 6 | ((uint8_t)s->at[i] & 0x3f);
	}
	*bytes = n;
	return c;
}

static uint32_t
next(struct span *s)
{
	size_t bytes;
	uint32_t c = front(s, &bytes);

	s->at += bytes;
	return c;
}

/* The closing bracket of the set that opens at p->at, NULL when it never closes:
 * then '[' is just a character. */
static const char *
set_end(const struct span *p)
{
	const char *c = p->at + 1;

	if (c < p->end && *c == '!')
		c++;
	if (c < p->end && *c == ']')
		c++;
	return c < p->end ? memchr(c, ']', (size_t)(p->end - c)) : NULL;
}

/* `in` is what stands between the brackets. */
static bool
set_has(struct span in, uint32_t want)
{
	bool negated = in.at < in.end && *in.at == '!', found = false;

	if (negated)
		in.at++;
	while (in.at < in.end) {
		uint32_t low = next(&in), high = low;

		if (in.end - in.at >= 2 && *in.at == '-') {
			in.at++;
			high = next(&in);
		}
		found = found || (want >= low && want <= high);
	}
	return found != negated;
}

/* Does one character of s fit the front of p?  Then both move on. */
static bool
one_fits(struct span *p, struct span *s)
{
	struct span in;
	const char *close;
	uint32_t c = next(s);

	if (*p->at == '?') {
		p->at++;
		return true;
	}
	if (*p->at == '[' && (close = set_end(p)) != NULL) {
		in.at = p->at + 1;
		in.end = close;
		p->at = close + 1;
		return set_has(in, c);
	}
	return next(p) == c;
}

/* Going back to the last '*' alone is enough: an earlier one could only take
 * what the last one can take as well. */
static bool
component_fits(struct span p, struct span s)
{
	struct span star = { NULL, NULL }, from = s;

	while (s.at < s.end) {
		if (p.at < p.end && *p.at == '*') {
			p.at++;
			star = p;
			from = s;
			continue;
		}
		if (p.at < p.end && one_fits(&p, &s))
			continue;
		if (star.at == NULL)
			return false;
		(void)next(&from);
		s = from;
		p = star;
	}
	while (p.at < p.end && *p.at == '*')
		p.at++;
	return p.at == p.end;
}

static struct span
component(const char *path)
{
	struct span s = { path, path + strcspn(path, "/") };

	return s;
}

bool
tuf_pattern_matches(const char *pattern, const char *path)
{
	for (;;) {
		struct span p = component(pattern), s = component(path);

		if (!component_fits(p, s))
			return false;
		if (*p.end == '\0' || *s.end == '\0')
			return *p.end == *s.end;
		pattern = p.end + 1;
		path = s.end + 1;
	}
}
