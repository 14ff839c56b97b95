/*
 * test_rule_module.c - relocations and symbols of relocatable objects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/rule_probe.h"

enum {
	TEXT = 0x400, CONSTANTS = 0x800, RELOCATIONS = 0x1000, SYMBOLS = 0x1200,
	NAMES = 0x1400,
	IN_TEXT = 1, IN_CONSTANTS, IN_RELOCATIONS, IN_SYMBOLS, IN_NAMES,
	SECTION = 3		/* type of a symbol */
};

static struct probe p;

/* Relocations of .text by `type` with entries of so many bytes. */
static void
start(unsigned bits, unsigned machine, unsigned type, unsigned bytes)
{
	probe_start(&p, bits, machine, 0);
	p.type = 1;
	(void)probe_section(&p, (struct probe_section){ ".text", 1, 6, TEXT, 0x100, 0,
	    0 });
	(void)probe_section(&p, (struct probe_section){ ".rodata", 1, 2, CONSTANTS, 0x100,
	    0, 0 });
	(void)probe_section(&p, (struct probe_section){ ".rel.text", type, 0, RELOCATIONS,
	    2 * bytes, IN_SYMBOLS, IN_TEXT });
	(void)probe_section(&p, (struct probe_section){ ".symtab", 2, 0, SYMBOLS,
	    3 * (bits == 64 ? 24 : 16), IN_NAMES, 0 });
	(void)probe_section(&p, (struct probe_section){ ".strtab", 3, 0, NAMES, 0x40, 0,
	    0 });
}

static void
rela_of_64_bits(void **state)
{
	(void)state;
	start(64, 183, 4, 24);
	probe_put(&p, SYMBOLS + 24 + 4, 1, SECTION);	/* symbol 1: all of .rodata */
	probe_put(&p, SYMBOLS + 24 + 6, 2, IN_CONSTANTS);
	probe_put(&p, SYMBOLS + 48, 4, 9);		/* symbol 2: a function */
	probe_put(&p, SYMBOLS + 48 + 6, 2, IN_TEXT);
	probe_put(&p, SYMBOLS + 48 + 8, 8, 0x40);
	probe_put(&p, RELOCATIONS, 8, 0x10);
	probe_put(&p, RELOCATIONS + 8, 8, (uint64_t)1 << 32 | 0x101);
	probe_put(&p, RELOCATIONS + 16, 8, 0x24);
	probe_put(&p, RELOCATIONS + 24, 8, 0x18);
	probe_put(&p, RELOCATIONS + 32, 8, (uint64_t)2 << 32 | 0x11b);
	probe_put(&p, RELOCATIONS + 40, 8, 0x24);
	probe_find(&p, RULE_MODULE);
	probe_expect(&p, RELOCATIONS, REF_BASE64, TEXT + 0x10);
	probe_expect(&p, RELOCATIONS + 12, REF_INDEX32, SYMBOLS + 24);
	probe_expect(&p, RELOCATIONS + 16, REF_BASE64, CONSTANTS + 0x24);
	probe_expect(&p, RELOCATIONS + 24, REF_BASE64, TEXT + 0x18);
	probe_expect(&p, RELOCATIONS + 36, REF_INDEX32, SYMBOLS + 48);
	/* Only a section's addend is a place in it. */
	probe_expect_none(&p, RELOCATIONS + 40);
	probe_expect(&p, SYMBOLS + 48, REF_BASE32, NAMES + 9);
	probe_expect(&p, SYMBOLS + 56, REF_BASE64, TEXT + 0x40);
}

static void
rel_of_32_bits(void **state)
{
	(void)state;
	start(32, 40, 9, 8);
	probe_put(&p, SYMBOLS + 32, 4, 9);
	probe_put(&p, SYMBOLS + 32 + 4, 4, 0x40);
	probe_put(&p, SYMBOLS + 32 + 14, 2, IN_TEXT);
	probe_put(&p, RELOCATIONS, 4, 0x10);
	probe_put(&p, RELOCATIONS + 4, 4, 2 << 8 | 28);
	probe_put(&p, RELOCATIONS + 8, 4, 0x18);
	probe_put(&p, RELOCATIONS + 12, 4, 40);		/* no symbol */
	probe_find(&p, RULE_MODULE);
	probe_expect(&p, RELOCATIONS, REF_BASE32, TEXT + 0x10);
	probe_expect(&p, RELOCATIONS + 4, REF_INDEX24, SYMBOLS + 32);
	probe_expect(&p, RELOCATIONS + 8, REF_BASE32, TEXT + 0x18);
	probe_expect_none(&p, RELOCATIONS + 12);
	probe_expect(&p, SYMBOLS + 32, REF_BASE32, NAMES + 9);
	probe_expect(&p, SYMBOLS + 36, REF_BASE32, TEXT + 0x40);
}

static void
rela_of_32_bits(void **state)
{
	(void)state;
	start(32, 243, 4, 12);
	probe_put(&p, SYMBOLS + 16 + 12, 1, SECTION);
	probe_put(&p, SYMBOLS + 16 + 14, 2, IN_CONSTANTS);
	probe_put(&p, RELOCATIONS, 4, 0x10);
	probe_put(&p, RELOCATIONS + 4, 4, 1 << 8 | 23);
	probe_put(&p, RELOCATIONS + 8, 4, 0x24);
	probe_find(&p, RULE_MODULE);
	probe_expect(&p, RELOCATIONS, REF_BASE32, TEXT + 0x10);
	probe_expect(&p, RELOCATIONS + 4, REF_INDEX24, SYMBOLS + 16);
	probe_expect(&p, RELOCATIONS + 8, REF_BASE32, CONSTANTS + 0x24);
}

static void
links_that_lead_nowhere_are_left_alone(void **state)
{
	(void)state;
	start(64, 183, 4, 24);
	p.sections[IN_RELOCATIONS].link = 99;
	p.sections[IN_SYMBOLS].link = 99;
	probe_put(&p, RELOCATIONS, 8, 0x10);
	probe_find(&p, RULE_MODULE);
	assert_int_equal(p.n, 0);
}

static void
programs_are_none(void **state)
{
	(void)state;
	start(64, 183, 4, 24);
	p.type = 3;
	probe_put(&p, RELOCATIONS, 8, 0x10);
	probe_find(&p, RULE_MODULE);
	assert_int_equal(p.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rela_of_64_bits),
		cmocka_unit_test(rel_of_32_bits),
		cmocka_unit_test(rela_of_32_bits),
		cmocka_unit_test(links_that_lead_nowhere_are_left_alone),
		cmocka_unit_test(programs_are_none),
	};

	return cmocka_run_group_tests_name("rule_module", tests, NULL, NULL);
}
