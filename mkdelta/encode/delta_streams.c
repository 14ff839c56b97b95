#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/bspatch.h"
#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

#include "mkdelta/encode/image_streams.h"
#include "mkdelta/encode/old_side.h"

#include "mkdelta/encode/delta_streams.h"

enum { BLOCK_BYTES = 1 << 16 };

struct writer {
	struct spill *plain;
	uint64_t run;		/* copied bytes since the last change */
	struct bspatch patch;	/* for what the decoder has before differences */
	uint8_t new[BLOCK_BYTES];
};

/* A text, an expanded form, or a file by pread. */
struct side {
	const uint8_t *text;	/* NULL: spill */
	int fd;
	const struct spill *spill;	/* NULL: fd */
	uint64_t spill_at;
};

static int
read_side(void *arg, void *data, size_t n, uint64_t at, struct err *e)
{
	const struct side *s = arg;

	if (s->spill != NULL)
		return spill_read(s->spill, data, n, s->spill_at + at, e);
	if (s->text == NULL)
		return fs_pread(s->fd, data, n, at, e);
	memcpy(data, s->text + at, n);
	return 0;
}

static int
put_number(struct writer *w, enum delta_kind kind, uint64_t v, struct err *e)
{
	uint8_t bytes[VARINT_MAX];

	return spill_add(&w->plain[kind], bytes, varint_store(bytes, v), e);
}

static int
put_method(struct writer *w, uint8_t method, struct err *e)
{
	return spill_add(&w->plain[DELTA_CONTROL], &method, 1, e);
}

static int
put_fresh(struct writer *w, enum delta_kind kind, struct side *new, uint64_t at,
    uint64_t bytes, struct err *e)
{
	while (bytes > 0) {
		size_t n = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;

		if (read_side(new, w->new, n, at, e) == -1 ||
		    spill_add(&w->plain[kind], w->new, n, e) == -1)
			return -1;
		at += n;
		bytes -= n;
	}
	return 0;
}

/* n differences, in w->new: those that are not 0, each with the run before it. */
static int
put_changes(struct writer *w, bool substitute, const uint8_t *was, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t change = (uint8_t)(w->new[i] - was[i]);

		if (change == 0) {
			w->run++;
			continue;
		}
		if (put_number(w, DELTA_RUNS, w->run, e) == -1 ||
		    spill_add(&w->plain[DELTA_CHANGES], substitute ? &w->new[i] :
		    &change, 1, e) == -1)
			return -1;
		w->run = 0;
	}
	return 0;
}

static int
put_diff(struct writer *w, const uint8_t *was, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		w->new[i] = (uint8_t)(w->new[i] - was[i]);
	return spill_add(&w->plain[DELTA_DIFF], w->new, n, e);
}

static int
put_differences(struct writer *w, const struct bspatch_job *job, const struct copy *c,
    struct side *new, struct err *e)
{
	for (uint64_t done = 0; done < c->bytes;) {
		uint64_t left = c->bytes - done;
		size_t n = left < BSPATCH_STEP ? (size_t)left : BSPATCH_STEP;
		const uint8_t *was = bspatch_predicted(&w->patch, job, c,
		    c->old_at + done, n, e);

		if (was == NULL || read_side(new, w->new, n, c->new_at + done, e) == -1)
			return -1;
		if ((job->sparse ? put_changes(w, job->substitute, was, n, e) :
		    put_diff(w, was, n, e)) == -1)
			return -1;
		done += n;
	}
	return 0;
}

static int
put_block(struct writer *w, const struct block *k, uint64_t *expected, uint64_t old_bytes,
    struct err *e)
{
	const struct bspatch_block b = { k->copy, k->extra };
	uint64_t seek = zigzag((int64_t)(k->old_at - *expected));

	if (put_number(w, DELTA_SEEK, seek, e) == -1 ||
	    put_number(w, DELTA_COPY, k->copy, e) == -1 ||
	    put_number(w, DELTA_FRESH, k->extra, e) == -1)
		return -1;
	*expected = k->old_at;
	bspatch_move(expected, &b, old_bytes);
	return 0;
}

/* Where the next block of an output begins. */
struct place {
	uint64_t expected, new_at;
};

static int
put_some(struct writer *w, const struct block *list, size_t n,
    const struct bspatch_job *job, struct side *new, struct place *p, struct err *e)
{
	enum delta_kind fresh = job->predict == NULL ? DELTA_EXTRA : DELTA_CODE;

	for (size_t i = 0; i < n; i++) {
		const struct block *k = &list[i];
		struct copy c = { k->old_at, p->new_at, k->copy };

		if (put_block(w, k, &p->expected, job->old->bytes, e) == -1 ||
		    put_differences(w, job, &c, new, e) == -1 ||
		    put_fresh(w, fresh, new, p->new_at + k->copy, k->extra, e) == -1)
			return -1;
		p->new_at += k->copy + k->extra;
	}
	return 0;
}

static int
put_blocks(struct writer *w, const struct blocks *b, const struct bspatch_job *job,
    struct side *new, struct err *e)
{
	struct place p = { 0, 0 };

	return put_some(w, b->list, b->n, job, new, &p, e);
}

/* Has any block a copy at all?  Without one the source need not be named. */
static bool
copies_something(const struct blocks *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i].copy > 0)
			return true;
	return false;
}

static int
put_listing(struct writer *w, const struct delta_plan *p, struct err *e)
{
	struct side old = { p->old_text.data, -1, NULL, 0 };
	struct side new = { p->reduced.data, -1, NULL, 0 };
	const struct old text = { &old, read_side, p->old_text.len };
	const struct bspatch_job job = { .old = &text,
		.sparse = (p->listing_changes & FLAG_SPARSE) != 0,
		.substitute = (p->listing_changes & FLAG_SUBSTITUTE) != 0 };

	if (!copies_something(&p->listing))
		return put_method(w, METHOD_RAW, e) == -1 ? -1 :
		    put_fresh(w, DELTA_EXTRA, &new, 0, p->reduced.len, e);
	if (put_method(w, METHOD_PATCH, e) == -1 ||
	    put_number(w, DELTA_CONTROL, p->listing_changes, e) == -1)
		return -1;
	return put_blocks(w, &p->listing, &job, &new, e);
}

/* ---- outputs ---- */

struct block_list {
	struct copy *copies;
	size_t n;
};

static struct copy
get_copy(void *arg, size_t i)
{
	const struct block_list *l = arg;

	return l->copies[i];
}

/* Each part, and the copies that its map is made of. */
static int
put_parts(struct writer *w, const struct delta_output *o,
    const struct bspatch_job *job, struct block_list *l,
    struct pair *pairs, struct side *new, struct err *e)
{
	const struct prediction *x = &o->prediction;
	const struct prediction_part whole = { 0, o->blocks.n };
	size_t n = x->parts == NULL ? 1 : x->n_parts;
	struct copy *all = l->copies;
	struct place at = { 0, 0 };
	int rc = 0;

	for (size_t i = 0, first = 0; rc == 0 && i < n; i++) {
		const struct prediction_part *part = x->parts == NULL ? &whole :
		    &x->parts[i];

		l->copies = all + first;
		job->predict->copies.n = part->blocks;
		if ((rc = image_streams_part(w->plain, x, part, at.new_at,
		    pairs, e)) == 0 &&
		    (rc = predict_open(job->predict, e)) == 0)
			rc = put_some(w, o->blocks.list + first, part->blocks, job, new,
			    &at, e);
		predict_close(job->predict);
		first += part->blocks;
	}
	l->copies = all;
	return rc;
}

static int
put_predicted(struct writer *w, const struct delta_output *o, struct bspatch_job *job,
    struct side *new, struct err *e)
{
	const struct prediction *x = &o->prediction;
	struct block_list l = { calloc(o->blocks.n + 1, sizeof *l.copies), o->blocks.n };
	struct arena arena = { .limit = UINT64_MAX };
	struct predict predict = { .old = job->old, .rules = x->rules, .pairs = x->pairs,
		.pieces = &x->pieces, .copies = { l.n, &l, get_copy }, .arena = &arena };
	struct piece room[2];
	struct pieces whole;
	struct pair *pairs = calloc(x->n + 1, sizeof *pairs);
	uint64_t new_at = 0;
	int rc = -1;

	if (l.copies == NULL || pairs == NULL) {
		free(l.copies);
		free(pairs);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	memcpy(pairs, x->pairs, x->n * sizeof *pairs);
	predict.pairs = pairs;
	for (size_t i = 0; i < l.n; i++) {
		const struct block *b = &o->blocks.list[i];

		l.copies[i] = (struct copy){ b->old_at, new_at, b->copy };
		new_at += b->copy + b->extra;
	}
	if (x->pieces.images == NULL) {
		pieces_whole(&whole, room, job->old->bytes, new_at);
		predict.pieces = &whole;
	}
	job->predict = &predict;
	if (image_streams_images(w->plain, x, e) == 0)
		rc = put_parts(w, o, job, &l, pairs, new, e);
	job->predict = NULL;
	free(l.copies);
	free(pairs);
	return rc;
}

static int
put_sources(struct writer *w, const struct delta_output *o, struct err *e)
{
	if (o->n_sources > 1 &&
	    put_number(w, DELTA_CONTROL, o->n_sources - 1, e) == -1)
		return -1;
	for (size_t i = 0; i < o->n_sources; i++)
		if (put_number(w, DELTA_CONTROL, o->sources[i], e) == -1)
			return -1;
	return 0;
}

/* Flags, sources, what an expanded form needs; then blocks. */
static int
put_patch(struct writer *w, const struct delta_output *o, const struct old *old,
    struct side *new, struct err *e)
{
	const struct expansion *x = o->expansion;
	struct bspatch_job job = { .old = old,
		.sparse = (o->changes & FLAG_SPARSE) != 0,
		.substitute = (o->changes & FLAG_SUBSTITUTE) != 0 };
	uint64_t flags = o->changes | (o->n_sources > 1 ? FLAG_SOURCES : 0) |
	    (o->prediction.rules != 0 ? FLAG_IMAGES : 0) |
	    (o->prediction.pieces.images != NULL ? FLAG_PIECES : 0) |
	    (x != NULL ? FLAG_EXPANDED : 0);

	if (put_method(w, METHOD_PATCH, e) == -1 ||
	    put_number(w, DELTA_CONTROL, flags, e) == -1 || put_sources(w, o, e) == -1)
		return -1;
	if (x != NULL && spill_add(&w->plain[DELTA_LISTS], x->lists.data, x->lists.len,
	    e) == -1)
		return -1;
	return o->prediction.rules != 0 ? put_predicted(w, o, &job, new, e) :
	    put_blocks(w, &o->blocks, &job, new, e);
}

static int
put_copies(struct writer *w, const struct delta_plan *p, size_t i, struct side *new,
    struct err *e)
{
	struct old_side old;
	int rc;

	if (old_side_open(&old, p, i, e) == -1)
		return -1;
	rc = put_patch(w, &p->outputs[i], &old.old, new, e);
	old_side_close(&old);
	return rc;
}

static int
put_new(struct writer *w, const struct delta_plan *p, size_t i, struct err *e)
{
	const struct delta_output *o = &p->outputs[i];
	const struct entry *entry = &p->job->to->entries[o->entry];
	struct side new = { NULL, -1, NULL, 0 };
	int rc;

	if (o->expansion != NULL)
		new = (struct side){ NULL, -1, &p->forms.spill, o->expansion->new_at };
	else if ((new.fd = delta_plan_open(p->job->to_dir,
	    p->job->to_name, entry, e)) == -1)
		return -1;
	if (o->expansion != NULL || copies_something(&o->blocks))
		rc = put_copies(w, p, i, &new, e);
	else if ((rc = put_method(w, METHOD_RAW, e)) == 0)
		rc = put_fresh(w, DELTA_EXTRA, &new, 0, entry->size, e);
	if (new.fd != -1)
		(void)close(new.fd);
	return rc;
}

static int
put_output(struct writer *w, const struct delta_plan *p, size_t i, struct err *e)
{
	const struct delta_output *o = &p->outputs[i];

	if (o->repeats != i)
		return put_method(w, METHOD_REPEAT, e) == -1 ? -1 :
		    put_number(w, DELTA_CONTROL, o->repeats, e);
	if (put_new(w, p, i, e) == -1)
		return err_wrap(e, "%s", p->job->to->entries[o->entry].path);
	return 0;
}

int
delta_streams_write(const struct delta_plan *p, struct spill plain[DELTA_KINDS],
    struct err *e)
{
	struct writer w = { .plain = plain };

	if (put_listing(&w, p, e) == -1)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (cancel_check(e) == -1 || put_output(&w, p, i, e) == -1)
			return -1;
	return 0;
}
