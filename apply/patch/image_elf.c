#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

enum {
	HEAD_32 = 52, HEAD_64 = 64,
	PROGRAM_32 = 32, PROGRAM_64 = 56,
	SECTION_32 = 40, SECTION_64 = 64,
	PROGRAMS_MAX = 64,
	TYPE_REL = 1, TYPE_EXEC = 2, TYPE_DYN = 3,
	PT_LOAD = 1, PF_X = 1
};

/* Where tables are, out of the ELF header. */
struct tables {
	uint64_t programs, sections;	/* offsets */
	unsigned n_programs, n_sections, names;
	unsigned program_bytes, section_bytes;
};

/* A field that is a word of the class: 4 or 8 bytes. */
static uint64_t
word(const struct image *im, const uint8_t *p32, const uint8_t *p64)
{
	return im->bits == 64 ? le64_load(p64) : le32_load(p32);
}

static int
read_head(struct image *im, const uint8_t *h, size_t n, struct tables *t)
{
	const uint8_t *tail;

	if (n < HEAD_32 || memcmp(h, "\177ELF", 4) != 0 || h[5] != 1 ||
	    (h[4] != 1 && h[4] != 2))
		return -1;
	im->bits = h[4] == 1 ? 32 : 64;
	if (im->bits == 64 && n < HEAD_64)
		return -1;
	if (le16_load(h + 16) < TYPE_REL || le16_load(h + 16) > TYPE_DYN)
		return -1;
	im->relocatable = le16_load(h + 16) == TYPE_REL;
	im->machine = le16_load(h + 18);
	t->programs = word(im, h + 28, h + 32);
	t->sections = word(im, h + 32, h + 40);
	tail = im->bits == 64 ? h + 54 : h + 42;
	t->program_bytes = le16_load(tail);
	t->n_programs = le16_load(tail + 2);
	t->section_bytes = le16_load(tail + 4);
	t->n_sections = le16_load(tail + 6);
	t->names = le16_load(tail + 8);
	return 0;
}

static bool
inside(const struct image *im, uint64_t at, uint64_t bytes)
{
	return at <= im->bytes && bytes <= im->bytes - at;
}

static int
read_programs(struct image *im, const struct tables *t, struct err *e)
{
	size_t size = im->bits == 64 ? PROGRAM_64 : PROGRAM_32;
	uint8_t p[PROGRAM_64];

	for (unsigned i = 0; i < t->n_programs && i < PROGRAMS_MAX; i++) {
		uint64_t at = t->programs + (uint64_t)i * t->program_bytes;
		struct segment s;

		if (t->program_bytes < size || t->programs > im->bytes ||
		    !inside(im, at, size))
			return 0;
		if (image_read(im, p, size, at, e) == -1)
			return -1;
		if (le32_load(p) != PT_LOAD)
			continue;
		s.at = word(im, p + 4, p + 8);
		s.address = word(im, p + 8, p + 16);
		s.bytes = word(im, p + 16, p + 32);
		s.memory = word(im, p + 20, p + 40);
		s.code = (le32_load(im->bits == 64 ? p + 4 : p + 24) & PF_X) != 0;
		if (inside(im, s.at, s.bytes))
			layout_add(&im->layout, &s);
	}
	return 0;
}

/* Names come from the section of names; one that cannot be read is empty. */
static int
read_name(const struct image *im, const struct image_section *names, uint32_t offset,
    char out[IMAGE_NAME_MAX], struct err *e)
{
	size_t n = IMAGE_NAME_MAX - 1;

	if (offset >= names->bytes)
		return 0;
	if (n > names->bytes - offset)
		n = (size_t)(names->bytes - offset);
	return image_read(im, out, n, names->at + offset, e);
}

static void
read_section(const struct image *im, const uint8_t *p, struct image_section *s)
{
	s->type = le32_load(p + 4);
	s->flags = word(im, p + 8, p + 8);
	s->address = word(im, p + 12, p + 16);
	s->at = word(im, p + 16, p + 24);
	s->memory = word(im, p + 20, p + 32);
	s->link = le32_load(im->bits == 64 ? p + 40 : p + 24);
	s->info = le32_load(im->bits == 64 ? p + 44 : p + 28);
	s->entry = word(im, p + 36, p + 56);
	s->bytes = s->type == IMAGE_NOBITS || !inside(im, s->at, s->memory) ? 0 :
	    s->memory;
	if (s->bytes == 0 && !inside(im, s->at, 0))
		s->at = 0;
	if (im->relocatable)
		s->address = s->at;
}

static int
read_sections(struct image *im, const struct tables *t, struct err *e)
{
	size_t size = im->bits == 64 ? SECTION_64 : SECTION_32;
	uint32_t names[IMAGE_SECTIONS_MAX];
	uint8_t p[SECTION_64];

	if (t->section_bytes < size || t->n_sections > IMAGE_SECTIONS_MAX ||
	    t->sections > im->bytes || t->n_sections == 0 ||
	    !inside(im, t->sections, (uint64_t)t->n_sections * t->section_bytes))
		return 0;
	im->sections = arena_new(im->arena, t->n_sections, IMAGE_SECTION_COUNTS, e);
	if (im->sections == NULL)
		return -1;
	im->n_sections = t->n_sections;
	for (unsigned i = 0; i < t->n_sections; i++) {
		if (image_read(im, p, size, t->sections + (uint64_t)i * t->section_bytes,
		    e) == -1)
			return -1;
		names[i] = le32_load(p);
		read_section(im, p, &im->sections[i]);
	}
	for (unsigned i = 0; t->names < t->n_sections && i < t->n_sections; i++)
		if (read_name(im, &im->sections[t->names], names[i],
		    im->sections[i].name, e) == -1)
			return -1;
	return 0;
}

int
image_elf(struct image *im, const uint8_t *head, size_t n, struct err *e)
{
	struct tables t;

	if (read_head(im, head, n, &t) == -1)
		return 0;
	if (!im->relocatable && read_programs(im, &t, e) == -1)
		return -1;
	if (read_sections(im, &t, e) == -1)
		return -1;
	if (im->relocatable)
		layout_add(&im->layout, &(struct segment){ .bytes = im->bytes,
		    .memory = im->bytes });
	return im->layout.n > 0;
}
