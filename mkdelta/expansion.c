#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apply/patch/expanded.h"
#include "manifest/base/bytes.h"

#include "mkdelta/deflate_list.h"
#include "mkdelta/image_side.h"

#include "mkdelta/expansion.h"

enum { PIECE = 128 * 1024, LOADED_SHARE = 4 };

/* What a stream inflates to, and a file with all of its streams. */
#define PLAIN_MAX ((uint64_t)1 << 31)
#define FORM_MAX ((uint64_t)1 << 32)
#define LISTS_MAX ((size_t)64 << 20)

/* A file in memory, at one level. */
struct face {
	uint8_t *data;
	size_t n;
	struct found found;
};

struct maker {
	struct expansion *x;
	struct face old, new;
	size_t levels;
	uint64_t was, is;	/* streams, over all levels */
	unsigned jobs;
};

/* Rules follow what is loaded of an executable by its offsets, which expanding moves:
 * streams in there stay packed, unless they are much of it.  Those behind (sections of
 * debuggers, archives) are welcome. */
static int
keep_loaded(struct face *f, struct err *e)
{
	uint64_t end = 0, packed = 0;
	struct image_side side;
	int rc = image_side_open(&side, f->data, f->n, 0, e);

	if (rc != 1)
		return rc;
	for (size_t i = 0; i < side.image.layout.n; i++) {
		const struct segment *x = &side.image.layout.segments[i];

		end = x->at + x->bytes > end ? x->at + x->bytes : end;
	}
	image_side_close(&side);
	for (size_t i = 0; i < f->found.n && f->found.v[i].at < end; i++)
		packed += f->found.v[i].use ? f->found.v[i].packed : 0;
	for (size_t i = 0; i < f->found.n && f->found.v[i].at < end; i++)
		f->found.v[i].use = f->found.v[i].use && packed > end / LOADED_SHARE;
	return 0;
}

static int
find(struct maker *m, struct err *e)
{
	struct found *old = &m->old.found, *new = &m->new.found;

	if (deflate_find(m->new.data, m->new.n, PLAIN_MAX, new, e) == -1)
		return -1;
	if (new->n == 0)
		return 0;
	if (deflate_find(m->old.data, m->old.n, PLAIN_MAX, old, e) == -1 ||
	    found_differ(old, new, e) == -1 || keep_loaded(&m->old, e) == -1 ||
	    keep_loaded(&m->new, e) == -1)
		return -1;
	return deflate_prove(m->new.data, new, EXPANSION_KINDS_MAX, m->jobs, e);
}

static void
note_codes(struct expansion *x, const struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		unsigned code = deflate_code(&f->v[i].params);
		size_t k = 0;

		while (k < x->n_codes && x->codes[k] != code)
			k++;
		if (f->v[i].use && deflate_by_zlib(code) && k == x->n_codes)
			x->codes[x->n_codes++] = code;
	}
}

static int
inflate_all(const uint8_t *data, const struct found_stream *s, uint8_t *out,
    struct inflater *inflater, struct err *e)
{
	const uint8_t *p = data + s->at;
	size_t left = (size_t)s->packed, room = (size_t)s->plain;
	int rc = inflater_start(inflater, e);

	while (rc == 0 && left > 0)
		rc = inflater_run(inflater, &p, &left, &out, &room, e);
	return rc == -1 ? -1 : 0;
}

/* The form takes the place of the file. */
static int
expand_face(struct face *f, struct err *e)
{
	struct arena arena = { .limit = UINT64_MAX };
	struct inflater *inflater = inflater_new(&arena, e);
	uint64_t bytes = found_expanded(&f->found, f->n);
	uint8_t *form = malloc((size_t)bytes + 1);
	size_t from = 0, to = 0;
	int rc = inflater == NULL ? -1 : 0;

	if (form == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < f->found.n; i++) {
		const struct found_stream *s = &f->found.v[i];

		if (!s->use)
			continue;
		memcpy(form + to, f->data + from, (size_t)s->at - from);
		to += (size_t)s->at - from;
		rc = inflate_all(f->data, s, form + to, inflater, e);
		to += (size_t)s->plain;
		from = (size_t)(s->at + s->packed);
	}
	inflater_free(&arena, inflater);
	if (rc == -1) {
		free(form);
		return -1;
	}
	memcpy(form + to, f->data + from, f->n - from);
	free(f->data);
	f->data = form;
	f->n = (size_t)bytes;
	return 0;
}

static int
write_lists(struct maker *m, struct buf *lists, struct err *e)
{
	if (deflate_list_old(m->old.data, m->old.n, &m->old.found, lists, e) == -1)
		return -1;
	return deflate_list_new(m->new.data, m->new.n, &m->new.found, &m->old.found,
	    lists, e);
}

/* One more level: 1 done, 0 there is none, -1. */
static int
make_level(struct maker *m, struct err *e)
{
	struct buf lists = BUF_INIT(LISTS_MAX);
	int rc = find(m, e);

	if (rc == 0 && found_used(&m->new.found) > 0)
		rc = write_lists(m, &lists, e) == -1 ? -1 : 1;
	if (rc == 1 && (found_used(&m->new.found) == 0 ||
	    found_expanded(&m->new.found, m->new.n) > FORM_MAX ||
	    found_expanded(&m->old.found, m->old.n) > FORM_MAX))
		rc = 0;
	if (rc == 1) {
		m->levels++;
		m->was += found_used(&m->old.found);
		m->is += found_used(&m->new.found);
		m->x->scratch_bytes += found_plain(&m->old.found);
		note_codes(m->x, &m->new.found);
		if (buf_add(&m->x->lists, lists.data, lists.len, e) == -1 ||
		    expand_face(&m->old, e) == -1 || expand_face(&m->new, e) == -1)
			rc = -1;
	}
	found_free(&m->old.found);
	found_free(&m->new.found);
	buf_free(&lists);
	return rc;
}

static int
keep(struct spill *to, const struct face *from, struct err *e)
{
	for (size_t at = 0; at < from->n; at += PIECE) {
		size_t n = from->n - at < PIECE ? from->n - at : PIECE;

		if (spill_add(to, from->data + at, n, e) == -1)
			return -1;
	}
	return 0;
}

/* The number of levels goes before the lists. */
static int
finish(struct maker *m, struct err *e)
{
	struct buf lists = BUF_INIT(LISTS_MAX);
	struct expansion *x = m->x;

	if (buf_add_varint(&lists, m->levels, e) == -1 ||
	    buf_add(&lists, x->lists.data, x->lists.len, e) == -1) {
		buf_free(&lists);
		return -1;
	}
	buf_free(&x->lists);
	x->lists = lists;
	x->memory_bytes = expanded_memory(m->levels, m->was, m->is);
	if (keep(&x->old, &m->old, e) == -1)
		return -1;
	return keep(&x->new, &m->new, e);
}

static int
make(struct maker *m, struct err *e)
{
	int rc = 1;

	while (rc == 1 && m->levels < EXPANDED_LEVELS_MAX)
		rc = make_level(m, e);
	if (rc == -1)
		return -1;
	return m->levels == 0 ? 0 : finish(m, e);
}

int
expansion_make(uint8_t *old, size_t n_old, uint8_t *new, size_t n_new, unsigned jobs,
    struct expansion **out, struct err *e)
{
	struct maker m = { .x = calloc(1, sizeof *m.x), .old = { old, n_old, { 0 } },
		.new = { new, n_new, { 0 } }, .jobs = jobs };
	int rc = -1;

	*out = NULL;
	if (m.x == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
	} else {
		spill_init(&m.x->old);
		spill_init(&m.x->new);
		buf_init(&m.x->lists, LISTS_MAX);
		rc = make(&m, e);
	}
	free(m.old.data);
	free(m.new.data);
	if (rc == 0 && m.levels > 0)
		*out = m.x;
	else
		expansion_free(m.x);
	return rc;
}

void
expansion_free(struct expansion *x)
{
	if (x == NULL)
		return;
	spill_free(&x->old);
	spill_free(&x->new);
	buf_free(&x->lists);
	free(x);
}
