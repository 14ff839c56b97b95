#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/buf.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs_change.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/zwrite.h"

#include "mkdelta/frames.h"

/*
 * A ring of slots, filled in order by the caller's thread, compressed by the
 * workers, and written in order by the caller's thread when it needs the slot
 * again:
 *
 *	empty --caller--> full --worker--> busy --> done --caller writes--> empty
 */
enum slot_state { SLOT_EMPTY, SLOT_FULL, SLOT_BUSY, SLOT_DONE };

struct slot {
	enum slot_state state;
	struct buf plain, packed;
	struct sha256 sha256;
	int rc;
	struct err err;
};

struct frames {
	int fd, level;
	size_t frame_bytes;
	struct hash *whole;
	uint64_t written;
	struct pack_frame *list;
	size_t n, cap;

	struct slot *slots;
	size_t n_slots;
	size_t filling;			/* the slot that the caller fills */

	pthread_mutex_t lock;
	pthread_cond_t turned;		/* a slot changed its state */
	pthread_t *threads;
	unsigned n_threads;
	size_t taking;			/* the next slot for a worker */
	bool closing;
};

static void
compress_slot(const struct frames *f, struct slot *s)
{
	err_clear(&s->err);
	buf_reset(&s->packed);
	s->rc = zwrite_frame(s->plain.data, s->plain.len, f->level, PACK_WINDOW_LOG,
	    &s->packed, &s->err);
	if (s->rc == 0)
		s->rc = sha256_of(s->packed.data, s->packed.len, &s->sha256, &s->err);
}

static void *
worker(void *frames)
{
	struct frames *f = frames;

	(void)pthread_mutex_lock(&f->lock);
	for (;;) {
		struct slot *s = &f->slots[f->taking];

		if (f->closing)
			break;
		if (s->state != SLOT_FULL) {
			(void)pthread_cond_wait(&f->turned, &f->lock);
			continue;
		}
		s->state = SLOT_BUSY;
		f->taking = (f->taking + 1) % f->n_slots;
		(void)pthread_mutex_unlock(&f->lock);
		compress_slot(f, s);
		(void)pthread_mutex_lock(&f->lock);
		s->state = SLOT_DONE;
		(void)pthread_cond_broadcast(&f->turned);
	}
	(void)pthread_mutex_unlock(&f->lock);
	return NULL;
}

static int
start_threads(struct frames *f, unsigned jobs, struct err *e)
{
	if ((f->threads = calloc(jobs + 1, sizeof *f->threads)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (f->n_threads < jobs &&
	    pthread_create(&f->threads[f->n_threads], NULL, worker, f) == 0)
		f->n_threads++;
	if (f->n_threads == 0)
		return err_set(e, ERR_NOMEM, "cannot start a thread");
	return 0;
}

struct frames *
frames_open(int out_fd, int level, unsigned jobs, size_t frame_bytes, struct err *e)
{
	struct frames *f = calloc(1, sizeof *f);

	if (f == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	f->fd = out_fd;
	f->level = level;
	f->frame_bytes = frame_bytes;
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->turned, NULL);
	jobs = jobs_count(jobs);
	f->n_slots = jobs + 1;
	if ((f->slots = calloc(f->n_slots, sizeof *f->slots)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	for (size_t i = 0; i < f->n_slots; i++) {
		buf_init(&f->slots[i].plain, SIZE_MAX / 4);
		buf_init(&f->slots[i].packed, SIZE_MAX / 4);
	}
	if ((f->whole = hash_new(HASH_SHA256, e)) == NULL ||
	    start_threads(f, jobs, e) == -1)
		goto fail;
	return f;
fail:
	frames_close(f);
	return NULL;
}

void
frames_close(struct frames *f)
{
	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->closing = true;
	(void)pthread_cond_broadcast(&f->turned);
	(void)pthread_mutex_unlock(&f->lock);
	while (f->n_threads > 0)
		(void)pthread_join(f->threads[--f->n_threads], NULL);
	for (size_t i = 0; f->slots != NULL && i < f->n_slots; i++) {
		buf_free(&f->slots[i].plain);
		buf_free(&f->slots[i].packed);
	}
	(void)pthread_cond_destroy(&f->turned);
	(void)pthread_mutex_destroy(&f->lock);
	hash_free(f->whole);
	free(f->threads);
	free(f->slots);
	free(f->list);
	free(f);
}

static int
write_out(struct frames *f, const void *data, size_t n, struct err *e)
{
	if (hash_add(f->whole, data, n, e) == -1 || fs_write(f->fd, data, n, e) == -1)
		return err_wrap(e, "write the full artifact");
	f->written += n;
	return 0;
}

static int
note_frame(struct frames *f, const struct slot *s, struct err *e)
{
	size_t cap = f->cap == 0 ? 16 : f->cap * 2;
	struct pack_frame *more;

	if (f->n == f->cap) {
		if ((more = realloc(f->list, cap * sizeof *more)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		f->list = more;
		f->cap = cap;
	}
	f->list[f->n++] = (struct pack_frame){ .offset = f->written,
		.bytes = s->packed.len,
		.plain_bytes = s->plain.len,
		.sha256 = s->sha256 };
	return 0;
}

static void
turn(struct frames *f, struct slot *s, enum slot_state state)
{
	(void)pthread_mutex_lock(&f->lock);
	s->state = state;
	(void)pthread_cond_broadcast(&f->turned);
	(void)pthread_mutex_unlock(&f->lock);
}

/* Wait for the slot, write what it holds; it is empty then. */
static int
empty_slot(struct frames *f, struct slot *s, struct err *e)
{
	bool empty;

	(void)pthread_mutex_lock(&f->lock);
	while (s->state == SLOT_FULL || s->state == SLOT_BUSY)
		(void)pthread_cond_wait(&f->turned, &f->lock);
	empty = s->state == SLOT_EMPTY;
	(void)pthread_mutex_unlock(&f->lock);
	if (empty)
		return 0;
	if (s->rc == -1) {
		*e = s->err;
		return -1;
	}
	if (note_frame(f, s, e) == -1 ||
	    write_out(f, s->packed.data, s->packed.len, e) == -1)
		return -1;
	buf_reset(&s->plain);
	turn(f, s, SLOT_EMPTY);
	return 0;
}

/* The frame is complete: to the workers with it, and on to the next slot. */
static int
end_frame(struct frames *f, struct err *e)
{
	if (cancel_check(e) == -1)
		return -1;
	turn(f, &f->slots[f->filling], SLOT_FULL);
	f->filling = (f->filling + 1) % f->n_slots;
	return empty_slot(f, &f->slots[f->filling], e);
}

int
frames_boundary(struct frames *f, struct err *e)
{
	if (f->slots[f->filling].plain.len < f->frame_bytes / 4 * 3)
		return 0;
	return end_frame(f, e);
}

int
frames_add(struct frames *f, const void *data, size_t n, uint64_t left, struct err *e)
{
	const uint8_t *p = data;

	while (n > 0) {
		struct buf *plain = &f->slots[f->filling].plain;
		size_t room =
		    plain->len < f->frame_bytes ? f->frame_bytes - plain->len : 0;
		size_t part = n;

		if (n + left > room && n + left - room > f->frame_bytes / 4 && n > room)
			part = room;
		if (part > 0 && buf_add(plain, p, part, e) == -1)
			return -1;
		p += part;
		n -= part;
		if (n > 0 && end_frame(f, e) == -1)
			return -1;
	}
	return 0;
}

int
frames_end(struct frames *f, struct pack_frame **list, size_t *n, struct err *e)
{
	if (f->slots[f->filling].plain.len > 0 && end_frame(f, e) == -1)
		return -1;
	for (size_t i = 0; i < f->n_slots; i++)		/* oldest first */
		if (empty_slot(f, &f->slots[(f->filling + i) % f->n_slots], e) == -1)
			return -1;
	*list = f->list;
	*n = f->n;
	f->list = NULL;
	f->n = f->cap = 0;
	return 0;
}

int
frames_append(struct frames *f, const void *data, size_t n, struct pack_frame *where,
    struct err *e)
{
	*where = (struct pack_frame){ .offset = f->written, .bytes = n };
	if (sha256_of(data, n, &where->sha256, e) == -1)
		return -1;
	return write_out(f, data, n, e);
}

int
frames_total(struct frames *f, uint64_t *bytes, struct sha256 *id, struct err *e)
{
	*bytes = f->written;
	return hash_end(f->whole, id->bytes, e);
}
