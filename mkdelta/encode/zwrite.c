#include <stdlib.h>

#include <zstd.h>

#include "mkdelta/encode/zwrite.h"

static int
zwrite_fail(size_t code, struct err *e)
{
	return err_set(e, ERR_FAIL, "zstd: %s", ZSTD_getErrorName(code));
}

static int
set(ZSTD_CCtx *c, ZSTD_cParameter what, int value, struct err *e)
{
	size_t rc = ZSTD_CCtx_setParameter(c, what, value);

	return ZSTD_isError(rc) ? zwrite_fail(rc, e) : 0;
}

int
zwrite_frame(const void *data, size_t n, int level, unsigned window_log,
    struct buf *out, struct err *e)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(n), got;
	int rc = -1;

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for zstd");
	if (set(c, ZSTD_c_compressionLevel, level, e) == -1 ||
	    set(c, ZSTD_c_windowLog, (int)window_log, e) == -1 ||
	    buf_reserve(out, bound, e) == -1)
		goto out;
	got = ZSTD_compress2(c, out->data + out->len, bound, data, n);
	if (ZSTD_isError(got)) {
		(void)zwrite_fail(got, e);
		goto out;
	}
	out->len += got;
	out->data[out->len] = '\0';
	rc = 0;
out:
	ZSTD_freeCCtx(c);
	return rc;
}

enum { OUTPUT_BYTES = 128 * 1024 };

struct zwrite {
	ZSTD_CCtx *ctx;
	struct buf *out;
};

struct zwrite *
zwrite_open(int level, unsigned window_log, uint64_t plain_bytes, struct buf *out,
    struct err *e)
{
	struct zwrite *z = calloc(1, sizeof *z);
	size_t rc;

	if (z == NULL || (z->ctx = ZSTD_createCCtx()) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for zstd");
		free(z);
		return NULL;
	}
	z->out = out;
	if (set(z->ctx, ZSTD_c_compressionLevel, level, e) == -1 ||
	    set(z->ctx, ZSTD_c_windowLog, (int)window_log, e) == -1 ||
	    set(z->ctx, ZSTD_c_contentSizeFlag, 0, e) == -1) {
		zwrite_close(z);
		return NULL;
	}
	rc = ZSTD_CCtx_setPledgedSrcSize(z->ctx, plain_bytes);
	if (ZSTD_isError(rc)) {
		(void)zwrite_fail(rc, e);
		zwrite_close(z);
		return NULL;
	}
	return z;
}

/* Pass the input on until it is used up and, at the end, all is flushed. */
static int
pump(struct zwrite *z, ZSTD_inBuffer *in, ZSTD_EndDirective how, struct err *e)
{
	size_t left;

	do {
		ZSTD_outBuffer out;

		if (buf_reserve(z->out, OUTPUT_BYTES, e) == -1)
			return -1;
		out = (ZSTD_outBuffer){ z->out->data + z->out->len, OUTPUT_BYTES, 0 };
		left = ZSTD_compressStream2(z->ctx, &out, in, how);
		if (ZSTD_isError(left))
			return zwrite_fail(left, e);
		z->out->len += out.pos;
		z->out->data[z->out->len] = '\0';
	} while (how == ZSTD_e_end ? left != 0 : in->pos < in->size);
	return 0;
}

int
zwrite_add(struct zwrite *z, const void *data, size_t n, struct err *e)
{
	ZSTD_inBuffer in = { data, n, 0 };

	return n == 0 ? 0 : pump(z, &in, ZSTD_e_continue, e);
}

int
zwrite_end(struct zwrite *z, struct err *e)
{
	ZSTD_inBuffer in = { NULL, 0, 0 };

	return pump(z, &in, ZSTD_e_end, e);
}

void
zwrite_close(struct zwrite *z)
{
	if (z == NULL)
		return;
	(void)ZSTD_freeCCtx(z->ctx);
	free(z);
}
