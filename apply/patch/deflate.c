#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "apply/patch/gnudeflate.h"

#include "apply/patch/deflate.h"

/*
 * zlib allocates out of a piece of fixed size, so a delta's memory is known
 * beforehand whatever the library's version: 1.2.13 takes 390 KiB for a
 * deflater of memory level 9 on 64 bits and 42 KiB for an inflater.
 */
enum {
	DEFLATER_POOL = 432 * 1024,
	INFLATER_POOL = 48 * 1024,
	FEED_BYTES = 32 * 1024,	/* the window: as zlib takes what it gets at once */
	OUT_BYTES = 16 * 1024,
	POOL_ALIGN = _Alignof(max_align_t)
};

struct pool {
	uint8_t *bytes;
	size_t used, size;
};

struct inflater {
	z_stream z;
	bool there;
	struct pool pool;
	_Alignas(POOL_ALIGN) uint8_t memory[INFLATER_POOL];
};

enum { INFLATER_COUNTS = 49296 };
ARENA_COUNTS(struct inflater, INFLATER_COUNTS);

struct deflater {
	z_stream z;
	bool there;
	struct deflate_params params;
	struct pool pool;
	const struct sink *sink;
	size_t fed;		/* bytes in feed */
	uint8_t feed[FEED_BYTES], out[OUT_BYTES];
	_Alignas(POOL_ALIGN) uint8_t memory[DEFLATER_POOL];	/* zlib's, or gnu */
	struct gnudeflate *gnu;		/* NULL: zlib is at work */
};

enum { DEFLATER_COUNTS = 491696 };
ARENA_COUNTS(struct deflater, DEFLATER_COUNTS);

_Static_assert(sizeof(struct gnudeflate) <= DEFLATER_POOL, "one or the other");

static void *
pool_new(void *opaque, unsigned items, unsigned size)
{
	struct pool *p = opaque;
	size_t want = (size_t)items * size;
	void *at = p->bytes + p->used;

	if (want > p->size - p->used)
		return NULL;
	p->used += (want + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
	if (p->used > p->size)
		p->used = p->size;
	return at;
}

/* All of a pool is given back at once. */
static void
pool_free(void *opaque, void *at)
{
	(void)opaque;
	(void)at;
}

static void
pool_use(z_stream *z, struct pool *p, uint8_t *memory, size_t size)
{
	*p = (struct pool){ memory, 0, size };
	memset(z, 0, sizeof *z);
	z->zalloc = pool_new;
	z->zfree = pool_free;
	z->opaque = p;
}

unsigned
deflate_code(const struct deflate_params *p)
{
	unsigned code = 15u - p->window_bits;

	code = code * DEFLATE_STRATEGIES + p->strategy;
	code = code * 9 + (p->mem_level + 1u) % 9;
	return code * 9 + (p->level + 3u) % 9;
}

int
deflate_decode(uint64_t code, struct deflate_params *p)
{
	unsigned rest = (unsigned)code;

	if (code >= DEFLATE_CODES)
		return -1;
	p->level = (uint8_t)((rest % 9 + 5) % 9 + 1);
	rest /= 9;
	p->mem_level = (uint8_t)((rest % 9 + 7) % 9 + 1);
	rest /= 9;
	p->strategy = (uint8_t)(rest % DEFLATE_STRATEGIES);
	p->window_bits = (uint8_t)(15 - rest / DEFLATE_STRATEGIES);
	if (p->strategy == DEFLATE_GNU && (p->level < GNU_LEVEL_MIN ||
	    p->mem_level != 8 || p->window_bits != 15))
		return -1;
	return 0;
}

bool
deflate_by_zlib(uint64_t code)
{
	return code / (9 * 9) % DEFLATE_STRATEGIES != DEFLATE_GNU;
}

struct inflater *
inflater_new(struct arena *a, struct err *e)
{
	return arena_new(a, 1, INFLATER_COUNTS, e);
}

void
inflater_free(struct arena *a, struct inflater *x)
{
	if (x != NULL && x->there)
		(void)inflateEnd(&x->z);
	arena_free(a, x, 1, INFLATER_COUNTS);
}

int
inflater_start(struct inflater *x, struct err *e)
{
	if (x->there && inflateReset(&x->z) == Z_OK)
		return 0;
	pool_use(&x->z, &x->pool, x->memory, sizeof x->memory);
	x->there = inflateInit2(&x->z, -MAX_WBITS) == Z_OK;
	return x->there ? 0 : err_set(e, ERR_FAIL, "zlib does not start inflating");
}

int
inflater_run(struct inflater *x, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, struct err *e)
{
	const size_t most = 1u << 30;
	unsigned in_n = (unsigned)(*in_bytes < most ? *in_bytes : most);
	unsigned out_n = (unsigned)(*out_bytes < most ? *out_bytes : most);
	int rc;

	x->z.next_in = *in;
	x->z.avail_in = in_n;
	x->z.next_out = *out;
	x->z.avail_out = out_n;
	rc = inflate(&x->z, Z_NO_FLUSH);
	*in += in_n - x->z.avail_in;
	*in_bytes -= in_n - x->z.avail_in;
	*out += out_n - x->z.avail_out;
	*out_bytes -= out_n - x->z.avail_out;
	if (rc == Z_STREAM_END)
		return 1;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	return err_set(e, ERR_FORMAT, "a deflate stream is damaged");
}

struct deflater *
deflater_new(struct arena *a, struct err *e)
{
	return arena_new(a, 1, DEFLATER_COUNTS, e);
}

void
deflater_free(struct arena *a, struct deflater *x)
{
	if (x != NULL && x->there)
		(void)deflateEnd(&x->z);
	arena_free(a, x, 1, DEFLATER_COUNTS);
}

int
deflater_start(struct deflater *x, const struct deflate_params *p,
    const struct sink *out, struct err *e)
{
	x->sink = out;
	x->fed = 0;
	x->gnu = NULL;
	if (p->strategy == DEFLATE_GNU) {
		x->there = false;
		x->gnu = (struct gnudeflate *)(void *)x->memory;
		gnudeflate_start(x->gnu, p->level, out);
		return 0;
	}
	if (x->there && memcmp(p, &x->params, sizeof *p) == 0 &&
	    deflateReset(&x->z) == Z_OK)
		return 0;
	if (x->there)
		(void)deflateEnd(&x->z);
	pool_use(&x->z, &x->pool, x->memory, sizeof x->memory);
	x->params = *p;
	x->there = deflateInit2(&x->z, p->level, Z_DEFLATED, -(int)p->window_bits,
	    p->mem_level, p->strategy) == Z_OK;
	return x->there ? 0 : err_set(e, ERR_FAIL, "zlib does not start deflating");
}

/* What was fed goes through; all that comes out of it goes on. */
static int
push(struct deflater *x, int flush, struct err *e)
{
	int rc;

	x->z.next_in = x->feed;
	x->z.avail_in = (unsigned)x->fed;
	x->fed = 0;
	do {
		x->z.next_out = x->out;
		x->z.avail_out = sizeof x->out;
		rc = deflate(&x->z, flush);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(e, ERR_FAIL, "zlib: deflating fails");
		if (x->z.avail_out < sizeof x->out && x->sink->write(x->sink->arg,
		    x->out, sizeof x->out - x->z.avail_out, e) == -1)
			return -1;
	} while (x->z.avail_out == 0 || x->z.avail_in > 0);
	if (flush == Z_FINISH && rc != Z_STREAM_END)
		return err_set(e, ERR_FAIL, "zlib: a stream does not end");
	return 0;
}

int
deflater_add(struct deflater *x, const uint8_t *data, size_t n, struct err *e)
{
	if (x->gnu != NULL)
		return gnudeflate_add(x->gnu, data, n, e);
	while (n > 0) {
		size_t some = FEED_BYTES - x->fed;

		if (some > n)
			some = n;
		memcpy(x->feed + x->fed, data, some);
		x->fed += some;
		data += some;
		n -= some;
		if (x->fed == FEED_BYTES && push(x, Z_NO_FLUSH, e) == -1)
			return -1;
	}
	return 0;
}

int
deflater_end(struct deflater *x, struct err *e)
{
	return x->gnu != NULL ? gnudeflate_end(x->gnu, e) : push(x, Z_FINISH, e);
}
