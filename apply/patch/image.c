#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/image.h"

int
image_read(const struct image *im, void *out, size_t n, uint64_t at, struct err *e)
{
	if (at > im->bytes || n > im->bytes - at)
		return err_set(e, ERR_FORMAT, "a read past the end of an image");
	return old_read(im->old, out, n, im->at + at, e);
}

/* A raw arm64 kernel: "ARM\x64" at 56; text offset at 8, image size at 16. */
static int
open_raw(struct image *im, const uint8_t *head, size_t n)
{
	if (n < 64 || memcmp(head + 56, "ARM\x64", 4) != 0)
		return 0;
	im->raw = true;
	im->bits = 64;
	im->machine = IMAGE_AARCH64;
	im->segments[0] = (struct image_segment){ .bytes = im->bytes,
		.memory = im->bytes, .code = true };
	im->n_segments = 1;
	return 1;
}

/* The range of addresses; a segment that would make it 4 GiB or more is not one. */
static void
find_range(struct image *im)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < im->n_segments; i++)
		if (im->segments[i].address < low)
			low = im->segments[i].address;
	for (size_t i = 0; i < im->n_segments; i++) {
		const struct image_segment *s = &im->segments[i];
		uint64_t end = s->address + s->memory;

		if (end - low <= UINT32_MAX && end >= s->address && end > high)
			high = end;
	}
	im->low = im->n_segments == 0 ? 0 : low;
	im->high = high;
	im->bases[0] = im->low;
	im->n_bases = 1;
}

int
image_open(struct image *im, const struct old *old, uint64_t at, uint64_t bytes,
    struct arena *arena, struct err *e)
{
	uint8_t head[64];
	size_t n;
	int rc;

	memset(im, 0, sizeof *im);
	im->old = old;
	im->arena = arena;
	im->at = at < old->bytes ? at : old->bytes;
	im->bytes = bytes < old->bytes - im->at ? bytes : old->bytes - im->at;
	if (im->bytes > UINT32_MAX)
		im->bytes = UINT32_MAX;
	n = im->bytes < sizeof head ? (size_t)im->bytes : sizeof head;
	if (image_read(im, head, n, 0, e) == -1)
		return -1;
	if ((rc = image_elf(im, head, n, e)) == 0)
		rc = open_raw(im, head, n);
	if (rc == 1)
		find_range(im);
	if (rc != 1)
		image_close(im);
	return rc;
}

void
image_close(struct image *im)
{
	arena_free(im->arena, im->sections, IMAGE_SECTIONS_MAX, sizeof *im->sections);
	im->sections = NULL;
	im->n_sections = 0;
}

uint64_t
image_address(const struct image *im, uint64_t at)
{
	for (size_t i = 0; i < im->n_segments; i++) {
		const struct image_segment *s = &im->segments[i];

		if (at - s->at < s->bytes)
			return s->address + (at - s->at);
	}
	return im->high + at;
}

bool
image_offset(const struct image *im, uint64_t address, uint64_t *at)
{
	for (size_t i = 0; i < im->n_segments; i++) {
		const struct image_segment *s = &im->segments[i];

		if (address - s->address < s->bytes) {
			*at = s->at + (address - s->address);
			return true;
		}
	}
	*at = address - im->high;
	return address >= im->high && *at < im->bytes;
}

const struct image_section *
image_section(const struct image *im, const char *name)
{
	for (size_t i = 0; i < im->n_sections; i++)
		if (strcmp(im->sections[i].name, name) == 0)
			return &im->sections[i];
	return NULL;
}

uint8_t
image_base(struct image *im, uint64_t address)
{
	for (size_t i = 0; i < im->n_bases; i++)
		if (im->bases[i] == address)
			return (uint8_t)i;
	if (im->n_bases == IMAGE_BASES_MAX)
		return 0;
	im->bases[im->n_bases] = address;
	return (uint8_t)im->n_bases++;
}
