#include <lzma.h>

#include "apply/patch/frame.h"

struct state {
	lzma_stream stream;
	lzma_allocator allocator;	/* for it, and the frame behind it */
};

static void *
take(void *opaque, size_t n, size_t size)
{
	return frame_take(opaque, n, size);
}

static void
give(void *opaque, void *at)
{
	struct frame *f = opaque;

	arena_give(f->arena, at);
}

static struct state *
open_state(struct frame *f)
{
	struct state *x = f->state;

	if (x != NULL || (x = take(f, 1, sizeof *x)) == NULL)
		return x;
	x->stream = (lzma_stream)LZMA_STREAM_INIT;
	x->allocator = (lzma_allocator){ take, give, f };
	x->stream.allocator = &x->allocator;
	return f->state = x;
}

/* The header's window may be far larger than the file.  With one that just holds it xz
 * makes the same bytes all but always. */
static uint32_t
window(uint32_t most, uint64_t plain)
{
	uint32_t bytes = LZMA_DICT_SIZE_MIN;

	while (bytes < plain && bytes < most && bytes < 1u << 31)
		bytes *= 2;
	return bytes < most ? bytes : most;
}

/* The filters of the block, the last one as it was or is to be. */
static lzma_ret
start_filters(struct state *x, lzma_filter *filters, const struct frame_start *s)
{
	size_t n = 0;
	lzma_options_lzma *lzma, ours;
	uint32_t most = (uint32_t)1 << FRAME_WINDOW_LOG_MAX;

	while (filters[n + 1].id != LZMA_VLI_UNKNOWN)
		n++;
	lzma = filters[n].options;
	if (filters[n].id != LZMA_FILTER_LZMA2)
		return LZMA_OPTIONS_ERROR;
	if (s->make == NULL) {
		lzma->dict_size = lzma->dict_size < most ? lzma->dict_size : most;
		return lzma_raw_decoder(&x->stream, filters);
	}
	if (lzma_lzma_preset(&ours, s->make->level |
	    (s->make->flag ? LZMA_PRESET_EXTREME : 0)))
		return LZMA_OPTIONS_ERROR;
	ours.dict_size = s->make->other ? lzma->dict_size :
	    window(lzma->dict_size, s->plain);
	*lzma = ours;
	return lzma_raw_encoder(&x->stream, filters);
}

static int
start(struct frame *f, const struct frame_start *s, struct err *e)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block block = { .filters = filters };
	struct state *x = open_state(f);
	lzma_ret rc;

	if (x == NULL)
		return -1;
	block.header_size = lzma_block_header_size_decode(s->head[0]);
	rc = lzma_block_header_decode(&block, &x->allocator, s->head);
	if (rc == LZMA_OK) {
		rc = start_filters(x, filters, s);
		for (size_t i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++)
			give(f, filters[i].options);
	}
	return rc == LZMA_OK ? 0 : frame_fails(f, "xz: headers", e);
}

static int
run(struct frame *f, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, bool last, struct err *e)
{
	struct state *x = f->state;
	lzma_ret rc;

	x->stream.next_in = *in;
	x->stream.avail_in = *in_bytes;
	x->stream.next_out = *out;
	x->stream.avail_out = *out_bytes;
	rc = lzma_code(&x->stream, last ? LZMA_FINISH : LZMA_RUN);
	*in = x->stream.next_in;
	*in_bytes = x->stream.avail_in;
	*out = x->stream.next_out;
	*out_bytes = x->stream.avail_out;
	if (rc == LZMA_STREAM_END)
		return 1;
	return rc == LZMA_OK || rc == LZMA_BUF_ERROR ? 0 :
	    frame_fails(f, "xz: the data", e);
}

static void
stop(struct frame *f)
{
	struct state *x = f->state;

	lzma_end(&x->stream);
	give(f, x);
}

const struct frame_library frame_xz = { start, run, stop };
