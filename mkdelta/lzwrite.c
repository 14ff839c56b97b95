#include <stdlib.h>

#include <lzma.h>

#include "mkdelta/lzwrite.h"

enum { OUTPUT_BYTES = 64 * 1024, PRESET = 9 };

struct lzwrite {
	lzma_stream stream;
	struct buf *out;
};

static void
set_kind(lzma_options_lzma *options, enum lzwrite_kind kind)
{
	static const struct {
		uint32_t lc, lp, pb;
	} rows[] = {
		[LZWRITE_NUMBERS] = { 1, 0, 0 },
		[LZWRITE_BYTES] = { 0, 0, 0 },
		[LZWRITE_CODE] = { 3, 0, 2 },
	};

	options->lc = rows[kind].lc;
	options->lp = rows[kind].lp;
	options->pb = rows[kind].pb;
}

struct lzwrite *
lzwrite_open(enum lzwrite_kind kind, unsigned dict_log, struct buf *out, struct err *e)
{
	static const lzma_stream none = LZMA_STREAM_INIT;
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL } };
	struct lzwrite *z = calloc(1, sizeof *z);

	if (z == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for lzma");
		return NULL;
	}
	z->out = out;
	z->stream = none;
	if (lzma_lzma_preset(&options, PRESET | LZMA_PRESET_EXTREME)) {
		(void)err_set(e, ERR_FAIL, "lzma: no such preset");
		free(z);
		return NULL;
	}
	options.dict_size = (uint32_t)1 << dict_log;
	set_kind(&options, kind);
	if (lzma_raw_encoder(&z->stream, filters) != LZMA_OK) {
		(void)err_set(e, ERR_NOMEM, "lzma: cannot start an encoder");
		lzwrite_close(z);
		return NULL;
	}
	return z;
}

static int
pump(struct lzwrite *z, lzma_action how, struct err *e)
{
	lzma_ret rc = LZMA_OK;

	while (how == LZMA_FINISH ? rc != LZMA_STREAM_END : z->stream.avail_in > 0) {
		size_t before;

		if (buf_reserve(z->out, OUTPUT_BYTES, e) == -1)
			return -1;
		z->stream.next_out = z->out->data + z->out->len;
		z->stream.avail_out = before = OUTPUT_BYTES;
		rc = lzma_code(&z->stream, how);
		if (rc != LZMA_OK && rc != LZMA_STREAM_END)
			return err_set(e, ERR_FAIL, "lzma: error %d", (int)rc);
		z->out->len += before - z->stream.avail_out;
		z->out->data[z->out->len] = '\0';
	}
	return 0;
}

int
lzwrite_add(struct lzwrite *z, const void *data, size_t n, struct err *e)
{
	z->stream.next_in = data;
	z->stream.avail_in = n;
	return pump(z, LZMA_RUN, e);
}

int
lzwrite_end(struct lzwrite *z, struct err *e)
{
	z->stream.avail_in = 0;
	return pump(z, LZMA_FINISH, e);
}

void
lzwrite_close(struct lzwrite *z)
{
	if (z == NULL)
		return;
	lzma_end(&z->stream);
	free(z);
}
