#include <unistd.h>

#include "manifest/base/buf.h"

#include "apply/patch/delta.h"

#include "apply/decode/serve.h"

enum { OPEN_MAX = 8 };	/* old files kept open */

struct old_file {
	int fd;			/* -1: none */
	uint64_t index, bytes;
};

struct work {
	struct serve *s;
	struct delta *delta;
	struct old_file old[OPEN_MAX];
};

/* What was asked for comes with a descriptor, or delta-apply ends us. */
static int
take_file(struct serve *s, int *fd, struct err *e)
{
	serve_hear(s, fd);
	return s->in.head.kind == WIRE_HERE && *fd != -1 ? 0 : serve_unasked(e);
}

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	struct work *w = arg;
	struct old_file *old = &w->old[index % OPEN_MAX];

	if (old->fd == -1 || old->index != index) {
		if (old->fd != -1)
			(void)close(old->fd);
		old->fd = -1;
		serve_say(w->s, WIRE_OLD, 0, index, NULL, 0);
		if (take_file(w->s, &old->fd, e) == -1)
			return -1;
		old->index = index;
		old->bytes = w->s->in.head.number;
	}
	*fd = old->fd;
	*bytes = old->bytes;
	return 0;
}

static int
scratch(void *arg, int *fd, struct err *e)
{
	struct work *w = arg;

	serve_say(w->s, WIRE_SCRATCH, 0, 0, NULL, 0);
	return take_file(w->s, fd, e);
}

static int
write_output(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct work *w = arg;

	(void)e;
	serve_bytes(w->s, data, n);
	return 0;
}

static int
repeat(void *arg, uint64_t number, struct err *e)
{
	struct work *w = arg;

	serve_flush(w->s);
	serve_say(w->s, WIRE_REPEAT, 0, number, NULL, 0);
	serve_hear(w->s, NULL);
	return w->s->in.head.kind == WIRE_GO ? 0 : serve_unasked(e);
}

static int
listing(struct work *w, uint64_t bytes, struct err *e)
{
	struct serve *s = w->s;
	struct buf old = BUF_INIT(0), text = BUF_INIT(0);
	int rc = 0;

	if (bytes > s->start.texts)
		return serve_unasked(e);
	old.max = (size_t)bytes;
	text.max = (size_t)s->start.texts;
	while (rc == 0 && old.len < bytes) {
		serve_hear(s, NULL);
		rc = s->in.head.kind != WIRE_BYTES ? serve_unasked(e) :
		    buf_add(&old, s->in.data, s->in.n, e);
	}
	if (rc == 0)
		rc = delta_listing(w->delta, old.data, old.len, &text, e);
	if (rc == 0)
		serve_bytes(s, text.data, text.len);
	buf_free(&old);
	buf_free(&text);
	return rc;
}

static int
answer(struct work *w, struct err *e)
{
	const struct delta_io io = { w, open_old, write_output, repeat, scratch, NULL };
	uint64_t number = w->s->in.head.number;

	switch (w->s->in.head.kind) {
	case WIRE_LISTING:
		return listing(w, number, e);
	case WIRE_BUILD:
		return delta_build(w->delta, number, &io, e);
	case WIRE_END:
		return delta_end(w->delta, e);
	default:
		return serve_unasked(e);
	}
}

int
serve_delta(struct serve *s, struct err *e)
{
	struct work w = { .s = s };
	bool end = false;
	int rc = 0;

	for (size_t i = 0; i < OPEN_MAX; i++)
		w.old[i].fd = -1;
	if ((w.delta = delta_open(s->object, s->start.memory, e)) == NULL)
		return -1;
	serve_done(s, delta_scratch(w.delta));
	while (rc == 0 && !end) {
		serve_hear(s, NULL);
		end = s->in.head.kind == WIRE_END;
		if ((rc = answer(&w, e)) == 0)
			serve_done(s, 0);
	}
	delta_close(w.delta);
	return rc;
}
