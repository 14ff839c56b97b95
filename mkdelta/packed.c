#include <stdlib.h>

#include "mkdelta/lzwrite.h"
#include "mkdelta/zwrite.h"

#include "mkdelta/packed.h"

#define PACKED_MAX ((size_t)1 << 36)

struct packed {
	struct zwrite *zstd;
	struct lzwrite *lzma;
	struct buf zstd_out, lzma_out;
	uint64_t plain;
};

static const struct {
	unsigned window_log;
	enum lzwrite_kind kind;
} rows[DELTA_KINDS] = {
	[DELTA_CONTROL] = { DELTA_WINDOW_LOG_CONTROL, LZWRITE_NUMBERS },
	[DELTA_DIFF] = { DELTA_WINDOW_LOG_DIFF, LZWRITE_CODE },
	[DELTA_EXTRA] = { DELTA_WINDOW_LOG_EXTRA, LZWRITE_CODE },
	[DELTA_RUNS] = { DELTA_WINDOW_LOG_RUNS, LZWRITE_NUMBERS },
	[DELTA_BYTES] = { DELTA_WINDOW_LOG_BYTES, LZWRITE_BYTES },
};

unsigned
packed_window_log(enum delta_kind kind)
{
	return rows[kind].window_log;
}

struct packed *
packed_open(enum delta_kind kind, int zstd_level, struct err *e)
{
	struct packed *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	buf_init(&p->zstd_out, PACKED_MAX);
	buf_init(&p->lzma_out, PACKED_MAX);
	p->zstd = zwrite_open(zstd_level, rows[kind].window_log, &p->zstd_out, e);
	if (p->zstd != NULL)
		p->lzma = lzwrite_open(rows[kind].kind, rows[kind].window_log, &p->lzma_out, e);
	if (p->lzma == NULL) {
		packed_close(p);
		return NULL;
	}
	return p;
}

int
packed_add(struct packed *p, const void *data, size_t n, struct err *e)
{
	p->plain += n;
	if (zwrite_add(p->zstd, data, n, e) == -1)
		return -1;
	return lzwrite_add(p->lzma, data, n, e);
}

int
packed_end(struct packed *p, struct err *e)
{
	if (zwrite_end(p->zstd, e) == -1)
		return -1;
	return lzwrite_end(p->lzma, e);
}

void
packed_close(struct packed *p)
{
	if (p == NULL)
		return;
	zwrite_close(p->zstd);
	lzwrite_close(p->lzma);
	buf_free(&p->zstd_out);
	buf_free(&p->lzma_out);
	free(p);
}

const struct buf *
packed_bytes(const struct packed *p)
{
	return packed_codec(p) == DELTA_LZMA2 ? &p->lzma_out : &p->zstd_out;
}

enum delta_codec
packed_codec(const struct packed *p)
{
	return p->lzma_out.len < p->zstd_out.len ? DELTA_LZMA2 : DELTA_ZSTD;
}

uint64_t
packed_plain(const struct packed *p)
{
	return p->plain;
}
