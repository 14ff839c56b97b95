/*
 * elf_fields.h - the fields of an ELF file's headers, to be set to what they should
 * not be.
 */
#ifndef TESTS_LAB_ELF_FIELDS_H
#define TESTS_LAB_ELF_FIELDS_H

#include <stddef.h>
#include <stdint.h>

struct elf_field {
	size_t at;
	unsigned bytes;		/* 1, 2, 4, 8 */
	char where;		/* 'e', 'p', 's': which header */
};

/* All fields of the ELF header (each byte of e_ident is one), of the program headers
 * and of the section headers of a sound little-endian file; how many. */
size_t elf_fields(const uint8_t *elf, size_t n, struct elf_field *out, size_t max);
uint64_t elf_field_get(const uint8_t *elf, const struct elf_field *);
void elf_field_set(uint8_t *elf, const struct elf_field *, uint64_t value);

#endif
