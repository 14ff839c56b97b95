#include <stdlib.h>
#include <string.h>

#include "apply/patch/map.h"

int
map_open(struct map *m, size_t ranges, struct arena *arena, struct err *e)
{
	*m = (struct map){ .cap_ranges = ranges, .arena = arena };
	m->ranges = arena_new(arena, ranges, sizeof *m->ranges, e);
	return m->ranges == NULL ? -1 : 0;
}

void
map_close(struct map *m)
{
	arena_free(m->arena, m->ranges, m->cap_ranges, sizeof *m->ranges);
	m->ranges = NULL;
	m->n_ranges = m->cap_ranges = 0;
}

void
map_add(struct map *m, uint32_t from, uint32_t bytes, uint32_t to)
{
	if (bytes > UINT32_MAX - from)
		bytes = UINT32_MAX - from;
	if (bytes > 0 && m->n_ranges < m->cap_ranges)
		m->ranges[m->n_ranges++] = (struct map_range){ from, bytes, to };
}

/* ---- settling ---- */

/* Total: two ranges that compare equal are the same. */
static int
compare(const void *pa, const void *pb)
{
	const struct map_range *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

static void
skip(struct map_range *r, uint32_t n)
{
	r->from += n;
	r->to += n;
	r->bytes -= n;
}

/* Ranges come in ascending order.  The one before is cut where a longer one begins;
 * of a shorter one only what reaches beyond stays. */
static size_t
push(struct map_range *done, size_t n, struct map_range r)
{
	while (n > 0) {
		struct map_range *last = &done[n - 1];
		uint32_t end = last->from + last->bytes;

		if (r.from >= end)
			break;
		if (r.bytes > last->bytes) {
			if (r.from > last->from) {
				last->bytes = r.from - last->from;
				break;
			}
			n--;
		} else {
			if (end - r.from >= r.bytes)
				return n;
			skip(&r, end - r.from);
			break;
		}
	}
	done[n] = r;
	return n + 1;
}

void
map_settle(struct map *m)
{
	size_t n = 0;

	if (m->n_ranges > 0)
		qsort(m->ranges, m->n_ranges, sizeof *m->ranges, compare);
	/* What is done never gets longer than what was read. */
	for (size_t i = 0; i < m->n_ranges; i++)
		n = push(m->ranges, n, m->ranges[i]);
	m->n_ranges = n;
}

/* ---- looking up ---- */

uint32_t
map_guess(const struct map *m, uint32_t address)
{
	size_t low = 0, high = m->n_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->ranges[middle].from <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return address;
	return address - m->ranges[low - 1].from + m->ranges[low - 1].to;
}

uint32_t
map_address(const struct map *m, uint32_t address)
{
	uint32_t guess = map_guess(m, address);
	size_t low = 0, high = m->n_points;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->points[middle].from < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < m->n_points && m->points[low].from == address)
		guess += m->points[low].by;
	return guess;
}
