/*
 * Reading.  Three streams are unpacked side by side; per step of the control stream
 *
 *	copy	bytes of old, to each of which one of the diff stream is added
 *	extra	bytes of the extra stream
 *	seek	how far the place in old then moves, with a sign
 *
 * each as eight bytes: the lowest first, the sign in the highest bit of the last.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

#include "mkdelta/encode/bzip2.h"

#include "mkdelta/encode/bsdiff40.h"

enum { PIECE = 64 * 1024, STEP_BYTES = 24, CHECK_EVERY = 4096 };

#define SIGN ((uint64_t)1 << 63)

struct reader {
	struct bzread *control, *diff, *extra;
	int old_fd;
	uint64_t old_bytes, new_left;
	int64_t old_at;
	bsdiff40_take *take;
	void *arg;
	uint8_t piece[PIECE], old[PIECE];
};

struct step {
	uint64_t copy, extra;
	int64_t seek;
};

int
bsdiff40_is(int fd, uint64_t bytes, bool *is, struct err *e)
{
	uint8_t magic[BSDIFF40_MAGIC_BYTES];

	*is = false;
	if (bytes < sizeof magic)
		return 0;
	if (fs_pread(fd, magic, sizeof magic, 0, e) == -1)
		return -1;
	*is = memcmp(magic, BSDIFF40_MAGIC, sizeof magic) == 0;
	return 0;
}

int
bsdiff40_header(int fd, uint64_t bytes, struct bsdiff40 *h, struct err *e)
{
	uint8_t head[BSDIFF40_HEADER_BYTES];
	uint64_t left;

	if (bytes < sizeof head)
		return err_set(e, ERR_FORMAT, "bsdiff patch: cut short in its header");
	if (fs_pread(fd, head, sizeof head, 0, e) == -1)
		return -1;
	if (memcmp(head, BSDIFF40_MAGIC, BSDIFF40_MAGIC_BYTES) != 0)
		return err_set(e, ERR_FORMAT, "not a bsdiff patch");
	left = bytes - sizeof head;
	h->control_bytes = le64_load(head + 8);
	h->diff_bytes = le64_load(head + 16);
	h->new_bytes = le64_load(head + 24);
	/* A negative size has its sign there, and is larger than any file. */
	if (h->control_bytes > left || h->diff_bytes > left - h->control_bytes)
		return err_set(e, ERR_FORMAT,
		    "bsdiff patch: its streams reach past its end");
	if (h->new_bytes > INT64_MAX)
		return err_set(e, ERR_FORMAT, "bsdiff patch: the new size is negative");
	h->extra_bytes = left - h->control_bytes - h->diff_bytes;
	return 0;
}

/* -0 is 0. */
static int64_t
signed_load(const uint8_t p[static 8])
{
	uint64_t v = le64_load(p);
	int64_t size = (int64_t)(v & ~SIGN);

	return (v & SIGN) != 0 ? -size : size;
}

static int
read_step(struct reader *r, struct step *s, struct err *e)
{
	uint8_t raw[STEP_BYTES];
	int64_t copy, extra;

	if (bzread_get(r->control, raw, sizeof raw, e) == -1)
		return -1;
	copy = signed_load(raw);
	extra = signed_load(raw + 8);
	s->seek = signed_load(raw + 16);
	if (copy < 0 || extra < 0)
		return err_set(e, ERR_FORMAT, "control stream: a negative length");
	s->copy = (uint64_t)copy;
	s->extra = (uint64_t)extra;
	if (s->copy > r->new_left || s->extra > r->new_left - s->copy)
		return err_set(e, ERR_FORMAT,
		    "control stream: a step reaches past the new file");
	if (s->copy > 0 && (r->old_at < 0 || (uint64_t)r->old_at > r->old_bytes ||
	    s->copy > r->old_bytes - (uint64_t)r->old_at))
		return err_set(e, ERR_FORMAT,
		    "control stream: a copy reaches outside of the old file; "
		    "is it the right one?");
	return 0;
}

static int
copy(struct reader *r, uint64_t left, struct err *e)
{
	while (left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		if (fs_pread(r->old_fd, r->old, n, (uint64_t)r->old_at, e) == -1 ||
		    bzread_get(r->diff, r->piece, n, e) == -1)
			return -1;
		for (size_t i = 0; i < n; i++)
			r->piece[i] = (uint8_t)(r->piece[i] + r->old[i]);
		if (r->take(r->arg, r->piece, n, e) == -1)
			return -1;
		r->old_at += (int64_t)n;
		r->new_left -= n;
		left -= n;
	}
	return 0;
}

static int
add_extra(struct reader *r, uint64_t left, struct err *e)
{
	while (left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		if (bzread_get(r->extra, r->piece, n, e) == -1 ||
		    r->take(r->arg, r->piece, n, e) == -1)
			return -1;
		r->new_left -= n;
		left -= n;
	}
	return 0;
}

/* bsdiff never writes more steps than the new file has bytes, and one: a stream of
 * steps that do nothing ends there. */
static int
build(struct reader *r, struct err *e)
{
	uint64_t steps_max = r->new_left + 1;

	for (uint64_t n = 0; r->new_left > 0; n++) {
		struct step s = { 0, 0, 0 };

		if (n == steps_max)
			return err_set(e, ERR_FORMAT, "control stream: too many steps");
		if ((n % CHECK_EVERY == 0 && cancel_check(e) == -1) ||
		    read_step(r, &s, e) == -1 || copy(r, s.copy, e) == -1 ||
		    add_extra(r, s.extra, e) == -1)
			return -1;
		/* Where the last step leads does not matter. */
		if (r->new_left > 0 &&
		    __builtin_add_overflow(r->old_at, s.seek, &r->old_at))
			return err_set(e, ERR_FORMAT,
			    "control stream: a seek of more than any file");
	}
	if (bzread_end(r->control, e) == -1 || bzread_end(r->diff, e) == -1)
		return -1;
	return bzread_end(r->extra, e);
}

int
bsdiff40_apply(int patch_fd, uint64_t patch_bytes, int old_fd, uint64_t old_bytes,
    bsdiff40_take *take, void *arg, struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);
	struct bsdiff40 h;
	uint64_t at = BSDIFF40_HEADER_BYTES;
	int rc = -1;

	if (r == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (bsdiff40_header(patch_fd, patch_bytes, &h, e) == -1)
		goto out;
	r->old_fd = old_fd;
	r->old_bytes = old_bytes;
	r->new_left = h.new_bytes;
	r->take = take;
	r->arg = arg;
	r->control = bzread_open(patch_fd, at, h.control_bytes, "control stream", e);
	at += h.control_bytes;
	if (r->control != NULL)
		r->diff = bzread_open(patch_fd, at, h.diff_bytes, "diff stream", e);
	at += h.diff_bytes;
	if (r->diff != NULL)
		r->extra = bzread_open(patch_fd, at, h.extra_bytes, "extra stream", e);
	if (r->extra != NULL)
		rc = build(r, e);
out:
	bzread_close(r->control);
	bzread_close(r->diff);
	bzread_close(r->extra);
	free(r);
	return rc;
}
