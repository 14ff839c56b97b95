#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "apply/patch/zread.h"

enum { INPUT_BYTES = 32 * 1024 };

struct zread {
	int fd;
	uint64_t at, left;		/* of the range, not yet in the input */
	ZSTD_DCtx *ctx;
	ZSTD_inBuffer in;
	bool in_frame;			/* the last frame is not complete */
	uint8_t input[INPUT_BYTES];
};

struct zread *
zread_open(int fd, uint64_t offset, uint64_t bytes, unsigned window_log_max,
    struct err *e)
{
	struct zread *z = calloc(1, sizeof *z);
	size_t rc;

	if (z == NULL || (z->ctx = ZSTD_createDCtx()) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a decoder");
		free(z);
		return NULL;
	}
	z->fd = fd;
	z->at = offset;
	z->left = bytes;
	z->in.src = z->input;
	rc = ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax, (int)window_log_max);
	if (ZSTD_isError(rc)) {
		(void)err_set(e, ERR_FAIL, "zstd: %s", ZSTD_getErrorName(rc));
		zread_close(z);
		return NULL;
	}
	return z;
}

void
zread_close(struct zread *z)
{
	if (z == NULL)
		return;
	(void)ZSTD_freeDCtx(z->ctx);
	free(z);
}

static int
fill(struct zread *z, struct err *e)
{
	size_t want = z->left < INPUT_BYTES ? (size_t)z->left : INPUT_BYTES;
	ssize_t n;

	do
		n = pread(z->fd, z->input, want, (off_t)z->at);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, "read compressed bytes");
	if (n == 0)
		return err_set(e, ERR_FORMAT, "compressed bytes end too early");
	z->at += (uint64_t)n;
	z->left -= (uint64_t)n;
	z->in.size = (size_t)n;
	z->in.pos = 0;
	return 0;
}

int
zread_some(struct zread *z, void *data, size_t n, size_t *got, struct err *e)
{
	ZSTD_outBuffer out = { data, n, 0 };

	*got = 0;
	while (out.pos < out.size) {
		size_t before = out.pos, rc;
		bool dry = z->in.pos == z->in.size;

		if (dry && z->left == 0 && !z->in_frame)
			break;
		if (dry && z->left > 0 && fill(z, e) == -1)
			return -1;
		dry = z->in.pos == z->in.size;
		rc = ZSTD_decompressStream(z->ctx, &out, &z->in);
		if (ZSTD_isError(rc))
			return err_set(e, ZSTD_getErrorCode(rc) ==
			    ZSTD_error_memory_allocation ? ERR_NOMEM : ERR_FORMAT,
			    "zstd: %s", ZSTD_getErrorName(rc));
		z->in_frame = rc != 0;
		if (dry && z->in_frame && out.pos == before)
			return err_set(e, ERR_FORMAT,
			    "compressed bytes end inside a frame");
	}
	*got = out.pos;
	return 0;
}

int
zread_exact(struct zread *z, void *data, size_t n, struct err *e)
{
	size_t got;

	if (zread_some(z, data, n, &got, e) == -1)
		return -1;
	if (got < n)
		return err_set(e, ERR_FORMAT, "compressed bytes end too early");
	return 0;
}

int
zread_end(struct zread *z, struct err *e)
{
	uint8_t more;
	size_t got;

	if (zread_some(z, &more, 1, &got, e) == -1)
		return -1;
	return got == 0 ? 0 : err_set(e, ERR_FORMAT,
	    "compressed bytes hold more than is said");
}

int
zread_all(int fd, unsigned window_log_max, struct buf *out, struct err *e)
{
	off_t bytes = lseek(fd, 0, SEEK_END);
	struct zread *z;
	uint8_t block[16384];
	size_t got = 0;
	int rc;

	if (bytes == -1)
		return err_sys(e, "size of a compressed file");
	if ((z = zread_open(fd, 0, (uint64_t)bytes, window_log_max, e)) == NULL)
		return -1;
	do {
		rc = zread_some(z, block, sizeof block, &got, e);
		if (rc == 0)
			rc = buf_add(out, block, got, e);
	} while (rc == 0 && got > 0);
	zread_close(z);
	return rc;
}
