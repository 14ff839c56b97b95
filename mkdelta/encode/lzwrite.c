#include <stdlib.h>

#include <lzma.h>

#include "mkdelta/encode/lzwrite.h"

enum { OUTPUT_BYTES = 64 * 1024 };

struct lzwrite {
	lzma_stream stream;
	struct buf *out;
};

static int
lzwrite_fail(lzma_ret rc, struct err *e)
{
	if (rc == LZMA_MEM_ERROR)
		return err_set(e, ERR_NOMEM, "out of memory for lzma");
	return err_set(e, ERR_FAIL, "lzma: error %d of the library", (int)rc);
}

static int
start(struct lzwrite *z, const struct lzwrite_options *want, struct err *e)
{
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL } };
	lzma_ret rc;

	if (lzma_lzma_preset(&options,
	    want->preset | (want->extreme ? LZMA_PRESET_EXTREME : 0)))
		return err_set(e, ERR_FAIL, "lzma: preset %u is unknown", want->preset);
	options.dict_size = (uint32_t)1 << want->window_log;
	options.lc = want->lc;
	options.lp = want->lp;
	options.pb = want->pb;
	rc = lzma_raw_encoder(&z->stream, filters);
	if (rc != LZMA_OK)
		return lzwrite_fail(rc, e);
	return buf_add_byte(z->out, (uint8_t)((want->pb * 5 + want->lp) * 9 + want->lc),
	    e);
}

struct lzwrite *
lzwrite_open(const struct lzwrite_options *want, struct buf *out, struct err *e)
{
	struct lzwrite *z = calloc(1, sizeof *z);

	if (z == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for lzma");
		return NULL;
	}
	z->stream = (lzma_stream)LZMA_STREAM_INIT;
	z->out = out;
	if (start(z, want, e) == -1) {
		lzwrite_close(z);
		return NULL;
	}
	return z;
}

/* Pass the input on until it is used up and, at the end, all is flushed. */
static int
pump(struct lzwrite *z, lzma_action how, struct err *e)
{
	lzma_ret rc;

	do {
		if (buf_reserve(z->out, OUTPUT_BYTES, e) == -1)
			return -1;
		z->stream.next_out = z->out->data + z->out->len;
		z->stream.avail_out = OUTPUT_BYTES;
		rc = lzma_code(&z->stream, how);
		if (rc != LZMA_OK && rc != LZMA_STREAM_END)
			return lzwrite_fail(rc, e);
		z->out->len += OUTPUT_BYTES - z->stream.avail_out;
		z->out->data[z->out->len] = '\0';
	} while (how == LZMA_FINISH ? rc != LZMA_STREAM_END : z->stream.avail_in > 0);
	return 0;
}

int
lzwrite_add(struct lzwrite *z, const void *data, size_t n, struct err *e)
{
	z->stream.next_in = data;
	z->stream.avail_in = n;
	return n == 0 ? 0 : pump(z, LZMA_RUN, e);
}

int
lzwrite_end(struct lzwrite *z, struct err *e)
{
	z->stream.next_in = NULL;
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
