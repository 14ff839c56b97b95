#include <inttypes.h>

#include "apply/patch/opening.h"
#include "apply/patch/packing.h"

#include "apply/patch/expand.h"

enum { IN_BYTES = 16 * 1024, OUT_BYTES = 32 * 1024 };

struct work {
	const struct old *file;
	const struct sink *kept;
	struct unpacker unpacker;
	struct opening opening;
	uint64_t at;		/* of the file: what was read */
	uint64_t left;		/* bytes the expanded form still has room for */
	const uint8_t *p;	/* read, not used yet */
	size_t n;
	uint8_t in[IN_BYTES], plain[OUT_BYTES];
};

enum { WORK_COUNTS = 49328 };
ARENA_COUNTS(struct work, WORK_COUNTS);

int
expand_list_read(struct expand_list *l, struct arena *a, const struct numbers *from,
    struct err *e)
{
	uint64_t n;

	*l = (struct expand_list){ 0 };
	if (from->next(from->arg, &l->bytes, e) == -1 ||
	    from->next(from->arg, &n, e) == -1)
		return -1;
	if (n > SIZE_MAX / sizeof *l->streams)
		return err_set(e, ERR_FORMAT, "a list of %" PRIu64 " streams", n);
	if ((l->streams = arena_new(a, (size_t)n, sizeof *l->streams, e)) == NULL)
		return -1;
	l->n = (size_t)n;
	for (size_t i = 0; i < l->n; i++)
		if (from->next(from->arg, &l->streams[i].skip, e) == -1)
			return -1;
	return 0;
}

void
expand_list_free(struct expand_list *l, struct arena *a)
{
	arena_free(a, l->streams, l->n, sizeof *l->streams);
	*l = (struct expand_list){ 0 };
}

/* More of the file, nothing at its end. */
static int
fill(struct work *w, struct err *e)
{
	uint64_t left = w->file->bytes - w->at;

	if (w->n > 0)
		return 0;
	w->p = w->in;
	w->n = left < IN_BYTES ? (size_t)left : IN_BYTES;
	if (old_read(w->file, w->in, w->n, w->at, e) == -1)
		return -1;
	w->at += w->n;
	return 0;
}

/* n bytes more of the expanded form. */
static int
count(struct work *w, uint64_t n, struct err *e)
{
	if (n > w->left)
		return err_set(e, ERR_FORMAT, "an expanded file is longer than is said");
	w->left -= n;
	return 0;
}

static int
keep_stream(struct work *w, uint64_t *plain, struct err *e)
{
	const struct packing how = { w->opening.kind, w->opening.head };
	int rc = unpacker_start(&w->unpacker, &how, e);

	*plain = 0;
	while (rc == 0) {
		uint8_t *to = w->plain;
		size_t room = sizeof w->plain, n;

		if (fill(w, e) == -1)
			return -1;
		if (w->n == 0)
			return err_set(e, ERR_FORMAT,
			    "the old file ends inside a packed stream");
		rc = unpacker_run(&w->unpacker, &w->p, &w->n, &to, &room, e);
		n = sizeof w->plain - room;
		if (rc == -1 || count(w, n, e) == -1 ||
		    (n > 0 && w->kept->write(w->kept->arg, w->plain, n, e) == -1))
			return -1;
		*plain += n;
	}
	return rc == -1 ? -1 : 0;
}

/* Bytes between streams, until `skip` places are passed and the next is reached. */
static int
pass_gap(struct work *w, uint64_t skip, struct err *e)
{
	opening_start(&w->opening);
	for (;;) {
		bool here;
		size_t n;

		if (fill(w, e) == -1)
			return -1;
		if (w->n == 0)
			return err_set(e, ERR_FORMAT,
			    "the old file has fewer packed streams than are listed");
		n = opening_feed(&w->opening, w->p, w->n, &here);
		if (count(w, n, e) == -1)
			return -1;
		w->p += n;
		w->n -= n;
		if (here && skip-- == 0)
			return 0;
	}
}

static int
expand_all(struct work *w, struct expand_list *l, struct err *e)
{
	uint64_t kept_at = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct expand_stream *s = &l->streams[i];

		if (pass_gap(w, s->skip, e) == -1)
			return -1;
		s->form_at = l->bytes - w->left;
		s->kept_at = kept_at;
		if (keep_stream(w, &s->plain, e) == -1)
			return -1;
		s->end = w->at - w->n;
		kept_at += s->plain;
	}
	if (count(w, w->file->bytes - (w->at - w->n), e) == -1)
		return -1;
	return w->left == 0 ? 0 : err_set(e, ERR_FORMAT,
	    "an expanded file is %" PRIu64 " bytes shorter than is said", w->left);
}

int
expand(const struct old *file, struct expand_list *l, struct arena *a,
    const struct sink *kept, struct err *e)
{
	struct work *w = arena_new(a, 1, WORK_COUNTS, e);
	int rc;

	if (w == NULL)
		return -1;
	w->file = file;
	w->kept = kept;
	w->unpacker.arena = a;
	w->left = l->bytes;
	rc = expand_all(w, l, e);
	unpacker_close(&w->unpacker);
	arena_free(a, w, 1, WORK_COUNTS);
	return rc;
}

/* ---- reading the form ---- */

/* How many streams begin at or before this place of the form. */
static size_t
begun(const struct expand_list *l, uint64_t at)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->streams[middle].form_at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
read_form(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct expand_view *v = arg;
	const struct expand_list *l = v->list;
	uint8_t *to = out;

	while (n > 0) {
		const struct expand_stream before = { 0 };
		size_t i = begun(l, at);
		const struct expand_stream *s = i == 0 ? &before : &l->streams[i - 1];
		uint64_t past = at - s->form_at;
		uint64_t end = i < l->n ? l->streams[i].form_at : l->bytes;
		bool inside = past < s->plain;
		uint64_t left = inside ? s->plain - past : end - at;
		size_t some = left < n ? (size_t)left : n;

		if ((inside ?
		    old_read(v->kept, to, some, v->kept_at + s->kept_at + past, e) :
		    old_read(v->file, to, some, s->end + past - s->plain, e)) == -1)
			return -1;
		to += some;
		at += some;
		n -= some;
	}
	return 0;
}

struct old
expand_view(struct expand_view *v)
{
	return (struct old){ v, read_form, v->list->bytes };
}

uint64_t
expand_memory(uint64_t unpacker)
{
	return WORK_COUNTS + unpacker;
}
