#define ZSTD_STATIC_LINKING_ONLY	/* memory by our own functions */
#include <zstd.h>

#include "apply/patch/frame.h"

/*
 * These have been in every libzstd for ten years, but are none that it promises: where
 * they are missing, devices do without such deltas.
 */
#pragma weak ZSTD_createCCtx_advanced
#pragma weak ZSTD_createDCtx_advanced

static void *
take(void *opaque, size_t n)
{
	return frame_take(opaque, 1, n);
}

static void
give(void *opaque, void *at)
{
	struct frame *f = opaque;

	arena_give(f->arena, at);
}

static int
open_state(struct frame *f, struct err *e)
{
	const ZSTD_customMem memory = { take, give, f };

	if (f->state != NULL)
		return 0;
	if (ZSTD_createCCtx_advanced != NULL && ZSTD_createDCtx_advanced != NULL)
		f->state = f->make ? (void *)ZSTD_createCCtx_advanced(memory) :
		    (void *)ZSTD_createDCtx_advanced(memory);
	return f->state != NULL ? 0 : frame_fails(f, "zstd: the library's limits", e);
}

/* The magic number is not part of what is made again: it stands before the place. */
static size_t
start_making(ZSTD_CCtx *c, const struct frame_start *s)
{
	const struct {
		ZSTD_cParameter which;
		int value;
	} settings[] = {
		{ ZSTD_c_compressionLevel, s->make->level },
		{ ZSTD_c_checksumFlag, s->make->other },
		{ ZSTD_c_format, ZSTD_f_zstd1_magicless },
	};
	ZSTD_outBuffer none = { NULL, 0, 0 };
	size_t rc = ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);

	for (size_t i = 0; !ZSTD_isError(rc) && i < sizeof settings / sizeof *settings;
	    i++)
		rc = ZSTD_CCtx_setParameter(c, settings[i].which, settings[i].value);
	if (ZSTD_isError(rc))
		return rc;
	if (s->make->flag)
		return ZSTD_CCtx_setPledgedSrcSize(c, s->plain);
	/* It takes what begins and ends in one call to be all there is. */
	return ZSTD_compressStream2(c, &none, &(ZSTD_inBuffer){ NULL, 0, 0 },
	    ZSTD_e_continue);
}

static size_t
start_taking(ZSTD_DCtx *d)
{
	size_t rc = ZSTD_DCtx_reset(d, ZSTD_reset_session_only);

	if (!ZSTD_isError(rc))
		rc = ZSTD_DCtx_setParameter(d, ZSTD_d_format, ZSTD_f_zstd1_magicless);
	if (!ZSTD_isError(rc))
		rc = ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, FRAME_WINDOW_LOG_MAX);
	return rc;
}

static int
start(struct frame *f, const struct frame_start *s, struct err *e)
{
	size_t rc;

	if (open_state(f, e) == -1)
		return -1;
	rc = f->make ? start_making(f->state, s) : start_taking(f->state);
	return ZSTD_isError(rc) ? frame_fails(f, "zstd: settings", e) : 0;
}

static int
run(struct frame *f, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, bool last, struct err *e)
{
	ZSTD_inBuffer from = { *in, *in_bytes, 0 };
	ZSTD_outBuffer to = { *out, *out_bytes, 0 };
	size_t rc = f->make ? ZSTD_compressStream2(f->state, &to, &from,
	    last ? ZSTD_e_end : ZSTD_e_continue) :
	    ZSTD_decompressStream(f->state, &to, &from);

	*in += from.pos;
	*in_bytes -= from.pos;
	*out += to.pos;
	*out_bytes -= to.pos;
	if (ZSTD_isError(rc))
		return frame_fails(f, "zstd: the data", e);
	return rc == 0 && (last || !f->make);
}

static void
stop(struct frame *f)
{
	if (f->make)
		(void)ZSTD_freeCCtx(f->state);
	else
		(void)ZSTD_freeDCtx(f->state);
}

const struct frame_library frame_zstd = { start, run, stop };
