/*
 * image_elf.h - the segments and sections of an ELF file (gABI 4.1, chapters 4, 5).
 */
#ifndef APPLY_PATCH_IMAGE_ELF_H
#define APPLY_PATCH_IMAGE_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"

#include "apply/patch/image.h"

/* The numbers of the gABI that rules need. */
enum {
	IMAGE_386 = 3, IMAGE_ARM = 40, IMAGE_X86_64 = 62, IMAGE_AARCH64 = 183,
	IMAGE_RISCV = 243,

	IMAGE_PROGBITS = 1, IMAGE_SYMTAB = 2, IMAGE_STRTAB = 3, IMAGE_RELA = 4,
	IMAGE_DYNAMIC = 6, IMAGE_NOBITS = 8, IMAGE_REL = 9, IMAGE_DYNSYM = 11,
	IMAGE_INIT_ARRAY = 14, IMAGE_FINI_ARRAY = 15, IMAGE_RELR = 19,

	IMAGE_WRITE = 1, IMAGE_ALLOC = 2, IMAGE_EXEC = 4, IMAGE_TLS = 0x400
};

/* Fill the image (at, bytes, old and arena are set) by its first n bytes, `head`,
 * and what they point to.  1, 0: no such ELF file, -1: error. */
int image_elf(struct image *, const uint8_t *head, size_t n, struct err *);

#endif
