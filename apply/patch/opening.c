#include <string.h>

#include "apply/patch/opening.h"

enum {
	ZIP_SIGNATURE = 0x504b0304,
	ZIP_HEADER = 30,
	GZ_SIGNATURE = 0x1f8b08,
	GZ_HEADER = 10,
	IDAT = 0x49444154,
	GZ_TEXT_MAX = 4096,	/* of a name or comment */
	XZ_MAGIC = 6,
	XZ_HEADER = 12		/* of the stream; that of the first block follows */
};

#define ZSTD_SIGNATURE 0x28b52ffdu
#define XZ_SIGNATURE 0xfd377a585a00u

enum { GZ_HCRC = 2, GZ_EXTRA = 4, GZ_NAME = 8, GZ_COMMENT = 16, GZ_OTHER = 0xe0 };
/* What follows the fixed part of a gzip header, in this order. */
enum { PART_EXTRA_BYTES, PART_EXTRA, PART_NAME, PART_COMMENT, PART_HCRC, PART_END };

void
opening_start(struct opening *a)
{
	memset(a, 0, sizeof *a);
}

/* The next part that the flags say is there, from `part` on. */
static bool
gz_enter(struct opening *a, unsigned part)
{
	static const uint8_t flag[PART_END] = { GZ_EXTRA, 0, GZ_NAME, GZ_COMMENT,
		GZ_HCRC };

	while (part < PART_END && (a->gz_flags & flag[part]) == 0)
		part++;
	a->gz_part = (uint8_t)part;
	a->gz_left = part == PART_EXTRA_BYTES || part == PART_HCRC ? 2 : GZ_TEXT_MAX;
	if (part == PART_END)
		a->gz_at = 0;
	return part == PART_END;
}

/* One byte of the parts that have no fixed place.  True: the header is complete. */
static bool
gz_more(struct opening *a, uint8_t byte)
{
	a->gz_left--;
	switch (a->gz_part) {
	case PART_EXTRA_BYTES:
		if (a->gz_left > 0)
			return false;
		a->gz_part = PART_EXTRA;
		a->gz_left = (uint8_t)(a->last >> 8) | (uint32_t)byte << 8;
		return a->gz_left == 0 && gz_enter(a, PART_NAME);
	case PART_NAME:
	case PART_COMMENT:
		if (byte == 0)
			return gz_enter(a, a->gz_part + 1u);
		if (a->gz_left == 0)
			a->gz_at = 0;
		return false;
	default:
		return a->gz_left == 0 && gz_enter(a, a->gz_part + 1u);
	}
}

static bool
gz_byte(struct opening *a, uint8_t byte)
{
	if (a->gz_at >= GZ_HEADER)
		return gz_more(a, byte);
	a->gz_at++;
	if (a->gz_at == 4) {
		a->gz_flags = byte;
		if ((byte & GZ_OTHER) != 0)
			a->gz_at = 0;
	}
	return a->gz_at == GZ_HEADER && gz_enter(a, PART_EXTRA_BYTES);
}

static bool
zip_byte(struct opening *a, uint8_t byte)
{
	uint32_t two = (uint8_t)(a->last >> 8) | (uint32_t)byte << 8;

	if (a->zip_at == ZIP_HEADER) {
		if (--a->zip_left > 0)
			return false;
		a->zip_at = 0;
		return true;
	}
	a->zip_at++;
	if (a->zip_at == 10 && two != 8)
		a->zip_at = 0;		/* another method */
	else if (a->zip_at == 28)
		a->zip_name = (uint16_t)two;
	else if (a->zip_at == ZIP_HEADER)
		a->zip_left = a->zip_name + two;
	if (a->zip_at != ZIP_HEADER || a->zip_left > 0)
		return false;
	a->zip_at = 0;
	return true;
}

static bool
xz_byte(struct opening *a, uint8_t byte)
{
	unsigned i = a->xz_at++ - (unsigned)XZ_HEADER;

	if (a->xz_at <= XZ_HEADER)
		return false;
	a->head[i] = byte;
	/* Its first byte is its size; 0 would be an index. */
	if (a->head[0] == 0 || a->head[0] >= OPENING_HEAD_MAX / 4)
		a->xz_at = 0;
	else if (i == a->head[0] * 4u + 3)
		a->xz_at = 0;
	else
		return false;
	return i > 0;
}

/* Two bytes that RFC 1950 allows for deflate without a dictionary: the window of
 * 32 KiB that nearly all have, any in a PNG. */
static bool
is_zlib(uint64_t last)
{
	unsigned two = last & 0xffff;

	if (two % 31 != 0 || (two & 0x8f20) != 0x0800)
		return false;
	return two >> 8 == 0x78 || (last >> 16 & 0xffffffff) == IDAT;
}

size_t
opening_feed(struct opening *a, const uint8_t *data, size_t n, bool *here)
{
	*here = false;
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = data[i];

		a->last = a->last << 8 | byte;
		a->kind = OPENING_DEFLATE;
		if (a->xz_at != 0 && xz_byte(a, byte)) {
			a->kind = OPENING_XZ;
			*here = true;
		}
		if (a->zip_at != 0 && zip_byte(a, byte))
			*here = true;
		if (a->gz_at != 0 && gz_byte(a, byte))
			*here = true;
		if ((a->last & 0xffffffff) == ZIP_SIGNATURE)
			a->zip_at = 4;
		else if ((a->last & 0xffffff) == GZ_SIGNATURE)
			a->gz_at = 3;
		else if ((a->last & 0xffffffffffff) == XZ_SIGNATURE)
			a->xz_at = XZ_MAGIC;
		else if ((a->last & 0xffffffff) == ZSTD_SIGNATURE) {
			a->kind = OPENING_ZSTD;
			*here = true;
		} else if (is_zlib(a->last))
			*here = true;
		if (*here)
			return i + 1;
	}
	return n;
}
