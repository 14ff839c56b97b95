#include <stdlib.h>
#include <string.h>

#include "apply/patch/opening.h"

#include "mkdelta/encode/mapped.h"

#include "mkdelta/encode/deflate_find.h"

enum { OUT_BYTES = 64 * 1024 };

struct finder {
	const uint8_t *data;
	size_t n;
	uint64_t max_plain;
	uint64_t room;		/* for what streams unpack to */
	struct unpacker unpacker;
	struct opening opening;
	struct found *found;
	size_t cap, most;	/* streams: room for, to be found */
	uint8_t out[OUT_BYTES];
};

/* FNV-1a over words of eight bytes, which are as the machine has them: marks are
 * compared, never kept. */
static uint64_t
mark_of(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u, word;

	for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
		memcpy(&word, p, sizeof word);
		h = (h ^ word) * 0x100000001b3u;
		h ^= h >> 29;
	}
	for (; n > 0; p++, n--)
		h = (h ^ *p) * 0x100000001b3u;
	return h;
}

struct packing
found_packing(const struct found_stream *s, const uint8_t *data)
{
	return (struct packing){ s->kind, data + s->at - s->head };
}

/* What begins at `at` as a stream: 1 one that counts, 0 none, -1 error. */
static int
measure(struct finder *f, size_t at, struct found_stream *s, struct err *e)
{
	const uint8_t *p = f->data + at;
	size_t left = f->n - at, before;
	struct err none = ERR_INIT;
	struct packing how;
	int rc = 0;

	*s = (struct found_stream){ .at = at, .kind = f->opening.kind };
	if (s->kind == OPENING_XZ)
		s->head = (uint8_t)(f->opening.head[0] * 4 + 4);
	how = found_packing(s, f->data);
	if (unpacker_start(&f->unpacker, &how, &none) == -1)
		return none.code == ERR_FORMAT ? 0 :
		    err_set(e, none.code, "%s", none.text);
	while (rc == 0) {
		uint8_t *to = f->out;
		size_t room = sizeof f->out;

		before = left;
		rc = unpacker_run(&f->unpacker, &p, &left, &to, &room, &none);
		s->plain += sizeof f->out - room;
		if (rc == 0 && (s->plain > f->max_plain || s->plain > f->room ||
		    (left == before && room == sizeof f->out)))
			return 0;
	}
	s->packed = f->n - at - left;
	if (rc == -1 || s->packed < DEFLATE_PACKED_MIN || s->plain > f->max_plain ||
	    s->plain > f->room || s->plain == 0)
		return 0;
	s->mark = mark_of(f->data + at, (size_t)s->packed);
	return 1;
}

static int
keep(struct finder *f, const struct found_stream *s, struct err *e)
{
	if (f->found->n == f->cap) {
		size_t cap = f->cap == 0 ? 64 : 2 * f->cap;
		void *v = reallocarray(f->found->v, cap, sizeof *s);

		if (v == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for deflate streams");
		f->found->v = v;
		f->cap = cap;
	}
	f->found->v[f->found->n++] = *s;
	return 0;
}

static int
walk(struct finder *f, struct err *e)
{
	struct found_stream s;
	size_t forget = MAPPED_STEP;

	opening_start(&f->opening);
	for (size_t at = 0; at < f->n && f->found->n < f->most;) {
		bool here;
		int rc = 0;

		if (at >= forget) {
			mapped_forget(f->data);
			forget = at + MAPPED_STEP;
		}
		at += opening_feed(&f->opening, f->data + at, f->n - at < MAPPED_STEP ?
		    f->n - at : MAPPED_STEP, &here);
		if (here && (rc = measure(f, at, &s, e)) == -1)
			return -1;
		if (rc == 0)
			continue;
		if (keep(f, &s, e) == -1)
			return -1;
		f->room -= s.plain;
		at += (size_t)s.packed;
		opening_start(&f->opening);
	}
	return 0;
}

static int
find(const uint8_t *data, size_t n, uint64_t max_plain, size_t most, struct found *out,
    struct err *e)
{
	struct arena arena = { .limit = UINT64_MAX };
	struct finder *f = arena_new(&arena, 1, sizeof *f, e);
	int rc = -1;

	*out = (struct found){ 0 };
	if (f != NULL) {
		f->unpacker.arena = &arena;
		f->data = data;
		f->n = n;
		f->max_plain = max_plain;
		f->room = (uint64_t)n * DEFLATE_GROWTH + DEFLATE_ROOM;
		f->found = out;
		f->most = most;
		rc = walk(f, e);
		unpacker_close(&f->unpacker);
	}
	arena_free(&arena, f, 1, sizeof *f);
	return rc;
}

int
deflate_find(const uint8_t *data, size_t n, uint64_t max_plain, struct found *out,
    struct err *e)
{
	return find(data, n, max_plain, SIZE_MAX, out, e);
}

int
deflate_there(const uint8_t *data, size_t n, uint64_t max_plain, struct err *e)
{
	struct found found;
	int rc = find(data, n, max_plain, 1, &found, e);

	if (rc == 0)
		rc = found.n > 0;
	found_free(&found);
	return rc;
}

void
found_free(struct found *f)
{
	free(f->v);
	*f = (struct found){ 0 };
}

static int
by_mark(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The marks of a side, sorted. */
static uint64_t *
marks_of(const struct found *f, struct err *e)
{
	uint64_t *v = calloc(f->n + 1, sizeof *v);

	if (v == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for deflate streams");
		return NULL;
	}
	for (size_t i = 0; i < f->n; i++)
		v[i] = f->v[i].mark;
	qsort(v, f->n, sizeof *v, by_mark);
	return v;
}

static void
use_others(struct found *f, const uint64_t *marks, size_t n)
{
	for (size_t i = 0; i < f->n; i++)
		f->v[i].use =
		    bsearch(&f->v[i].mark, marks, n, sizeof *marks, by_mark) == NULL;
}

int
found_differ(struct found *old, struct found *fresh, struct err *e)
{
	uint64_t *a = marks_of(old, e), *b = marks_of(fresh, e);
	int rc = a == NULL || b == NULL ? -1 : 0;

	if (rc == 0) {
		use_others(old, b, fresh->n);
		use_others(fresh, a, old->n);
	}
	free(a);
	free(b);
	return rc;
}
