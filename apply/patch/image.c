#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/image.h"

enum { LOWEST = 0x1000, FIXED = 0x8000 };

int
image_read(const struct image *im, void *out, size_t n, uint64_t at, struct err *e)
{
	if (at > im->bytes || n > im->bytes - at)
		return err_set(e, ERR_FORMAT, "a read past the end of an image");
	return old_read(im->old, out, n, at, e);
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
	layout_add(&im->layout, &(struct segment){ .bytes = im->bytes,
	    .memory = im->bytes, .code = true });
	return 1;
}

static void
add_code(struct image *im, uint64_t address, uint64_t bytes)
{
	if (bytes == 0 || address + bytes < address)
		return;
	if (im->code_end == 0 || address < im->code)
		im->code = address;
	if (address + bytes > im->code_end)
		im->code_end = address + bytes;
}

/* By sections; by segments, where no section has code. */
static void
find_code(struct image *im)
{
	for (size_t i = 0; i < im->n_sections && !im->relocatable; i++)
		if ((im->sections[i].flags & IMAGE_EXEC) != 0)
			add_code(im, im->sections[i].address, im->sections[i].bytes);
	for (size_t i = 0; im->code_end == 0 && i < im->layout.n; i++)
		if (im->layout.segments[i].code || im->relocatable)
			add_code(im, im->layout.segments[i].address,
			    im->layout.segments[i].memory);
}

int
image_open(struct image *im, const struct old *old, struct arena *arena, struct err *e)
{
	uint8_t head[64];
	size_t n;
	int rc;

	memset(im, 0, sizeof *im);
	im->old = old;
	im->arena = arena;
	im->bytes = old->bytes < UINT32_MAX ? old->bytes : UINT32_MAX;
	n = im->bytes < sizeof head ? (size_t)im->bytes : sizeof head;
	if (image_read(im, head, n, 0, e) == -1)
		return -1;
	if ((rc = image_elf(im, head, n, e)) == 0)
		rc = open_raw(im, head, n);
	if (rc != 1) {
		image_close(im);
		return rc;
	}
	layout_settle(&im->layout);
	find_code(im);
	im->bases[0] = im->layout.low;
	im->n_bases = 1;
	return 1;
}

void
image_close(struct image *im)
{
	arena_free(im->arena, im->sections, im->n_sections, IMAGE_SECTION_COUNTS);
	im->sections = NULL;
	im->n_sections = 0;
}

uint64_t
image_address(const struct image *im, uint64_t at)
{
	uint64_t run;

	return layout_address(&im->layout, at, &run);
}

bool
image_offset(const struct image *im, uint64_t address, uint64_t *at)
{
	return layout_offset(&im->layout, address, at) && *at < im->bytes;
}

bool
image_holds(const struct image *im, uint64_t word)
{
	return word >= LOWEST && word >= im->layout.low && word < im->layout.high;
}

bool
image_code(const struct image *im, uint64_t address)
{
	return address >= im->code && address < im->code_end;
}

bool
image_fixed(const struct image *im)
{
	return !im->relocatable && !im->raw && im->layout.low >= FIXED;
}

const struct image_section *
image_section(const struct image *im, const char *name)
{
	for (size_t i = 0; i < im->n_sections; i++)
		if (strcmp(im->sections[i].name, name) == 0)
			return &im->sections[i];
	return NULL;
}

const struct image_section *
image_table(const struct image *im)
{
	const struct image_section *x = image_section(im, ".got.plt");

	return x != NULL ? x : image_section(im, ".got");
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
