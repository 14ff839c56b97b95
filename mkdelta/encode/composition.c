#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/composition.h"

enum {
	COPY_MIN = 8,		/* what a seam leaves of a copy: less is as well fresh */
	PART_BLOCKS = 96 << 10
};

#define COPY_MAX ((uint64_t)1 << 29)
#define PART_BYTES ((uint64_t)1 << 30)

void
composition_start(struct composition *c, const uint8_t *old, uint64_t n_old,
    const uint8_t *new, uint64_t n_new, uint64_t memory_bytes)
{
	*c = (struct composition){ .old = old, .new = new, .n_old = n_old,
		.n_new = n_new, .memory_bytes = memory_bytes };
}

static int
add_copy(struct composition *c, struct copy copy, struct err *e)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 4096 : c->cap * 2;
		struct copy *grown = realloc(c->copies, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for matches");
		c->copies = grown;
		c->cap = cap;
	}
	c->copies[c->n++] = copy;
	return 0;
}

static int
add_row(struct row *r, struct stretches more, struct err *e)
{
	if (more.n > r->cap - r->n) {
		size_t cap = r->cap * 2 + more.n;
		struct stretch *grown = realloc(r->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for matches");
		r->list = grown;
		r->cap = cap;
	}
	for (size_t i = 0; i < more.n; i++)
		r->list[r->n++] = more.list[i];
	return 0;
}

/* What of a joined copy lies before the next seam of its side, whose stretch is list[*k];
 * 0: it begins between two, and *skip bytes of it are none. */
static uint64_t
whole_part(struct stretches s, size_t k, uint64_t at, uint64_t bytes, uint64_t *skip)
{
	const struct stretch *p;
	uint64_t n;

	*skip = bytes;
	if (k == s.n)
		return 0;
	p = &s.list[k];
	if (p->joined_at > at) {
		*skip = p->joined_at - at < bytes ? p->joined_at - at : bytes;
		return 0;
	}
	n = p->joined_at + p->bytes - at;
	return n < bytes ? n : bytes;
}

/* A copy of joined bytes, cut where something was left out on either side. */
static int
add_joined(struct composition *c, struct stretches old, struct stretches new,
    struct copy j, struct err *e)
{
	while (j.bytes > 0) {
		size_t i = stretch_at(old.list, old.n, j.old_at);
		size_t k = stretch_at(new.list, new.n, j.new_at);
		uint64_t skip_a, skip_b;
		uint64_t a = whole_part(old, i, j.old_at, j.bytes, &skip_a);
		uint64_t b = whole_part(new, k, j.new_at, j.bytes, &skip_b);
		uint64_t n = a < b ? a : b;

		if (n >= COPY_MIN && add_copy(c, (struct copy){
		    old.list[i].at + (j.old_at - old.list[i].joined_at),
		    new.list[k].at + (j.new_at - new.list[k].joined_at), n }, e) == -1)
			return -1;
		if (n == 0)
			n = a == 0 ? skip_a : skip_b;
		j = (struct copy){ j.old_at + n, j.new_at + n, j.bytes - n };
	}
	return 0;
}

static int
add_blocks(struct composition *c, const struct blocks *b, struct stretches old,
    struct stretches new, struct err *e)
{
	uint64_t at = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct block *k = &b->list[i];

		if (k->copy > 0 && add_joined(c, old, new,
		    (struct copy){ k->old_at, at, k->copy }, e) == -1)
			return -1;
		at += k->copy + k->extra;
	}
	return 0;
}

int
composition_add(struct composition *c, const struct blocks *b, struct stretches old,
    struct stretches new, struct err *e)
{
	if (add_blocks(c, b, old, new, e) == -1 || add_row(&c->old_parts, old, e) == -1)
		return -1;
	return add_row(&c->new_parts, new, e);
}

/* ---- the rest ---- */

static int
compare_stretches(const void *pa, const void *pb)
{
	const struct stretch *a = pa, *b = pb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

static void
sort(struct stretch *list, size_t n)
{
	if (n > 0)
		qsort(list, n, sizeof *list, compare_stretches);
}

static int
find_rest(struct composition *c, bool is_new, struct remains *out, struct err *e)
{
	struct stretch *covered = calloc(c->n + 1, sizeof *covered);
	struct row *parts = is_new ? &c->new_parts : &c->old_parts;
	int rc;

	if (covered == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	for (size_t i = 0; i < c->n; i++)
		covered[i] = (struct stretch){ is_new ? c->copies[i].new_at :
			c->copies[i].old_at, c->copies[i].bytes, 0 };
	sort(covered, c->n);
	sort(parts->list, parts->n);
	rc = remains_find(is_new ? c->new : c->old, is_new ? c->n_new : c->n_old,
	    (struct stretches){ covered, c->n }, (struct stretches){ parts->list,
	    parts->n }, c->memory_bytes, out, e);
	free(covered);
	return rc;
}

/* ---- blocks ---- */

static int
compare_copies(const void *pa, const void *pb)
{
	const struct copy *a = pa, *b = pb;

	return a->new_at < b->new_at ? -1 : a->new_at > b->new_at;
}

/* Copies that go on where the one before ended are one. */
static size_t
join(struct copy *list, size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		struct copy *last = &list[done == 0 ? 0 : done - 1];

		if (done > 0 && last->old_at + last->bytes == list[i].old_at &&
		    last->new_at + last->bytes == list[i].new_at &&
		    list[i].bytes <= COPY_MAX - last->bytes)
			last->bytes += list[i].bytes;
		else
			list[done++] = list[i];
	}
	return done;
}

/* A block, in pieces if it has many new bytes. */
static int
put_fresh(struct blocks *b, struct block k, struct err *e)
{
	while (k.extra > COPY_MAX) {
		if (blocks_add(b, (struct block){ k.old_at, k.copy, COPY_MAX }, e) == -1)
			return -1;
		k = (struct block){ 0, 0, k.extra - COPY_MAX };
	}
	return blocks_add(b, k, e);
}

static int
put_copy(struct blocks *b, const struct copy *c, uint64_t end, struct err *e)
{
	uint64_t done = 0;

	for (; c->bytes - done > COPY_MAX; done += COPY_MAX)
		if (blocks_add(b, (struct block){ c->old_at + done, COPY_MAX, 0 },
		    e) == -1)
			return -1;
	return put_fresh(b, (struct block){ c->old_at + done, c->bytes - done,
		end - (c->new_at + c->bytes) }, e);
}

static int
put_all(struct composition *c, struct blocks *b, struct err *e)
{
	if (c->n > 0)
		qsort(c->copies, c->n, sizeof *c->copies, compare_copies);
	c->n = join(c->copies, c->n);
	if (c->n == 0 || c->copies[0].new_at > 0)
		if (put_fresh(b, (struct block){ 0, 0, c->n == 0 ? c->n_new :
		    c->copies[0].new_at }, e) == -1)
			return -1;
	for (size_t i = 0; i < c->n; i++)
		if (put_copy(b, &c->copies[i], i + 1 < c->n ? c->copies[i + 1].new_at :
		    c->n_new, e) == -1)
			return -1;
	return 0;
}

int
composition_finish(struct composition *c, int (*match)(void *arg, bool rough,
    const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new, struct blocks *,
    struct err *), void *arg, struct blocks *out, struct err *e)
{
	struct remains old = { .n = 0 }, new = { .n = 0 };
	struct blocks rest = { NULL, 0, 0 };
	int rc = 0;

	if (find_rest(c, false, &old, e) == -1 || find_rest(c, true, &new, e) == -1)
		rc = -1;
	if (rc == 0 && old.n > 0 && new.n > 0 &&
	    ((rc = match(arg, false, old.bytes, (size_t)old.n_bytes, new.bytes,
	    (size_t)new.n_bytes, &rest, e)) == 0))
		rc = add_blocks(c, &rest, (struct stretches){ old.list, old.n },
		    (struct stretches){ new.list, new.n }, e);
	blocks_free(&rest);
	remains_free(&old);
	remains_free(&new);
	return rc == 0 ? put_all(c, out, e) : -1;
}

void
composition_free(struct composition *c)
{
	free(c->copies);
	free(c->old_parts.list);
	free(c->new_parts.list);
	memset(c, 0, sizeof *c);
}

/* ---- parts ---- */

int
composition_parts(const struct composition *c, struct prediction *x,
    const struct blocks *b, struct err *e)
{
	const struct stretch *parts = c->new_parts.list;
	struct prediction_part part = { 0, 0 };
	uint64_t at = 0;
	size_t k = 0;

	if (b->n <= PART_BLOCKS && c->n_new <= PART_BYTES)
		return 0;
	x->n_parts = 0;
	if ((x->parts = calloc(b->n + 1, sizeof *x->parts)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	for (size_t i = 0; i < b->n; i++) {
		uint64_t next = i + 1 == b->n ? 0 :
		    b->list[i + 1].copy + b->list[i + 1].extra;

		part.blocks++;
		part.bytes += b->list[i].copy + b->list[i].extra;
		at += b->list[i].copy + b->list[i].extra;
		while (k < c->new_parts.n && parts[k].at + parts[k].bytes <= at)
			k++;
		if (i + 1 < b->n && ((k < c->new_parts.n && parts[k].at < at) ||
		    (part.blocks < PART_BLOCKS && part.bytes + next <= PART_BYTES)))
			continue;
		x->parts[x->n_parts++] = part;
		part = (struct prediction_part){ 0, 0 };
	}
	return 0;
}
