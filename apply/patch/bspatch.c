#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/bspatch.h"

static size_t
step(uint64_t bytes)
{
	return bytes < BSPATCH_STEP ? (size_t)bytes : BSPATCH_STEP;
}

static int
put(const struct bspatch_sink *to, const uint8_t *data, size_t n, struct err *e)
{
	if (to->buf != NULL)
		return buf_add(to->buf, data, n, e);
	return to->io->write(to->io->arg, data, n, e);
}

int
bspatch_fresh(struct bspatch *p, const struct bspatch_sink *to, enum delta_kind kind,
    uint64_t bytes, struct err *e)
{
	while (bytes > 0) {
		size_t n = step(bytes);

		if (stream_read(p->streams[kind], p->block, n, e) == -1 ||
		    put(to, p->block, n, e) == -1)
			return -1;
		bytes -= n;
	}
	return 0;
}

/* ---- changes ---- */

static int
add_differences(struct bspatch *p, uint8_t *bytes, size_t n, struct err *e)
{
	uint8_t part[4096];

	for (size_t at = 0; at < n;) {
		size_t now = n - at < sizeof part ? n - at : sizeof part;

		if (stream_read(p->streams[DELTA_DIFF], part, now, e) == -1)
			return -1;
		for (size_t i = 0; i < now; i++)
			bytes[at + i] = (uint8_t)(bytes[at + i] + part[i]);
		at += now;
	}
	return 0;
}

/* How many bytes from here on stay as they are. */
static int
begin_run(struct bspatch *p, struct err *e)
{
	p->in_run = true;
	if (stream_left(p->streams[DELTA_RUNS]) > 0)
		return stream_varint(p->streams[DELTA_RUNS], &p->run, e);
	p->run = UINT64_MAX;
	return 0;
}

static int
add_changes(struct bspatch *p, bool substitute, uint8_t *bytes, size_t n, struct err *e)
{
	uint8_t change;

	for (size_t at = 0; at < n;) {
		size_t stay;

		if (!p->in_run && begin_run(p, e) == -1)
			return -1;
		stay = p->run < n - at ? (size_t)p->run : n - at;
		p->run -= stay;
		at += stay;
		if (at == n)
			return 0;
		if (stream_byte(p->changed, &change, e) == -1)
			return -1;
		bytes[at] = substitute ? change : (uint8_t)(bytes[at] + change);
		p->in_run = false;
		at++;
	}
	return 0;
}

/* ---- copies ---- */

/* Old bytes from `at` on, n of them behind the margin, with what the copy has on both
 * sides. */
static int
read_old(struct bspatch *p, const struct bspatch_job *j, const struct copy *c,
    uint64_t at, size_t n, struct err *e)
{
	size_t before = 0, after = 0;

	if (j->predict != NULL) {
		uint64_t ahead = c->old_at + c->bytes - (at + n);

		before = at - c->old_at < PREDICT_MARGIN ? (size_t)(at - c->old_at) :
		    PREDICT_MARGIN;
		after = ahead < PREDICT_MARGIN ? (size_t)ahead : PREDICT_MARGIN;
	}
	return old_read(j->old, p->block + PREDICT_MARGIN - before, before + n + after,
	    at - before, e);
}

uint8_t *
bspatch_predicted(struct bspatch *p, const struct bspatch_job *j, const struct copy *c,
    uint64_t at, size_t n, struct err *e)
{
	uint8_t *bytes = p->block + PREDICT_MARGIN;

	if (read_old(p, j, c, at, n, e) == -1)
		return NULL;
	if (j->predict != NULL && predict_part(j->predict, c, at, bytes, n, e) == -1)
		return NULL;
	return bytes;
}

/* Show them to who watches. */
static void
show(const struct bspatch_job *j, uint64_t at, const uint8_t *bytes, size_t n, bool done)
{
	if (j->watch != NULL && j->watch->watch != NULL)
		j->watch->watch(j->watch->arg, j->predict, at, bytes, n, done);
}

int
bspatch_copy(struct bspatch *p, const struct bspatch_job *j, const struct copy *c,
    struct err *e)
{
	uint64_t at = c->old_at, end = c->old_at + c->bytes;

	while (at < end) {
		size_t n = step(end - at);
		uint8_t *bytes = bspatch_predicted(p, j, c, at, n, e);

		if (bytes == NULL)
			return -1;
		show(j, at, bytes, n, false);
		if ((j->sparse ? add_changes(p, j->substitute, bytes, n, e) :
		    add_differences(p, bytes, n, e)) == -1)
			return -1;
		show(j, at, bytes, n, true);
		if (put(j->to, bytes, n, e) == -1)
			return -1;
		at += n;
	}
	return 0;
}

/* ---- blocks ---- */

/* The next place in the old file; a jump out of it is refused. */
static int
jump(uint64_t *at, int64_t seek, uint64_t limit, struct err *e)
{
	uint64_t distance = seek < 0 ? 0 - (uint64_t)seek : (uint64_t)seek;

	if (seek < 0 ? distance > *at : distance > limit - *at)
		return err_set(e, ERR_FORMAT, "a copy begins outside the old file");
	*at = seek < 0 ? *at - distance : *at + distance;
	return 0;
}

int
bspatch_read(struct stream *const streams[DELTA_KINDS], uint64_t old_bytes, uint64_t left,
    uint64_t *at, struct bspatch_block *b, struct err *e)
{
	uint64_t seek;

	if (stream_varint(streams[DELTA_SEEK], &seek, e) == -1 ||
	    stream_varint(streams[DELTA_COPY], &b->copy, e) == -1 ||
	    stream_varint(streams[DELTA_FRESH], &b->fresh, e) == -1 ||
	    jump(at, unzigzag(seek), old_bytes, e) == -1)
		return -1;
	if (b->copy == 0 && b->fresh == 0)
		return err_set(e, ERR_FORMAT, "a block of nothing");
	if (b->copy > old_bytes - *at)
		return err_set(e, ERR_FORMAT, "a copy reaches past the old file");
	if (b->copy > left || b->fresh > left - b->copy)
		return err_set(e, ERR_FORMAT, "a block reaches past the new file");
	return 0;
}

void
bspatch_move(uint64_t *at, const struct bspatch_block *b, uint64_t old_bytes)
{
	*at += b->copy;
	*at += b->fresh < old_bytes - *at ? b->fresh : old_bytes - *at;
}

int
bspatch_blocks(struct bspatch *p, const struct bspatch_job *j, uint64_t bytes,
    struct err *e)
{
	uint64_t at = 0, done = 0;
	struct bspatch_block b;

	while (done < bytes) {
		struct copy c;

		if (bspatch_read(p->streams, j->old->bytes, bytes - done, &at, &b,
		    e) == -1)
			return -1;
		c = (struct copy){ at, done, b.copy };
		if (bspatch_copy(p, j, &c, e) == -1 ||
		    bspatch_fresh(p, j->to, DELTA_EXTRA, b.fresh, e) == -1)
			return -1;
		bspatch_move(&at, &b, j->old->bytes);
		done += b.copy + b.fresh;
	}
	return 0;
}
