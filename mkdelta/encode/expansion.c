#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apply/patch/expanded.h"
#include "apply/patch/opening.h"
#include "manifest/base/bytes.h"

#include "mkdelta/encode/deflate_list.h"
#include "mkdelta/encode/image_side.h"
#include "mkdelta/encode/mapped.h"

#include "mkdelta/encode/expansion.h"

enum { PIECE = 128 * 1024, LOADED_SHARE = 4 };

/* Other versions of a library, and machines, may take a little more: an eighth, and what
 * is missing to the next 256 KiB. */
static uint64_t
spared(uint64_t bytes)
{
	const uint64_t step = 256 * 1024;

	return bytes == 0 ? 0 : (bytes + bytes / 8 + step - 1) / step * step;
}

/* What a stream inflates to, and a file with all of its streams. */
#define PLAIN_MAX ((uint64_t)1 << 31)
#define FORM_MAX ((uint64_t)1 << 32)
#define NEST_MAX ((uint64_t)256 << 20)
#define LISTS_MAX ((size_t)64 << 20)
/* What the packers of all levels may take together: a decoder has 16 MiB. */
#define PACKERS_MAX ((uint64_t)10 << 20)

/* A file in memory, at one level. */
struct face {
	uint8_t *data;
	size_t n;
	struct found found;
};

struct maker {
	struct expansion *x;
	struct face old, new;
	struct forms *forms;
	size_t levels;
	bool unpack;
	uint64_t was, is;	/* streams, over all levels */
	struct expansion_count count;
	uint64_t unpacker, packers;	/* memory: the most, and of all levels */
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

void
forms_init(struct forms *f)
{
	spill_init(&f->spill);
	(void)pthread_mutex_init(&f->lock, NULL);
}

void
forms_free(struct forms *f)
{
	spill_free(&f->spill);
	(void)pthread_mutex_destroy(&f->lock);
}

static int
find(struct maker *m, struct err *e)
{
	struct found *old = &m->old.found, *new = &m->new.found;

	if (deflate_find(m->new.data, m->new.n, PLAIN_MAX, new, e) == -1)
		return -1;
	if (new->n == 0 && !m->unpack)
		return 0;
	if (deflate_find(m->old.data, m->old.n, PLAIN_MAX, old, e) == -1 ||
	    found_differ(old, new, e) == -1 || keep_loaded(&m->old, e) == -1 ||
	    keep_loaded(&m->new, e) == -1)
		return -1;
	m->count.changed += found_used(new);
	if (deflate_prove(m->new.data, new, EXPANSION_KINDS_MAX, m->jobs, e) == -1)
		return -1;
	m->count.again += found_used(new);
	for (size_t i = 0; i < new->n; i++)
		m->count.too_large += !new->v[i].proved && new->v[i].too_large;
	return 0;
}

static void
note_codes(struct expansion *x, const struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct found_stream *s = &f->v[i];
		unsigned log = PACKING_LOG_MIN, code = found_behaviour(s->code);
		size_t k = 0;

		if (!s->use || !packing_by_library(s->code))
			continue;
		while (k < x->n_codes && x->codes[k] != code)
			k++;
		if (k == x->n_codes)
			x->codes[x->n_codes++] = code;
		while (log < PACKING_LOG_MAX && s->plain > 1u << log)
			log++;
		x->logs[k] = log > x->logs[k] ? log : x->logs[k];
	}
}

static bool
has_frames(const struct found *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].use && f->v[i].kind != OPENING_DEFLATE)
			return true;
	return false;
}

/* What one level's packer takes: that of deflate, and of one kind of frames. */
static uint64_t
packer_memory(const struct found *f)
{
	uint64_t most[2] = { 0, 0 };

	for (size_t i = 0; i < f->n; i++) {
		const struct found_stream *s = &f->v[i];
		uint64_t *m = &most[s->kind != OPENING_DEFLATE];

		if (s->use && s->memory > *m)
			*m = s->memory;
	}
	return most[0] + spared(most[1]);
}

/* A form goes to memory, or to the spill. */
struct form {
	uint8_t *data;		/* NULL: spill */
	struct spill *spill;
	size_t n;
};

static int
form_add(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct form *f = arg;

	if (f->data == NULL)
		return spill_add(f->spill, data, n, e);
	memcpy(f->data + f->n, data, n);
	f->n += n;
	return 0;
}

static int
unpack_all(const uint8_t *data, const struct found_stream *s, struct form *to,
    struct unpacker *unpacker, uint8_t piece[PIECE], struct err *e)
{
	const struct packing how = found_packing(s, data);
	const uint8_t *p = data + s->at;
	size_t left = (size_t)s->packed;
	int rc = unpacker_start(unpacker, &how, e);

	while (rc == 0) {
		uint8_t *out = piece;
		size_t room = PIECE;

		rc = unpacker_run(unpacker, &p, &left, &out, &room, e);
		if (rc != -1 && form_add(to, piece, PIECE - room, e) == -1)
			rc = -1;
	}
	return rc == -1 ? -1 : 0;
}

static int
add_raw(struct form *to, const uint8_t *data, size_t n, struct err *e)
{
	for (size_t at = 0; at < n; at += PIECE)
		if (form_add(to, data + at, n - at < PIECE ? n - at : PIECE, e) == -1)
			return -1;
	return 0;
}

static int
expand_face(struct maker *m, const struct face *f, struct form *to, struct err *e)
{
	struct arena arena = { .limit = UINT64_MAX };
	struct unpacker unpacker = { .arena = &arena };
	uint8_t *piece = malloc(PIECE);
	size_t from = 0;
	int rc = 0;

	if (piece == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < f->found.n; i++) {
		const struct found_stream *s = &f->found.v[i];

		if (!s->use)
			continue;
		rc = add_raw(to, f->data + from, (size_t)s->at - from, e);
		if (rc == 0)
			rc = unpack_all(f->data, s, to, &unpacker, piece, e);
		from = (size_t)(s->at + s->packed);
	}
	if (rc == 0)
		rc = add_raw(to, f->data + from, f->n - from, e);
	free(piece);
	unpacker_close(&unpacker);
	if (f == &m->old && arena.peak > m->unpacker)
		m->unpacker = has_frames(&f->found) ? spared(arena.peak) : arena.peak;
	return rc;
}

/* The form takes the place of the file. */
static int
become_form(struct maker *m, struct face *f, struct err *e)
{
	struct form form = { .n = 0 };
	int rc;

	form.data = malloc((size_t)found_expanded(&f->found, f->n) + 1);
	if (form.data == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = expand_face(m, f, &form, e);
	mapped_free(f->data);
	f->data = form.data;
	f->n = form.n;
	return rc;
}

static int
write_lists(struct maker *m, struct buf *lists, struct err *e)
{
	if (deflate_list_old(m->old.data, m->old.n, &m->old.found, lists, e) == -1)
		return -1;
	return deflate_list_new(m->new.data, m->new.n, &m->new.found, &m->old.found,
	    lists, e);
}

/* Are the forms too large, or too deep, to look for more in them? */
static bool
is_last(const struct maker *m)
{
	return m->levels == EXPANDED_LEVELS_MAX ||
	    found_expanded(&m->old.found, m->old.n) > NEST_MAX ||
	    found_expanded(&m->new.found, m->new.n) > NEST_MAX;
}

/* Both forms as they are now. */
static int
keep(struct maker *m, struct err *e)
{
	struct form to = { .spill = &m->forms->spill };
	struct expansion *x = m->x;
	int rc;

	(void)pthread_mutex_lock(&m->forms->lock);
	x->old_at = spill_bytes(to.spill);
	rc = expand_face(m, &m->old, &to, e);
	x->new_at = spill_bytes(to.spill);
	x->old_bytes = x->new_at - x->old_at;
	if (rc == 0)
		rc = expand_face(m, &m->new, &to, e);
	x->new_bytes = spill_bytes(to.spill) - x->new_at;
	(void)pthread_mutex_unlock(&m->forms->lock);
	found_free(&m->old.found);
	found_free(&m->new.found);
	return rc;
}

static bool
is_worth_it(const struct maker *m)
{
	return found_used(&m->new.found) > 0 ||
	    (m->unpack && found_used(&m->old.found) > 0);
}

/* One more level: 1 done, 0 there is none, -1. */
static int
make_level(struct maker *m, struct err *e)
{
	struct buf lists = BUF_INIT(LISTS_MAX);
	int rc = find(m, e);

	if (rc == 0 && is_worth_it(m))
		rc = write_lists(m, &lists, e) == -1 ? -1 : 1;
	if (rc == 1 && (!is_worth_it(m) ||
	    found_expanded(&m->new.found, m->new.n) > FORM_MAX ||
	    found_expanded(&m->old.found, m->old.n) > FORM_MAX ||
	    m->packers + packer_memory(&m->new.found) > PACKERS_MAX))
		rc = 0;
	if (rc == 1) {
		m->levels++;
		m->was += found_used(&m->old.found);
		m->is += found_used(&m->new.found);
		m->x->scratch_bytes += found_plain(&m->old.found);
		m->packers += packer_memory(&m->new.found);
		note_codes(m->x, &m->new.found);
		if (buf_add(&m->x->lists, lists.data, lists.len, e) == -1)
			rc = -1;
		else if (is_last(m))
			rc = keep(m, e);
		else if (become_form(m, &m->old, e) == -1 ||
		    become_form(m, &m->new, e) == -1)
			rc = -1;
	}
	found_free(&m->old.found);
	found_free(&m->new.found);
	buf_free(&lists);
	return rc;
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
	x->memory_bytes = expanded_memory(m->levels, m->was, m->is,
	    m->unpacker, m->packers);
	return 0;
}

static int
make(struct maker *m, struct err *e)
{
	int rc = 1;

	while (rc == 1)
		rc = make_level(m, e);
	if (rc == -1 || m->levels == 0)
		return rc;
	if (m->x->new_bytes == 0 && keep(m, e) == -1)
		return -1;
	return finish(m, e);
}

int
expansion_make(uint8_t *old, size_t n_old, uint8_t *new, size_t n_new, bool unpack,
    unsigned jobs, struct forms *forms, struct expansion **out,
    struct expansion_count *count, struct err *e)
{
	struct maker m = { .x = calloc(1, sizeof *m.x), .old = { old, n_old, { 0 } },
		.new = { new, n_new, { 0 } }, .unpack = unpack, .jobs = jobs,
		.forms = forms };
	int rc = -1;

	*out = NULL;
	if (m.x == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
	} else {
		buf_init(&m.x->lists, LISTS_MAX);
		rc = make(&m, e);
	}
	mapped_free(m.old.data);
	mapped_free(m.new.data);
	*count = m.count;
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
	buf_free(&x->lists);
	free(x);
}
