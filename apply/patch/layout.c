#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/layout.h"

void
layout_add(struct layout *l, const struct segment *s)
{
	size_t i = l->n;

	if (l->n == LAYOUT_SEGMENTS_MAX || s->memory < s->bytes ||
	    s->memory > UINT32_MAX)
		return;
	for (; i > 0 && l->segments[i - 1].at > s->at; i--)
		l->segments[i] = l->segments[i - 1];
	l->segments[i] = *s;
	l->n++;
}

void
layout_settle(struct layout *l)
{
	l->low = l->n == 0 ? 0 : UINT64_MAX;
	l->high = 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->segments[i].address < l->low)
			l->low = l->segments[i].address;
	/* A segment too far away is none. */
	for (size_t i = 0; i < l->n; i++) {
		uint64_t end = l->segments[i].address + l->segments[i].memory;

		if (end - l->low <= UINT32_MAX && end > l->high)
			l->high = end;
	}
}

uint64_t
layout_address(const struct layout *l, uint64_t at, uint64_t *run)
{
	*run = UINT64_MAX - at;
	for (size_t i = 0; i < l->n; i++) {
		const struct segment *s = &l->segments[i];

		if (at - s->at < s->bytes) {
			*run = s->bytes - (at - s->at);
			return s->address + (at - s->at);
		}
		if (s->at > at && s->at - at < *run)
			*run = s->at - at;
	}
	return l->high + at;
}

bool
layout_offset(const struct layout *l, uint64_t address, uint64_t *at)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct segment *s = &l->segments[i];

		if (address - s->address < s->bytes) {
			*at = s->at + (address - s->address);
			return true;
		}
	}
	*at = address - l->high;
	return address >= l->high;
}

/* ---- differences ---- */

static const struct segment *
old_segment(const struct layout *old, size_t i)
{
	static const struct segment none;

	return i < old->n ? &old->segments[i] : &none;
}

void
layout_numbers(const struct layout *old, const struct layout *new, uint64_t *out)
{
	uint64_t shift = 0;	/* of the segment before */

	for (size_t i = 0; i < new->n; i++, out += LAYOUT_NUMBERS) {
		const struct segment *o = old_segment(old, i), *s = &new->segments[i];

		out[0] = zigzag((int64_t)(s->at - o->at - shift));
		out[1] = zigzag((int64_t)(s->address - o->address - (s->at - o->at)));
		out[2] = zigzag((int64_t)(s->bytes - o->bytes));
		out[3] = zigzag((int64_t)((s->memory - s->bytes) -
		    (o->memory - o->bytes)));
		shift = s->at - o->at;
	}
}

void
layout_apply(const struct layout *old, size_t n, const uint64_t *in, struct layout *new)
{
	uint64_t shift = 0;	/* of the segment before */

	memset(new, 0, sizeof *new);
	for (size_t i = 0; i < n && i < LAYOUT_SEGMENTS_MAX; i++, in += LAYOUT_NUMBERS) {
		const struct segment *o = old_segment(old, i);
		struct segment *s = &new->segments[new->n++];

		s->at = (uint64_t)unzigzag(in[0]) + o->at + shift;
		s->address = (uint64_t)unzigzag(in[1]) + o->address + (s->at - o->at);
		s->bytes = (uint64_t)unzigzag(in[2]) + o->bytes;
		s->memory = (uint64_t)unzigzag(in[3]) + (o->memory - o->bytes) +
		    s->bytes;
		shift = s->at - o->at;
	}
	layout_settle(new);
}
