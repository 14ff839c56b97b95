#include <stdbool.h>
#include <stdlib.h>

#include "apply/patch/opening.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/deflate_list.h"

uint64_t
found_expanded(const struct found *f, size_t n)
{
	uint64_t bytes = n;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].use)
			bytes += f->v[i].plain - f->v[i].packed;
	return bytes;
}

size_t
found_used(const struct found *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->v[i].use;
	return n;
}

uint64_t
found_plain(const struct found *f)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].use)
			bytes += f->v[i].plain;
	return bytes;
}

/* Places passed over before each stream in use, as the device will count them. */
static size_t
walk(const uint8_t *data, size_t n, struct found *f, uint64_t *skips)
{
	size_t at = 0, k = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct found_stream *s = &f->v[i];
		size_t goal = (size_t)s->at, from = at;
		struct opening opening;
		bool here = false;
		uint64_t skip = 0;

		if (!s->use)
			continue;
		opening_start(&opening);
		while (from < goal) {
			from += opening_feed(&opening, data + from, goal - from, &here);
			skip += here;
		}
		if (!here || goal > n) {
			s->use = false;
			continue;
		}
		skips[k++] = skip - 1;
		at = goal + (size_t)s->packed;
	}
	return k;
}

static int
put_head(const uint8_t *data, size_t n, struct found *f, struct buf *out, struct err *e)
{
	uint64_t *skips = calloc(f->n + 1, sizeof *skips);
	size_t n_skips;
	int rc;

	if (skips == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for deflate streams");
	n_skips = walk(data, n, f, skips);
	rc = buf_add_varint(out, found_expanded(f, n), e);
	if (rc == 0)
		rc = buf_add_varint(out, n_skips, e);
	for (size_t i = 0; rc == 0 && i < n_skips; i++)
		rc = buf_add_varint(out, skips[i], e);
	free(skips);
	return rc;
}

int
deflate_list_old(const uint8_t *data, size_t n, struct found *f, struct buf *out,
    struct err *e)
{
	return put_head(data, n, f, out, e);
}

/* The next in use after i, n when there is none. */
static size_t
next_used(const struct found *f, size_t i)
{
	while (i < f->n && !f->v[i].use)
		i++;
	return i;
}

/* Sizes of the old streams in use, so far as they are compared with. */
struct sizes {
	const uint64_t *v;
	size_t n, at;
};

enum { LOOK_AHEAD = 16 };

/* Which of the next few old sizes is the same; else the next. */
static size_t
like(const struct sizes *s, uint64_t plain)
{
	for (size_t i = s->at; i < s->n && i - s->at < LOOK_AHEAD; i++)
		if (s->v[i] == plain)
			return i;
	return s->at;
}

static int
put_sizes(const struct found *f, const uint64_t *old, size_t old_n, bool jumps,
    struct buf *out, struct err *e)
{
	struct sizes s = { old, old_n, 0 };

	for (size_t i = next_used(f, 0); i < f->n; i = next_used(f, i + 1)) {
		uint64_t plain = f->v[i].plain;
		size_t k = like(&s, plain);
		uint64_t base = k < old_n ? old[k] : 0;
		int64_t v = jumps ? (int64_t)(k - s.at) : (int64_t)(plain - base);

		if (buf_add_varint(out, zigzag(v), e) == -1)
			return -1;
		s.at = k + 1;
	}
	return 0;
}

static int
put_params(const struct found *f, struct buf *out, struct err *e)
{
	unsigned last = 0;

	for (size_t i = next_used(f, 0); i < f->n; i = next_used(f, i + 1)) {
		unsigned code = f->v[i].code;

		if (buf_add_varint(out, code == last ? 0 : code + 1, e) == -1)
			return -1;
		last = code;
	}
	return 0;
}

int
deflate_list_new(const uint8_t *data, size_t n, struct found *f, const struct found *old,
    struct buf *out, struct err *e)
{
	uint64_t *sizes = calloc(old->n + 1, sizeof *sizes);
	size_t k = 0;
	int rc = -1;

	if (sizes == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for deflate streams");
	for (size_t i = next_used(old, 0); i < old->n; i = next_used(old, i + 1))
		sizes[k++] = old->v[i].plain;
	if (put_head(data, n, f, out, e) == 0 &&
	    put_sizes(f, sizes, k, true, out, e) == 0 &&
	    put_sizes(f, sizes, k, false, out, e) == 0)
		rc = put_params(f, out, e);
	free(sizes);
	return rc;
}
