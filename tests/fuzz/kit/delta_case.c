#include <string.h>

#include "apply/patch/delta_header.h"
#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

#include "tests/fuzz/kit/delta_case.h"

enum { OTHER_TREE = 1, TOO_MANY = 2, AS_IT_IS = 0x80, CHUNK = 4096 };

void
case_parse(struct delta_case *c, const uint8_t *data, size_t n)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < CASE_PARTS && n >= 2; i++) {
		size_t bytes = data[0] | (size_t)data[1] << 8;

		data += 2;
		n -= 2;
		bytes = bytes < n ? bytes : n;
		c->parts[i] = (struct case_part){ data, bytes };
		data += bytes;
		n -= bytes;
	}
}

size_t
case_store(const struct delta_case *c, uint8_t *out, size_t max)
{
	size_t at = 0;

	for (size_t i = 0; i < CASE_PARTS; i++) {
		const struct case_part *p = &c->parts[i];

		if (p->n > CASE_PART_MAX || max - at < p->n + 2)
			return 0;
		out[at++] = (uint8_t)p->n;
		out[at++] = (uint8_t)(p->n >> 8);
		if (p->n > 0)
			memcpy(out + at, p->p, p->n);
		at += p->n;
	}
	return at;
}

unsigned
case_option(const struct delta_case *c, size_t i)
{
	return i < c->parts[CASE_OPTIONS].n ? c->parts[CASE_OPTIONS].p[i] : 0;
}

static unsigned
option16(const struct delta_case *c, size_t i)
{
	return case_option(c, i) | case_option(c, i + 1) << 8;
}

/* ---- streams ---- */

static size_t
zstd_raw(const struct case_part *p, unsigned window_log, uint8_t *out)
{
	size_t at = 6, done = 0;

	le32_store(out, 0xfd2fb528);
	out[4] = 0;		/* a window, no size, no sum */
	out[5] = (uint8_t)((window_log - 10) << 3);
	do {
		size_t n = p->n - done < CHUNK ? p->n - done : CHUNK;
		size_t head = n << 3 | (done + n == p->n);

		for (unsigned i = 0; i < 3; i++)
			out[at++] = (uint8_t)(head >> (8 * i));
		if (n > 0)
			memcpy(out + at, p->p + done, n);
		at += n;
		done += n;
	} while (done < p->n);
	return at;
}

static size_t
lzma_raw(const struct case_part *p, uint8_t *out)
{
	size_t at = 0;

	out[at++] = 93;		/* lc 3, lp 0, pb 2 */
	for (size_t done = 0; done < p->n;) {
		size_t n = p->n - done < CHUNK ? p->n - done : CHUNK;

		out[at++] = done == 0 ? 1 : 2;
		out[at++] = (uint8_t)((n - 1) >> 8);
		out[at++] = (uint8_t)(n - 1);
		memcpy(out + at, p->p + done, n);
		at += n;
		done += n;
	}
	out[at++] = 0;
	return at;
}

/* One that is packed: its plain bytes stand before it. */
static size_t
given(const struct case_part *p, struct delta_stream *s, uint8_t *out)
{
	size_t skip = varint_load(p->p, p->n, &s->plain);

	if (p->n > skip)
		memcpy(out, p->p + skip, p->n - skip);
	return p->n - skip;
}

/* One stream packed, and what the header says of it. */
static size_t
pack(const struct case_part *p, unsigned how, struct delta_stream *s, uint8_t *out)
{
	*s = (struct delta_stream){ .there = (how & 7) < CASE_ABSENT,
		.window_log = how >> 3, .plain = p->n };
	if (s->window_log < DELTA_WINDOW_LOG_MIN)
		s->window_log = DELTA_WINDOW_LOG_MIN;
	switch (how & 7) {
	case CASE_STORED:
		s->window_log = 0;
		if (p->n > 0)
			memcpy(out, p->p, p->n);
		s->packed = p->n;
		break;
	case CASE_ZSTD_RAW:
		s->codec = DELTA_ZSTD;
		s->packed = zstd_raw(p, s->window_log, out);
		break;
	case CASE_LZMA_RAW:
		s->codec = DELTA_LZMA;
		s->packed = lzma_raw(p, out);
		break;
	case CASE_ZSTD:
	case CASE_LZMA:
		s->codec = (how & 7) == CASE_ZSTD ? DELTA_ZSTD : DELTA_LZMA;
		s->packed = given(p, s, out);
		break;
	default:
		break;
	}
	return (size_t)s->packed;
}

/* ---- the whole ---- */

static size_t
put_header(const struct delta_case *c, const struct delta_header *h, uint8_t *out)
{
	size_t at = DELTA_MAGIC_BYTES + 2 * DELTA_ID_BYTES;
	uint64_t kinds = 0;

	memcpy(out, DELTA_MAGIC, DELTA_MAGIC_BYTES);
	memcpy(out + DELTA_MAGIC_BYTES, h->old_id, DELTA_ID_BYTES);
	memset(out + DELTA_MAGIC_BYTES + DELTA_ID_BYTES, 0, DELTA_ID_BYTES);
	at += varint_store(out + at, h->memory);
	at += varint_store(out + at, option16(c, 3) * UINT64_C(256));
	at += varint_store(out + at, option16(c, 5));
	for (int i = 0; i < DELTA_KINDS; i++)
		kinds |= (uint64_t)h->streams[i].there << i;
	at += varint_store(out + at, kinds);
	for (int i = 0; i < DELTA_KINDS; i++) {
		const struct delta_stream *s = &h->streams[i];

		if (!s->there)
			continue;
		out[at++] = (uint8_t)((unsigned)s->codec | s->window_log << 3);
		at += varint_store(out + at, s->packed);
		if (s->codec != DELTA_STORED)
			at += varint_store(out + at, s->plain);
	}
	return at;
}

size_t
case_delta(const struct delta_case *c, uint8_t *out)
{
	static uint8_t packed[DELTA_KINDS * (CASE_PART_MAX + 256)];
	const struct case_part *text = &c->parts[CASE_TEXT];
	struct delta_header h = { 0 };
	struct err e = ERR_INIT;
	struct sha256 id;
	size_t n = 0, at;

	if ((case_option(c, 0) & AS_IT_IS) != 0) {
		if (c->parts[CASE_STREAM].n > 0)
			memcpy(out, c->parts[CASE_STREAM].p, c->parts[CASE_STREAM].n);
		return c->parts[CASE_STREAM].n;
	}
	if (sha256_of(text->n == 0 ? "" : (const void *)text->p, text->n, &id, &e) == 0)
		memcpy(h.old_id, id.bytes, DELTA_ID_BYTES);
	h.old_id[0] ^= (uint8_t)(case_option(c, 0) & OTHER_TREE);
	for (size_t i = 0; i < DELTA_KINDS; i++)
		n += pack(&c->parts[CASE_STREAM + i], case_option(c, CASE_HOW + i),
		    &h.streams[i], packed + n);
	h.memory = delta_header_memory(&h) + option16(c, 1) * UINT64_C(4096);
	at = put_header(c, &h, out);
	if (n > 0)
		memcpy(out + at, packed, n);
	at += n;
	if ((case_option(c, 0) & TOO_MANY) != 0)
		out[at++] = 0;
	return at;
}
