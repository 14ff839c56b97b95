#include <zstd.h>

#include "mkdelta/zwrite.h"

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
