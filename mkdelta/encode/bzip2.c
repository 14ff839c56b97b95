#include <stdbool.h>
#include <stdlib.h>

#include <bzlib.h>

#include "manifest/base/fs.h"

#include "mkdelta/encode/bzip2.h"

enum {
	PIECE = 64 * 1024,
	ADD_MAX = 1 << 30,	/* the library counts in unsigned int */
	LEVEL = 9		/* blocks of 900 kB, as bsdiff's */
};

struct bzread {
	bz_stream stream;
	const char *what;
	int fd;
	uint64_t at, left;	/* packed bytes not read yet */
	bool ended;
	char in[PIECE];
};

struct bzwrite {
	bz_stream stream;
	struct buf *out;
};

static int
fail(int rc, const char *what, struct err *e)
{
	switch (rc) {
	case BZ_MEM_ERROR:
		return err_set(e, ERR_NOMEM, "out of memory for bzip2");
	case BZ_DATA_ERROR:
	case BZ_DATA_ERROR_MAGIC:
	case BZ_UNEXPECTED_EOF:
		return err_set(e, ERR_FORMAT, "%s: damaged", what);
	default:
		return err_set(e, ERR_FAIL, "bzip2: error %d of the library", rc);
	}
}

struct bzread *
bzread_open(int fd, uint64_t at, uint64_t bytes, const char *what, struct err *e)
{
	struct bzread *z = calloc(1, sizeof *z);
	int rc;

	if (z == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for bzip2");
		return NULL;
	}
	z->fd = fd;
	z->at = at;
	z->left = bytes;
	z->what = what;
	if ((rc = BZ2_bzDecompressInit(&z->stream, 0, 0)) != BZ_OK) {
		(void)fail(rc, what, e);
		free(z);
		return NULL;
	}
	return z;
}

static int
refill(struct bzread *z, struct err *e)
{
	size_t n = z->left < sizeof z->in ? (size_t)z->left : sizeof z->in;

	if (n > 0 && fs_pread(z->fd, z->in, n, z->at, e) == -1)
		return err_wrap(e, "%s", z->what);
	z->at += n;
	z->left -= n;
	z->stream.next_in = z->in;
	z->stream.avail_in = (unsigned)n;
	return 0;
}

/* Unpack into the output that is set until it is full or the stream ends. */
static int
pump(struct bzread *z, struct err *e)
{
	while (z->stream.avail_out > 0 && !z->ended) {
		unsigned before = z->stream.avail_out;
		int rc;

		if (z->stream.avail_in == 0 && refill(z, e) == -1)
			return -1;
		rc = BZ2_bzDecompress(&z->stream);
		if (rc == BZ_STREAM_END)
			z->ended = true;
		else if (rc != BZ_OK)
			return fail(rc, z->what, e);
		else if (z->stream.avail_in == 0 && z->left == 0 &&
		    z->stream.avail_out == before)
			return err_set(e, ERR_FORMAT, "%s: cut short", z->what);
	}
	return 0;
}

int
bzread_get(struct bzread *z, void *data, size_t n, struct err *e)
{
	char *to = data;

	while (n > 0) {
		unsigned part = n < ADD_MAX ? (unsigned)n : ADD_MAX;

		z->stream.next_out = to;
		z->stream.avail_out = part;
		if (pump(z, e) == -1)
			return -1;
		if (z->stream.avail_out > 0)
			return err_set(e, ERR_FORMAT, "%s: ends too early", z->what);
		to += part;
		n -= part;
	}
	return 0;
}

int
bzread_end(struct bzread *z, struct err *e)
{
	char one;

	z->stream.next_out = &one;
	z->stream.avail_out = 1;
	if (pump(z, e) == -1)
		return -1;
	if (z->stream.avail_out == 0)
		return err_set(e, ERR_FORMAT, "%s: more than the patch needs", z->what);
	if (z->left > 0 || z->stream.avail_in > 0)
		return err_set(e, ERR_FORMAT, "%s: bytes behind its end", z->what);
	return 0;
}

void
bzread_close(struct bzread *z)
{
	if (z == NULL)
		return;
	(void)BZ2_bzDecompressEnd(&z->stream);
	free(z);
}

struct bzwrite *
bzwrite_open(struct buf *out, struct err *e)
{
	struct bzwrite *z = calloc(1, sizeof *z);
	int rc;

	if (z == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for bzip2");
		return NULL;
	}
	z->out = out;
	if ((rc = BZ2_bzCompressInit(&z->stream, LEVEL, 0, 0)) != BZ_OK) {
		(void)fail(rc, "bzip2", e);
		free(z);
		return NULL;
	}
	return z;
}

static int
push(struct bzwrite *z, int how, struct err *e)
{
	int rc;

	do {
		if (buf_reserve(z->out, PIECE, e) == -1)
			return -1;
		z->stream.next_out = (char *)z->out->data + z->out->len;
		z->stream.avail_out = PIECE;
		rc = BZ2_bzCompress(&z->stream, how);
		if (rc < 0)
			return fail(rc, "bzip2", e);
		z->out->len += PIECE - z->stream.avail_out;
		z->out->data[z->out->len] = '\0';
	} while (how == BZ_FINISH ? rc != BZ_STREAM_END : z->stream.avail_in > 0);
	return 0;
}

int
bzwrite_add(struct bzwrite *z, const void *data, size_t n, struct err *e)
{
	const char *from = data;

	while (n > 0) {
		unsigned part = n < ADD_MAX ? (unsigned)n : ADD_MAX;

		/* The library has no const; it only reads. */
		z->stream.next_in = (char *)(uintptr_t)from;
		z->stream.avail_in = part;
		if (push(z, BZ_RUN, e) == -1)
			return -1;
		from += part;
		n -= part;
	}
	return 0;
}

int
bzwrite_end(struct bzwrite *z, struct err *e)
{
	z->stream.next_in = NULL;
	z->stream.avail_in = 0;
	return push(z, BZ_FINISH, e);
}

void
bzwrite_close(struct bzwrite *z)
{
	if (z == NULL)
		return;
	(void)BZ2_bzCompressEnd(&z->stream);
	free(z);
}
