#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

#include "mkdelta/delta_streams.h"

enum { BLOCK_BYTES = 1 << 16 };

struct writer {
	struct spill *plain;
	uint64_t run;		/* copied bytes since the last change */
	uint8_t old[BLOCK_BYTES], new[BLOCK_BYTES];
};

/* A text, or a file by pread. */
struct side {
	const uint8_t *text;	/* NULL: fd */
	int fd;
};

static int
read_side(const struct side *s, uint8_t *data, size_t n, uint64_t at, struct err *e)
{
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
put_extra(struct writer *w, const struct side *new, uint64_t at, uint64_t bytes,
    struct err *e)
{
	while (bytes > 0) {
		size_t n = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;

		if (read_side(new, w->new, n, at, e) == -1 ||
		    spill_add(&w->plain[DELTA_EXTRA], w->new, n, e) == -1)
			return -1;
		at += n;
		bytes -= n;
	}
	return 0;
}

/* n differences, in w->new: those that are not 0, each with the run before it. */
static int
put_changes(struct writer *w, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (w->new[i] == 0) {
			w->run++;
			continue;
		}
		if (put_number(w, DELTA_RUNS, w->run, e) == -1 ||
		    spill_add(&w->plain[DELTA_CHANGES], &w->new[i], 1, e) == -1)
			return -1;
		w->run = 0;
	}
	return 0;
}

static int
put_differences(struct writer *w, bool sparse, const struct side *old, uint64_t old_at,
    const struct side *new, uint64_t new_at, uint64_t bytes, struct err *e)
{
	while (bytes > 0) {
		size_t n = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;

		if (read_side(old, w->old, n, old_at, e) == -1 ||
		    read_side(new, w->new, n, new_at, e) == -1)
			return -1;
		for (size_t i = 0; i < n; i++)
			w->new[i] = (uint8_t)(w->new[i] - w->old[i]);
		if ((sparse ? put_changes(w, n, e) :
		    spill_add(&w->plain[DELTA_DIFF], w->new, n, e)) == -1)
			return -1;
		old_at += n;
		new_at += n;
		bytes -= n;
	}
	return 0;
}

static int
put_blocks(struct writer *w, const struct blocks *b, bool sparse, const struct side *old,
    const struct side *new, struct err *e)
{
	uint64_t old_at = 0, new_at = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		if (put_number(w, DELTA_SEEK, zigzag((int64_t)(k->old_at - old_at)),
		    e) == -1 || put_number(w, DELTA_COPY, k->copy, e) == -1 ||
		    put_number(w, DELTA_FRESH, k->extra, e) == -1 ||
		    put_differences(w, sparse, old, k->old_at, new, new_at, k->copy,
		    e) == -1 || put_extra(w, new, new_at + k->copy, k->extra, e) == -1)
			return -1;
		new_at += k->copy + k->extra;
		old_at = k->old_at + k->copy;
	}
	return 0;
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
	struct side old = { p->old_text.data, -1 }, new = { p->reduced.data, -1 };

	if (!copies_something(&p->listing))
		return put_method(w, METHOD_RAW, e) == -1 ? -1 :
		    put_extra(w, &new, 0, p->reduced.len, e);
	if (put_method(w, p->listing_sparse ? METHOD_SPARSE : METHOD_COPY, e) == -1)
		return -1;
	return put_blocks(w, &p->listing, p->listing_sparse, &old, &new, e);
}

static int
put_copies(struct writer *w, const struct delta_plan *p, const struct delta_output *o,
    const struct side *new, struct err *e)
{
	const struct delta_job *job = p->job;
	struct side old = { NULL, -1 };
	int rc = -1;

	old.fd = delta_plan_open(job->from_dir, job->from_name,
	    &job->from->entries[o->ancestor], e);
	if (old.fd == -1)
		return -1;
	if (put_method(w, o->sparse ? METHOD_SPARSE : METHOD_COPY, e) == 0 &&
	    put_number(w, DELTA_CONTROL, o->ancestor, e) == 0)
		rc = put_blocks(w, &o->blocks, o->sparse, &old, new, e);
	(void)close(old.fd);
	return rc;
}

static int
put_output(struct writer *w, const struct delta_plan *p, size_t i, struct err *e)
{
	const struct delta_output *o = &p->outputs[i];
	const struct entry *entry = &p->job->to->entries[o->entry];
	struct side new = { NULL, -1 };
	int rc;

	if (o->repeats != i)
		return put_method(w, METHOD_REPEAT, e) == -1 ? -1 :
		    put_number(w, DELTA_CONTROL, o->repeats, e);
	if ((new.fd = delta_plan_open(p->job->to_dir, p->job->to_name, entry, e)) == -1)
		return -1;
	if (copies_something(&o->blocks))
		rc = put_copies(w, p, o, &new, e);
	else if ((rc = put_method(w, METHOD_RAW, e)) == 0)
		rc = put_extra(w, &new, 0, entry->size, e);
	(void)close(new.fd);
	return rc == -1 ? err_wrap(e, "%s", entry->path) : 0;
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
