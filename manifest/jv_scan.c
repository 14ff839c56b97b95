#include <stdbool.h>
#include <stdint.h>

#include "manifest/jv_scan.h"

struct scan {
	const uint8_t *p;
	size_t n;
	size_t depth, values;
};

/* Index right behind the string that opens at i (its closing quote may lack). */
static size_t
string_end(const struct scan *s, size_t i)
{
	for (i++; i < s->n; i++) {
		if (s->p[i] == '\\')
			i++;
		else if (s->p[i] == '"')
			return i + 1;
	}
	return s->n;
}

static bool
is_bare(uint8_t c)
{
	return c > 0x20 && c != ',' && c != ':' && c != '"' && c != '[' && c != ']' &&
	       c != '{' && c != '}';
}

static size_t
bare_end(const struct scan *s, size_t i)
{
	while (i < s->n && is_bare(s->p[i]))
		i++;
	return i;
}

/* Look at the token at i; returns where the next one may start. */
static size_t
token(struct scan *s, size_t i)
{
	uint8_t c = s->p[i];

	switch (c) {
	case '{':
	case '[':
		s->depth++;
		s->values++;
		return i + 1;
	case '}':
	case ']':
		if (s->depth > 0)
			s->depth--;
		return i + 1;
	case ':': /* the string before it was a key */
		if (s->values > 0)
			s->values--;
		return i + 1;
	case '"':
		s->values++;
		return string_end(s, i);
	default:
		if (!is_bare(c))
			return i + 1;
		s->values++;
		return bare_end(s, i);
	}
}

int
jv_scan(const void *data, size_t n, struct err *e)
{
	struct scan s = { data, n, 0, 0 };

	for (size_t i = 0; i < n;) {
		i = token(&s, i);
		if (s.depth > JV_DEPTH_MAX)
			return err_set(
			    e, ERR_FORMAT, "JSON: nested deeper than %d", JV_DEPTH_MAX);
		if (s.values > JV_VALUES_MAX + 1) /* one may prove a key */
			return err_set(
			    e, ERR_FORMAT, "JSON: more than %d values", JV_VALUES_MAX);
	}
	return 0;
}
