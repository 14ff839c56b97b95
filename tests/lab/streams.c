#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "manifest/base/bytes.h"

#include "tests/lab/streams.h"

const struct deflate_params streams_usual = { 6, 8, DEFLATE_PLAIN, 15 };

static uint32_t
next(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

uint8_t *
streams_text(size_t n, uint32_t seed)
{
	static const char *const words[] = { "the ", "valve ", "is ", "open, ", "pump ",
		"seven ", "reports ", "normal ", "pressure;\n", "and ", "a ", "siren ",
		"of ", "unusual ", "temperature.\n", "3.1415 " };
	uint8_t *out = malloc(n + 16);
	uint32_t x = seed + 77;
	size_t at = 0;

	assert_non_null(out);
	while (at < n) {
		const char *w = words[next(&x) % 16];

		memcpy(out + at, w, strlen(w));
		at += strlen(w);
		if (at < n && next(&x) % 32 == 0)
			out[at++] = (uint8_t)next(&x);
	}
	return out;
}

static void
add(struct buf *out, const void *data, size_t n)
{
	struct err e = ERR_INIT;

	assert_int_equal(buf_add(out, data, n, &e), 0);
}

static void
add_le(struct buf *out, uint32_t v, size_t n)
{
	uint8_t bytes[4];

	le32_store(bytes, v);
	add(out, bytes, n);
}

void
streams_noise(struct buf *out, size_t n, uint32_t seed)
{
	uint32_t x = seed;

	while (n-- > 0) {
		uint8_t byte = (uint8_t)(next(&x) >> 10);

		add(out, &byte, 1);
	}
}

static void
pack(struct buf *out, const uint8_t *plain, size_t n, const struct deflate_params *p,
    int bits)
{
	z_stream z = { 0 };
	uLong most;
	uint8_t *packed;

	assert_int_equal(deflateInit2(&z, p->level, Z_DEFLATED, bits, p->mem_level,
	    p->strategy), Z_OK);
	most = deflateBound(&z, n) + 64;
	packed = malloc(most);
	assert_non_null(packed);
	z.next_in = (Bytef *)(uintptr_t)plain;
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = (uInt)most;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	add(out, packed, z.total_out);
	(void)deflateEnd(&z);
	free(packed);
}

void
streams_raw(struct buf *out, const uint8_t *plain, size_t n,
    const struct deflate_params *p)
{
	pack(out, plain, n, p, -(int)p->window_bits);
}

void
streams_gz(struct buf *out, const char *name, const uint8_t *plain, size_t n,
    const struct deflate_params *p)
{
	add(out, "\x1f\x8b\x08", 3);
	add_le(out, name == NULL ? 0 : 8, 1);
	add(out, "\x11\x22\x33\x44\x00\x03", 6);
	if (name != NULL)
		add(out, name, strlen(name) + 1);
	streams_raw(out, plain, n, p);
	add_le(out, (uint32_t)crc32(0, plain, (uInt)n), 4);
	add_le(out, (uint32_t)n, 4);
}

void
streams_zlib(struct buf *out, const uint8_t *plain, size_t n,
    const struct deflate_params *p)
{
	pack(out, plain, n, p, p->window_bits);
}

void
streams_zip(struct buf *out, const char *name, const uint8_t *plain, size_t n, bool late,
    const struct deflate_params *p)
{
	struct buf packed = BUF_INIT(64 << 20);
	uint32_t sum = (uint32_t)crc32(0, plain, (uInt)n);

	streams_raw(&packed, plain, n, p);
	add(out, "PK\x03\x04\x14\0", 6);
	add_le(out, late ? 8 : 0, 2);
	add_le(out, 8, 2);
	add_le(out, 0x21428563, 4);
	add_le(out, late ? 0 : sum, 4);
	add_le(out, late ? 0 : (uint32_t)packed.len, 4);
	add_le(out, late ? 0 : (uint32_t)n, 4);
	add_le(out, (uint32_t)strlen(name), 2);
	add_le(out, 4, 2);
	add(out, name, strlen(name));
	add(out, "\xfe\xca\0\0", 4);	/* an extra field */
	add(out, packed.data, packed.len);
	if (late) {
		add(out, "PK\x07\x08", 4);
		add_le(out, sum, 4);
		add_le(out, (uint32_t)packed.len, 4);
		add_le(out, (uint32_t)n, 4);
	}
	buf_free(&packed);
}

void
streams_zstd(struct buf *out, const uint8_t *plain, size_t n, int level, bool sized,
    bool check)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t most = ZSTD_compressBound(n), got;
	uint8_t *packed = malloc(most);
	ZSTD_inBuffer none = { NULL, 0, 0 }, in = { plain, n, 0 };
	ZSTD_outBuffer to = { packed, most, 0 };

	assert_non_null(c);
	assert_non_null(packed);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, check);
	/* What comes in several calls has no size that is known beforehand. */
	if (sized)
		got = ZSTD_compress2(c, packed, most, plain, n);
	else if ((got = ZSTD_compressStream2(c, &to, &none, ZSTD_e_continue)) == 0 ||
	    !ZSTD_isError(got)) {
		assert_int_equal(ZSTD_compressStream2(c, &to, &in, ZSTD_e_end), 0);
		got = to.pos;
	}
	assert_false(ZSTD_isError(got));
	add(out, packed, got);
	(void)ZSTD_freeCCtx(c);
	free(packed);
}

void
streams_xz(struct buf *out, const uint8_t *plain, size_t n, uint32_t preset, bool x86)
{
	lzma_options_lzma o;
	lzma_filter filters[] = { { LZMA_FILTER_X86, NULL }, { LZMA_FILTER_LZMA2, &o },
		{ LZMA_VLI_UNKNOWN, NULL } };
	size_t most = lzma_stream_buffer_bound(n), got = 0;
	uint8_t *packed = malloc(most);

	assert_non_null(packed);
	assert_false(lzma_lzma_preset(&o, preset));
	assert_int_equal(lzma_stream_buffer_encode(filters + !x86, LZMA_CHECK_CRC32, NULL,
	    plain, n, packed, &got, most), LZMA_OK);
	add(out, packed, got);
	free(packed);
}

static int
read_buf(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct buf *b = arg;

	(void)e;
	assert_true(at <= b->len && n <= b->len - at);
	memcpy(out, b->data + at, n);
	return 0;
}

struct old
streams_old(const struct buf *b)
{
	return (struct old){ (void *)(uintptr_t)b, read_buf, b->len };
}

static int
write_buf(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return buf_add(arg, data, n, e);
}

struct sink
streams_sink(struct buf *b)
{
	return (struct sink){ b, write_buf };
}

static int
next_number(void *arg, uint64_t *v, struct err *e)
{
	struct streams_list *l = arg;
	size_t n = varint_load(l->buf->data + l->at, l->buf->len - l->at, v);

	if (n == 0)
		return err_set(e, ERR_FORMAT, "no number left");
	l->at += n;
	return 0;
}

struct numbers
streams_numbers(struct streams_list *l)
{
	return (struct numbers){ l, next_number };
}
