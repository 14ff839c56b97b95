#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/patch/lzread.h"
#include "apply/patch/zread.h"

#include "apply/patch/stream.h"

enum { AHEAD_BYTES = 4096 };	/* small reads come out of here */

struct stream {
	int fd;
	uint64_t at;		/* stored streams: where the next byte is */
	uint64_t left;		/* plain bytes not handed out */
	struct zread *zread;	/* one of these, or none: stored */
	struct lzread *lzread;
	size_t ahead_at, ahead_n;
	uint8_t ahead[AHEAD_BYTES];
};

static int
open_codec(struct stream *s, const struct delta_stream *h, struct err *e)
{
	switch (h->codec) {
	case DELTA_ZSTD:
		s->zread = zread_open(s->fd, h->offset, h->packed, h->window_log, e);
		return s->zread == NULL ? -1 : 0;
	case DELTA_LZMA:
		s->lzread = lzread_open(s->fd, h->offset, h->packed, h->window_log, e);
		return s->lzread == NULL ? -1 : 0;
	default:
		return 0;
	}
}

struct stream *
stream_open(int fd, const struct delta_stream *h, struct err *e)
{
	struct stream *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a stream");
		return NULL;
	}
	s->fd = fd;
	s->at = h->offset;
	s->left = h->plain;
	if (h->there && open_codec(s, h, e) == -1) {
		free(s);
		return NULL;
	}
	return s;
}

void
stream_close(struct stream *s)
{
	if (s == NULL)
		return;
	zread_close(s->zread);
	lzread_close(s->lzread);
	free(s);
}

static int
read_plain(struct stream *s, void *out, size_t n, struct err *e)
{
	if (s->zread != NULL)
		return zread_exact(s->zread, out, n, e);
	if (s->lzread != NULL)
		return lzread_exact(s->lzread, out, n, e);
	if (fs_pread(s->fd, out, n, s->at, e) == -1)
		return -1;
	s->at += n;
	return 0;
}

int
stream_read(struct stream *s, void *out, size_t n, struct err *e)
{
	uint8_t *to = out;
	size_t ready = s->ahead_n - s->ahead_at;

	if (n > s->left)
		return err_set(e, ERR_FORMAT, "a stream ends %zu bytes early",
		    (size_t)(n - s->left));
	s->left -= n;
	if (ready > n)
		ready = n;
	memcpy(to, s->ahead + s->ahead_at, ready);
	s->ahead_at += ready;
	return n == ready ? 0 : read_plain(s, to + ready, n - ready, e);
}

int
stream_byte(struct stream *s, uint8_t *out, struct err *e)
{
	if (s->left == 0)
		return err_set(e, ERR_FORMAT, "a stream ends early");
	if (s->ahead_at == s->ahead_n) {
		size_t n = s->left < AHEAD_BYTES ? (size_t)s->left : AHEAD_BYTES;

		s->ahead_at = s->ahead_n = 0;
		if (read_plain(s, s->ahead, n, e) == -1)
			return -1;
		s->ahead_n = n;
	}
	*out = s->ahead[s->ahead_at++];
	s->left--;
	return 0;
}

int
stream_varint(struct stream *s, uint64_t *out, struct err *e)
{
	uint8_t bytes[VARINT_MAX] = { 0 };
	size_t n = 0;

	do {
		if (n == VARINT_MAX)
			return err_set(e, ERR_FORMAT, "a number is too long");
		if (stream_byte(s, &bytes[n], e) == -1)
			return -1;
	} while ((bytes[n++] & 0x80) != 0);
	if (varint_load(bytes, n, out) != n)
		return err_set(e, ERR_FORMAT, "a number is not in its shortest form");
	return 0;
}

int
stream_end(struct stream *s, struct err *e)
{
	if (s->left != 0)
		return err_set(e, ERR_FORMAT,
		    "%" PRIu64 " bytes of a stream were not used", s->left);
	if (s->zread != NULL)
		return zread_end(s->zread, e);
	return s->lzread != NULL ? lzread_end(s->lzread, e) : 0;
}

uint64_t
stream_left(const struct stream *s)
{
	return s->left;
}
