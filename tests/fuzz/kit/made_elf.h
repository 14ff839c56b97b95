/*
 * made_elf.h - an ELF file out of few bytes, so that a fuzzer gets past the headers:
 *
 *	0   bit 0: 64 bits; bits 1, 2: relocatable, executable, shared, shared; bits 3
 *	    to 5: machine; bit 6: no sections; bit 7: memory behind the file (.bss)
 *	1   sections, modulo 16
 *	2   where in the contents the second segment begins, in 32nds
 *	3   low nibble: where the first segment is in memory; high: how much further
 *	    the second one is
 *	8 for each section: name, type, flags, link and info (nibbles), size of an entry,
 *	    address off by so much (signed, 16ths), begin and end (256ths of the contents)
 *	then the contents
 *
 * The file is header, two program headers, contents, section headers, names.
 */
#ifndef TESTS_FUZZ_KIT_MADE_ELF_H
#define TESTS_FUZZ_KIT_MADE_ELF_H

#include <stddef.h>
#include <stdint.h>

enum { MADE_ELF_BESIDE = 2048 };	/* bytes it has beside its contents, at most */

/* Into out, which has room for n + MADE_ELF_BESIDE bytes; how many they are. */
size_t made_elf(const uint8_t *data, size_t n, uint8_t *out);

#endif
