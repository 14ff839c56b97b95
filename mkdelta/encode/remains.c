#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/mapped.h"

#include "mkdelta/encode/remains.h"

enum { SHORT = 4096 };

static int
add(struct remains *r, uint64_t at, uint64_t end, struct err *e)
{
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 256 : r->cap * 2;
		struct stretch *grown = realloc(r->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for matches");
		r->list = grown;
		r->cap = cap;
	}
	r->list[r->n++] = (struct stretch){ at, end - at, r->n_bytes };
	r->n_bytes += end - at;
	return 0;
}

/* Is it within one of them?  *k goes on from call to call. */
static int
within(struct stretches s, size_t *k, uint64_t at, uint64_t end)
{
	while (*k < s.n && s.list[*k].at + s.list[*k].bytes <= at)
		++*k;
	return *k < s.n && s.list[*k].at <= at &&
	    end <= s.list[*k].at + s.list[*k].bytes;
}

static int
find(struct remains *r, uint64_t n, struct stretches covered, struct stretches inside,
    struct err *e)
{
	uint64_t at = 0;
	size_t k = 0;

	for (size_t i = 0; i <= covered.n; i++) {
		uint64_t end = i == covered.n ? n : covered.list[i].at;

		if (end > at && (end - at >= SHORT || !within(inside, &k, at, end)) &&
		    add(r, at, end, e) == -1)
			return -1;
		if (i < covered.n && end + covered.list[i].bytes > at)
			at = end + covered.list[i].bytes;
	}
	return 0;
}

int
remains_find(const uint8_t *data, uint64_t n, struct stretches covered,
    struct stretches inside, uint64_t memory_bytes, struct remains *r, struct err *e)
{
	uint64_t done = 0;

	memset(r, 0, sizeof *r);
	if (find(r, n, covered, inside, e) == -1)
		return -1;
	if ((r->bytes = mapped_room((size_t)r->n_bytes, memory_bytes, e)) == NULL)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		memcpy(r->bytes + r->list[i].joined_at, data + r->list[i].at,
		    (size_t)r->list[i].bytes);
		if (r->list[i].joined_at - done > MAPPED_STEP) {
			done = r->list[i].joined_at;
			mapped_forget(data);
			mapped_forget(r->bytes);
		}
	}
	mapped_forget(data);
	mapped_forget(r->bytes);
	return 0;
}

void
remains_free(struct remains *r)
{
	free(r->list);
	mapped_free(r->bytes);
	memset(r, 0, sizeof *r);
}

size_t
stretch_at(const struct stretch *list, size_t n, uint64_t joined_at)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].joined_at + list[middle].bytes <= joined_at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
