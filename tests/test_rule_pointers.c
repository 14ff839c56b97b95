/*
 * test_rule_pointers.c - words that are addresses: data, relocations, symbols, hash
 * tables and tables of jumps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/rule_probe.h"

enum {
	X86_64 = 62, I386 = 3, LOAD = 0x400000,
	TEXT = 0x400, DATA = 0x1000, CONSTANTS = 0x800,
	RELA = 0x1200, PLT = 0x1300, SYMBOLS = 0x1400, NAMES = 0x1500, HASH = 0x1600,
	GOT = 0x1800
};

static struct probe p;

static void
start(unsigned bits, uint64_t load)
{
	probe_start(&p, bits, bits == 64 ? X86_64 : I386, load);
	(void)probe_section(&p, (struct probe_section){ ".text", 1, PROBE_CODE, TEXT,
	    0x200, 0, 0 });
	(void)probe_section(&p, (struct probe_section){ ".data", 1, PROBE_DATA, DATA,
	    0x100, 0, 0 });
}

static void
words_of_data_that_are_addresses(void **state)
{
	(void)state;
	for (unsigned bits = 32; bits <= 64; bits += 32) {
		enum ref_kind kind = bits == 64 ? REF_WORD64 : REF_WORD32;

		start(bits, LOAD);
		probe_put(&p, DATA, bits / 8, LOAD + TEXT + 5);
		probe_put(&p, DATA + 8, bits / 8, LOAD + PROBE_BYTES);
		probe_put(&p, DATA + 16, bits / 8, 0xfff);
		probe_put(&p, DATA + 24 + 2, bits / 8, LOAD + TEXT);	/* not aligned */
		probe_find(&p, RULE_POINTERS);
		probe_expect(&p, DATA, kind, TEXT + 5);
		assert_int_equal(p.n, 1);
	}
}

static void
relocations_of_64_bits(void **state)
{
	(void)state;
	start(64, 0);
	(void)probe_section(&p, (struct probe_section){ ".rela.dyn", 4, 2, RELA, 48, 4,
	    0 });
	(void)probe_section(&p, (struct probe_section){ ".dynsym", 11, 2, SYMBOLS, 96, 5,
	    0 });
	probe_put(&p, RELA, 8, DATA + 8);
	probe_put(&p, RELA + 8, 8, 8);			/* no symbol */
	probe_put(&p, RELA + 16, 8, TEXT + 0x1000);
	probe_put(&p, RELA + 24, 8, DATA + 16);
	probe_put(&p, RELA + 32, 8, (uint64_t)3 << 32 | 1);
	probe_find(&p, RULE_POINTERS);
	probe_expect(&p, RELA, REF_WORD64, DATA + 8);
	probe_expect(&p, RELA + 16, REF_WORD64, TEXT + 0x1000);
	probe_expect(&p, RELA + 24, REF_WORD64, DATA + 16);
	probe_expect(&p, RELA + 36, REF_INDEX32, SYMBOLS + 3 * 24);
	assert_int_equal(p.n, 4);
}

static void
relocations_of_32_bits_name_symbols_in_three_bytes(void **state)
{
	(void)state;
	start(32, 0);
	(void)probe_section(&p, (struct probe_section){ ".rel.dyn", 9, 2, RELA, 16, 4,
	    0 });
	(void)probe_section(&p, (struct probe_section){ ".dynsym", 11, 2, SYMBOLS, 96, 5,
	    0 });
	probe_put(&p, RELA, 4, DATA + 4);
	probe_put(&p, RELA + 4, 4, 8);
	probe_put(&p, RELA + 8, 4, DATA + 12);
	probe_put(&p, RELA + 12, 4, 5 << 8 | 6);
	probe_find(&p, RULE_POINTERS);
	probe_expect(&p, RELA, REF_WORD32, DATA + 4);
	probe_expect(&p, RELA + 8, REF_WORD32, DATA + 12);
	probe_expect(&p, RELA + 12, REF_INDEX24, SYMBOLS + 5 * 16);
	assert_int_equal(p.n, 3);
}

/* Entries of a PLT have one word each: which one, their place says. */
static void
slots_of_a_plt_count_from_the_first(void **state)
{
	(void)state;
	start(64, 0);
	(void)probe_section(&p, (struct probe_section){ ".rela.plt", 4, 2, PLT, 96, 4,
	    0 });
	(void)probe_section(&p, (struct probe_section){ ".dynsym", 11, 2, SYMBOLS, 96, 5,
	    0 });
	for (unsigned i = 0; i < 4; i++) {
		probe_put(&p, PLT + 24 * i, 8, GOT + 8 * i);
		probe_put(&p, PLT + 24 * i + 8, 8, (uint64_t)(4 - i) << 32 | 7);
	}
	probe_put(&p, PLT + 72, 8, GOT + 0x80);		/* one that is out of line */
	probe_find(&p, RULE_POINTERS);
	for (unsigned i = 0; i < 3; i++)
		probe_expect(&p, PLT + 24 * i, REF_SLOT64, GOT);
	probe_expect(&p, PLT + 72, REF_WORD64, GOT + 0x80);
	probe_expect(&p, PLT + 12, REF_INDEX32, SYMBOLS + 4 * 24);
	assert_int_equal(p.n, 8);
}

static void
symbols_have_names_and_values(void **state)
{
	(void)state;
	start(32, 0);
	(void)probe_section(&p, (struct probe_section){ ".dynsym", 11, 2, SYMBOLS, 48, 4,
	    0 });
	(void)probe_section(&p, (struct probe_section){ ".dynstr", 3, 2, NAMES, 0x40, 0,
	    0 });
	probe_put(&p, SYMBOLS + 16, 4, 7);
	probe_put(&p, SYMBOLS + 20, 4, TEXT + 0x10);
	probe_put(&p, SYMBOLS + 30, 2, 1);
	/* One of another library: no section. */
	probe_put(&p, SYMBOLS + 32, 4, 9);
	probe_put(&p, SYMBOLS + 36, 4, TEXT + 0x10);
	probe_find(&p, RULE_SYMBOLS);
	probe_expect(&p, SYMBOLS + 16, REF_BASE32, NAMES + 7);
	probe_expect(&p, SYMBOLS + 20, REF_WORD32, TEXT + 0x10);
	probe_expect(&p, SYMBOLS + 32, REF_BASE32, NAMES + 9);
	assert_int_equal(p.n, 3);
}

static void
hash_tables_number_symbols(void **state)
{
	(void)state;
	start(64, 0);
	(void)probe_section(&p, (struct probe_section){ ".gnu.hash", 0x6ffffff6, 2, HASH,
	    0x40, 4, 0 });
	(void)probe_section(&p, (struct probe_section){ ".dynsym", 1, 2, SYMBOLS, 96, 5,
	    0 });
	/* 3 buckets, first symbol 1, a filter of 2 words, shift 6. */
	probe_put(&p, HASH, 4, 3);
	probe_put(&p, HASH + 4, 4, 1);
	probe_put(&p, HASH + 8, 4, 2);
	probe_put(&p, HASH + 32, 4, 1);
	probe_put(&p, HASH + 36, 4, 0);			/* an empty one */
	probe_put(&p, HASH + 40, 4, 3);
	probe_put(&p, HASH + 44, 4, 2);			/* a hash, no number */
	probe_find(&p, RULE_SYMBOLS);
	probe_expect(&p, HASH + 32, REF_INDEX32, SYMBOLS + 24);
	probe_expect(&p, HASH + 40, REF_INDEX32, SYMBOLS + 72);
	assert_int_equal(p.n, 2);
	p.sections[3].type = 5;				/* .hash: buckets and chains */
	probe_find(&p, RULE_SYMBOLS);
	probe_expect(&p, HASH + 8, REF_INDEX32, SYMBOLS + 48);
	probe_expect(&p, HASH + 44, REF_INDEX32, SYMBOLS + 48);
	assert_int_equal(p.n, 4);
}

static void
tables_of_jumps_lead_into_code(void **state)
{
	(void)state;
	start(64, 0);
	(void)probe_section(&p, (struct probe_section){ ".rodata", 1, 2, CONSTANTS, 0x100,
	    0, 0 });
	probe_put(&p, CONSTANTS, 4, TEXT + 0x10 - CONSTANTS);
	probe_put(&p, CONSTANTS + 4, 4, TEXT + 0x20 - CONSTANTS);
	probe_put(&p, CONSTANTS + 16, 4, TEXT + 0x20 - CONSTANTS);	/* alone */
	probe_find(&p, RULE_TABLES);
	probe_expect(&p, CONSTANTS, REF_REL32, TEXT + 0x10);
	probe_expect(&p, CONSTANTS + 4, REF_REL32, TEXT + 0x24);
	assert_int_equal(p.n, 2);
}

static void
tables_of_i386_count_from_the_offset_table(void **state)
{
	(void)state;
	start(32, 0);
	(void)probe_section(&p, (struct probe_section){ ".rodata", 1, 2, CONSTANTS, 0x100,
	    0, 0 });
	(void)probe_section(&p, (struct probe_section){ ".got.plt", 1, PROBE_DATA, GOT,
	    0x20, 0, 0 });
	probe_put(&p, CONSTANTS + 8, 4, TEXT + 0x10 - GOT);
	probe_put(&p, CONSTANTS + 12, 4, TEXT + 0x20 - GOT);
	probe_find(&p, RULE_TABLES);
	probe_expect(&p, CONSTANTS + 8, REF_BASE32, TEXT + 0x10);
	probe_expect(&p, CONSTANTS + 12, REF_BASE32, TEXT + 0x20);
	assert_int_equal(p.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_data_that_are_addresses),
		cmocka_unit_test(relocations_of_64_bits),
		cmocka_unit_test(relocations_of_32_bits_name_symbols_in_three_bytes),
		cmocka_unit_test(slots_of_a_plt_count_from_the_first),
		cmocka_unit_test(symbols_have_names_and_values),
		cmocka_unit_test(hash_tables_number_symbols),
		cmocka_unit_test(tables_of_jumps_lead_into_code),
		cmocka_unit_test(tables_of_i386_count_from_the_offset_table),
	};

	return cmocka_run_group_tests_name("rule_pointers", tests, NULL, NULL);
}
