#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "apply/decoder_talk.h"

#include "apply/decoder.h"

/* ---- deltas ---- */

struct decoder *
decoder_delta(int fd, const struct decoder_limits *limits, struct err *e)
{
	struct decoder *d = decoder_start(WIRE_DELTA, fd, limits, e);

	if (d == NULL)
		return NULL;
	if (decoder_done(d, e) == 0) {
		if (d->in.head.number <= limits->scratch)
			return d;
		(void)err_set(e, ERR_FORMAT, "more bytes than were signed");
	}
	decoder_close(d);
	return NULL;
}

int
decoder_listing(struct decoder *d, const void *old_text, size_t old_bytes,
    struct buf *out, struct err *e)
{
	const uint8_t *text = old_text;
	int more;

	if (decoder_ask(d, WIRE_LISTING, old_bytes, NULL, 0, -1, e) == -1)
		return -1;
	for (size_t at = 0, n; at < old_bytes; at += n) {
		n = old_bytes - at < WIRE_DATA_MAX ? old_bytes - at : WIRE_DATA_MAX;
		if (decoder_ask(d, WIRE_BYTES, 0, text + at, n, -1, e) == -1)
			return -1;
	}
	while ((more = decoder_more(d, out->max - out->len, e)) == 1)
		if (buf_add(out, d->in.data, d->in.n, e) == -1)
			return -1;
	return more;
}

static int
lend(struct decoder *d, int fd, uint64_t bytes, struct err *e)
{
	int rc = decoder_ask(d, WIRE_HERE, bytes, NULL, 0, fd, e);

	(void)close(fd);
	return rc;
}

/* What it needs before it can go on. */
static int
answer(struct decoder *d, uint64_t *left, const struct decoder_io *io, struct err *e)
{
	uint64_t number = d->in.head.number, bytes = 0;
	int fd;

	switch (d->in.head.kind) {
	case WIRE_OLD:
		return io->open_old(io->arg, number, &fd, &bytes, e) == -1 ? -1 :
		    lend(d, fd, bytes, e);
	case WIRE_SCRATCH:
		if (d->has_scratch)	/* one is enough for a delta */
			return decoder_refused(d, e);
		d->has_scratch = true;
		return io->scratch(io->arg, &fd, e) == -1 ? -1 : lend(d, fd, 0, e);
	case WIRE_REPEAT:
		*left = 0;
		return io->repeat(io->arg, number, e) == -1 ? -1 :
		    decoder_ask(d, WIRE_GO, 0, NULL, 0, -1, e);
	default:
		return decoder_refused(d, e);
	}
}

int
decoder_build(struct decoder *d, uint64_t bytes, const struct decoder_io *io,
    struct err *e)
{
	uint64_t left = bytes;

	if (decoder_ask(d, WIRE_BUILD, bytes, NULL, 0, -1, e) == -1)
		return -1;
	for (;;) {
		if (decoder_hear(d, e) == -1)
			return -1;
		if (d->in.head.kind == WIRE_DONE)
			return 0;
		if (d->in.head.kind != WIRE_BYTES) {
			if (answer(d, &left, io, e) == -1)
				return -1;
		} else if (d->in.n == 0 || d->in.n > left) {
			return decoder_refused(d, e);
		} else {
			left -= d->in.n;
			if (io->write(io->arg, d->in.data, d->in.n, e) == -1)
				return -1;
		}
	}
}

int
decoder_end(struct decoder *d, struct err *e)
{
	return decoder_ask(d, WIRE_END, 0, NULL, 0, -1, e) == -1 ? -1 :
	    decoder_done(d, e);
}

/* ---- fulls ---- */

struct decoder *
decoder_full(int fd, const struct decoder_limits *limits, struct err *e)
{
	return decoder_start(WIRE_FULL, fd, limits, e);
}

int
decoder_next(struct decoder *d, struct decoder_entry *out, struct err *e)
{
	size_t n;

	if (decoder_ask(d, WIRE_NEXT, 0, NULL, 0, -1, e) == -1 ||
	    decoder_hear(d, e) == -1)
		return -1;
	if (d->in.head.kind == WIRE_DONE)
		return 0;
	n = d->in.n;
	if (d->in.head.kind != WIRE_ENTRY || n == 0 || n >= sizeof out->path)
		return decoder_refused(d, e);
	memcpy(out->path, d->in.data, n);
	out->path[n] = '\0';
	out->is_file = d->in.head.code == 1 && fs_rel_is_safe(out->path);
	out->bytes = d->in.head.number;
	return 1;
}

int
decoder_take(struct decoder *d, const struct decoder_entry *entry,
    const struct decoder_io *io, struct err *e)
{
	uint64_t left = entry->bytes;
	int more;

	if (decoder_ask(d, WIRE_TAKE, 0, NULL, 0, -1, e) == -1)
		return -1;
	while ((more = decoder_more(d, left, e)) == 1) {
		left -= d->in.n;
		if (io->write(io->arg, d->in.data, d->in.n, e) == -1)
			return -1;
	}
	return more;
}

/* ---- packed texts ---- */

int
decoder_text(int fd, struct buf *out, struct err *e)
{
	struct decoder_limits limits = { .packed = 0 };
	off_t bytes = lseek(fd, 0, SEEK_END);
	struct decoder *d;
	int more = -1;

	if (bytes == -1)
		return err_sys(e, "size of a packed text");
	limits.packed = (uint64_t)bytes;
	if ((d = decoder_start(WIRE_PACKED, fd, &limits, e)) == NULL)
		return -1;
	if (decoder_ask(d, WIRE_TEXT, 0, NULL, 0, -1, e) == 0)
		while ((more = decoder_more(d, out->max - out->len, e)) == 1)
			if (buf_add(out, d->in.data, d->in.n, e) == -1) {
				more = -1;
				break;
			}
	decoder_close(d);
	return more;
}
