#include <inttypes.h>

#include "apply/patch/deflate.h"
#include "apply/patch/opening.h"

#include "apply/patch/expand.h"

enum { IN_BYTES = 16 * 1024, OUT_BYTES = 32 * 1024 };

struct work {
	const struct old *old;
	const struct sink *out;
	struct inflater *inflater;
	struct opening opening;
	uint64_t at;		/* of the old file: what was read */
	uint64_t left;		/* bytes the expanded form still has room for */
	const uint8_t *p;	/* read, not used yet */
	size_t n;
	uint8_t in[IN_BYTES], plain[OUT_BYTES];
};

int
expand_list_read(struct expand_list *l, uint64_t max_bytes, struct arena *a,
    const struct numbers *from, struct err *e)
{
	uint64_t n;

	*l = (struct expand_list){ 0 };
	if (from->next(from->arg, &l->bytes, e) == -1 ||
	    from->next(from->arg, &n, e) == -1)
		return -1;
	if (l->bytes > max_bytes)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " bytes of expanded streams, "
		    "%" PRIu64 " are declared", l->bytes, max_bytes);
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

/* More of the old file, nothing at its end. */
static int
fill(struct work *w, struct err *e)
{
	uint64_t left = w->old->bytes - w->at;

	if (w->n > 0)
		return 0;
	w->p = w->in;
	w->n = left < IN_BYTES ? (size_t)left : IN_BYTES;
	if (old_read(w->old, w->in, w->n, w->at, e) == -1)
		return -1;
	w->at += w->n;
	return 0;
}

static int
put(struct work *w, const uint8_t *data, size_t n, struct err *e)
{
	if (n > w->left)
		return err_set(e, ERR_FORMAT, "an expanded file is longer than is said");
	w->left -= n;
	return n == 0 ? 0 : w->out->write(w->out->arg, data, n, e);
}

static int
put_stream(struct work *w, uint64_t *plain, struct err *e)
{
	int rc = inflater_start(w->inflater, e) == -1 ? -1 : 0;

	*plain = 0;
	while (rc == 0) {
		uint8_t *to = w->plain;
		size_t room = sizeof w->plain;

		if (fill(w, e) == -1)
			return -1;
		if (w->n == 0)
			return err_set(e, ERR_FORMAT,
			    "the old file ends inside a deflate stream");
		rc = inflater_run(w->inflater, &w->p, &w->n, &to, &room, e);
		if (rc != -1 && put(w, w->plain, sizeof w->plain - room, e) == -1)
			rc = -1;
		*plain += sizeof w->plain - room;
	}
	return rc == -1 ? -1 : 0;
}

/* Bytes between streams, until `skip` places are passed and the next is reached. */
static int
put_gap(struct work *w, uint64_t skip, struct err *e)
{
	opening_start(&w->opening);
	for (;;) {
		bool here;
		size_t n;

		if (fill(w, e) == -1)
			return -1;
		if (w->n == 0)
			return err_set(e, ERR_FORMAT,
			    "the old file has fewer deflate streams than are listed");
		n = opening_feed(&w->opening, w->p, w->n, &here);
		if (put(w, w->p, n, e) == -1)
			return -1;
		w->p += n;
		w->n -= n;
		if (here && skip-- == 0)
			return 0;
	}
}

static int
put_rest(struct work *w, struct err *e)
{
	do {
		if (put(w, w->p, w->n, e) == -1)
			return -1;
		w->n = 0;
		if (fill(w, e) == -1)
			return -1;
	} while (w->n > 0);
	return w->left == 0 ? 0 : err_set(e, ERR_FORMAT,
	    "an expanded file is %" PRIu64 " bytes shorter than is said", w->left);
}

int
expand(const struct old *old, struct expand_list *l, struct arena *a,
    const struct sink *out, struct err *e)
{
	struct inflater *inflater = inflater_new(a, e);
	struct work *w = arena_new(a, 1, sizeof *w, e);
	int rc = inflater == NULL || w == NULL ? -1 : 0;

	if (rc == 0) {
		w->old = old;
		w->out = out;
		w->inflater = inflater;
		w->left = l->bytes;
		w->p = w->in;
	}
	for (size_t i = 0; rc == 0 && i < l->n; i++)
		if (put_gap(w, l->streams[i].skip, e) == -1 ||
		    put_stream(w, &l->streams[i].plain, e) == -1)
			rc = -1;
	if (rc == 0)
		rc = put_rest(w, e);
	arena_free(a, w, 1, sizeof *w);
	inflater_free(a, inflater);
	return rc;
}
