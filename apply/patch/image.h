/*
 * image.h - an executable inside old bytes: where its parts lie in memory.
 *
 * ELF, 32 and 64 bits, little-endian (System V ABI, gABI 4.1): executables and
 * shared objects (addresses by program headers), relocatable objects such as
 * kernel modules (addresses are offsets in the image).  Raw arm64 kernel images
 * (Documentation/arm64/booting) have one segment.
 *
 * Nothing is trusted: numbers that make no sense make a smaller image, or none.
 */
#ifndef APPLY_PATCH_IMAGE_H
#define APPLY_PATCH_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/arena.h"
#include "apply/patch/layout.h"
#include "apply/patch/old.h"

enum {
	IMAGE_SECTIONS_MAX = 1024,
	IMAGE_NAME_MAX = 24,
	IMAGE_BASES_MAX = 200
};

struct image_section {
	char name[IMAGE_NAME_MAX];	/* cut if longer */
	uint32_t type, link, info;	/* sh_type, sh_link, sh_info */
	uint64_t flags, address;	/* ET_REL: the address is `at` */
	uint64_t at, bytes;	/* in the image; 0 bytes if outside or NOBITS */
	uint64_t memory;	/* sh_size */
	uint64_t entry;		/* sh_entsize */
};

enum { IMAGE_SECTION_COUNTS = 88 };
ARENA_COUNTS(struct image_section, IMAGE_SECTION_COUNTS);

struct image {
	const struct old *old;	/* borrowed */
	uint64_t bytes;		/* to the end of what was given */
	unsigned bits;		/* 32, 64 */
	unsigned machine;	/* e_machine */
	bool relocatable;	/* ET_REL */
	bool raw;		/* no ELF: a raw arm64 kernel */
	struct layout layout;
	uint64_t code, code_end;	/* addresses of the first code, behind the last */
	struct image_section *sections;	/* in their order; 0 is the null section */
	size_t n_sections;
	/* Addresses that REF_BASE* count from, by their index in refs. */
	uint64_t bases[IMAGE_BASES_MAX];
	size_t n_bases;
	struct arena *arena;
};

/* The image that old begins with.  1: there is one; 0: none that we know; -1: error. */
int image_open(struct image *, const struct old *, struct arena *, struct err *);
void image_close(struct image *);

/* n bytes at an offset in the image; ERR_FORMAT when outside. */
int image_read(const struct image *, void *out, size_t n, uint64_t at, struct err *);

/* The address of a byte of the file: layout_address(). */
uint64_t image_address(const struct image *, uint64_t at);
/* The offset of an address; false when no byte of the file has it. */
bool image_offset(const struct image *, uint64_t address, uint64_t *at);
/* Might a word of this value be an address of the image?  Small ones rarely are. */
bool image_holds(const struct image *, uint64_t word);
/* Is there code, or something between code?  Anywhere in a relocatable object. */
bool image_code(const struct image *, uint64_t address);

/* The first section of this name, or NULL. */
const struct image_section *image_section(const struct image *, const char *name);

/* Is this a program with a place of its own, so that words of code are addresses? */
bool image_fixed(const struct image *);

/* Where the global offset table begins that code of 32 bits counts from, or NULL. */
const struct image_section *image_table(const struct image *);

/* An address that references count from, noted once: its index, for ref.base.
 * 0 when there are too many: 0 is always the address layout.low. */
uint8_t image_base(struct image *, uint64_t address);

#endif
