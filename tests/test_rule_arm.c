/*
 * test_rule_arm.c - A32 and T32 instructions assembled by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/rule_probe.h"

enum {
	ARM = 40, TEXT = 0x400, THUMB = 0x800, END = 0xc00, DATA = 0x1000, GOT = 0x1800,
	INDEX = 0x1c00
};

static struct probe p;

/* A32 from TEXT on, T32 from THUMB on, nothing but NOP. */
static void
start(uint64_t load)
{
	probe_start(&p, 32, ARM, load);
	(void)probe_section(&p, (struct probe_section){ ".text", 1, PROBE_CODE, TEXT,
	    END - TEXT, 0, 0 });
	(void)probe_section(&p, (struct probe_section){ ".data", 1, PROBE_DATA, DATA,
	    0x400, 0, 0 });
	(void)probe_section(&p, (struct probe_section){ ".got", 1, PROBE_DATA, GOT,
	    0x100, 0, 0 });
	for (size_t at = TEXT; at < THUMB; at += 4)
		probe_put(&p, at, 4, 0xe1a00000);
	for (size_t at = THUMB; at < END; at += 2)
		probe_put(&p, at, 2, 0xbf00);
}

static void
a32_branches_are_found(void **state)
{
	(void)state;
	start(0);
	probe_put(&p, TEXT, 4, 0xeb00003e);		/* bl, from 8 ahead */
	probe_put(&p, TEXT + 0x10, 4, 0x0a00000e);	/* beq */
	probe_put(&p, TEXT + 0x20, 4, 0xeafffff6);	/* b, back */
	probe_put(&p, TEXT + 0x30, 4, 0xfb0000f2);	/* blx, 2 bytes on */
	probe_put(&p, TEXT + 0x40, 4, 0xeb700000);	/* bl, out of the code */
	probe_find(&p, RULE_ARM);
	probe_expect(&p, TEXT, REF_A32_BRANCH, TEXT + 0x100);
	probe_expect(&p, TEXT + 0x10, REF_A32_BRANCH, TEXT + 0x50);
	probe_expect(&p, TEXT + 0x20, REF_A32_BRANCH, TEXT);
	probe_expect(&p, TEXT + 0x30, REF_A32_BLX, THUMB + 2);
	assert_int_equal(p.n, 4);
}

static void
t32_branches_are_found(void **state)
{
	(void)state;
	start(0);
	probe_put(&p, THUMB + 2, 4, 0xf880f000);	/* bl, from 4 ahead */
	probe_put(&p, THUMB + 0x10, 4, 0xb880f000);	/* b.w */
	probe_put(&p, THUMB + 0x22, 4, 0xee6ef7ff);	/* blx, back, to a word */
	probe_put(&p, THUMB + 0x40, 4, 0xfffef7ff);	/* bl, to itself */
	probe_find(&p, RULE_ARM);
	probe_expect(&p, THUMB + 2, REF_T32_BRANCH, THUMB + 0x106);
	probe_expect(&p, THUMB + 0x10, REF_T32_BRANCH, THUMB + 0x114);
	probe_expect(&p, THUMB + 0x22, REF_T32_BLX, THUMB + 0x24 - 0x324);
	probe_expect(&p, THUMB + 0x40, REF_T32_BRANCH, THUMB + 0x40);
	assert_int_equal(p.n, 4);
}

static void
a32_words_are_added_to_the_program_counter(void **state)
{
	(void)state;
	start(0);
	probe_put(&p, TEXT, 4, 0xe59f30f8);		/* ldr r3, [pc, #248] */
	probe_put(&p, TEXT + 0x20, 4, 0xe08f3003);	/* add r3, pc, r3 */
	probe_put(&p, TEXT + 0x100, 4, DATA + 0x10 - (TEXT + 0x28));
	probe_put(&p, TEXT + 0x30, 4, 0xe59f20cc);	/* ldr r2, [pc, #204] */
	probe_put(&p, TEXT + 0x34, 4, 0xe7932002);	/* ldr r2, [r3, r2] */
	probe_put(&p, TEXT + 0x104, 4, 0x24);		/* of the offset table */
	probe_put(&p, TEXT + 0x40, 4, 0xe59f10c0);	/* ldr r1, [pc, #192] */
	probe_put(&p, TEXT + 0x44, 4, 0xe3a01000);	/* mov r1, #0 */
	probe_put(&p, TEXT + 0x48, 4, 0xe08f1001);	/* add r1, pc, r1: not it */
	probe_put(&p, TEXT + 0x108, 4, 0x24);
	probe_find(&p, RULE_ARM);
	probe_expect(&p, TEXT + 0x100, REF_FAR32, DATA + 0x10);
	probe_expect(&p, TEXT + 0x104, REF_BASE32, GOT + 0x24);
	assert_int_equal(p.n, 2);
}

static void
t32_words_are_added_to_the_program_counter(void **state)
{
	(void)state;
	start(0);
	probe_hex(&p, THUMB + 2, "0f 4a");		/* ldr r2, [pc, #60] */
	probe_hex(&p, THUMB + 8, "7a 44");		/* add r2, pc */
	probe_put(&p, THUMB + 0x40, 4, DATA + 4 - (THUMB + 8 + 4));
	probe_put(&p, THUMB + 0x10, 4, 0x9030f8df);	/* ldr.w r9, [pc, #48] */
	probe_hex(&p, THUMB + 0x14, "f9 44");		/* add r9, pc */
	probe_put(&p, THUMB + 0x44, 4, DATA + 8 - (THUMB + 0x14 + 4));
	probe_hex(&p, THUMB + 0x20, "09 4a 9a 58");	/* ldr r2, [pc]; ldr r2, [r3, r2] */
	probe_put(&p, THUMB + 0x48, 4, 0x30);
	/* A branch that would be made of a word's second half is none. */
	probe_put(&p, THUMB + 0x4c, 2, 0xf880);
	probe_find(&p, RULE_ARM);
	probe_expect(&p, THUMB + 0x40, REF_FAR32, DATA + 4);
	probe_expect(&p, THUMB + 0x44, REF_FAR32, DATA + 8);
	probe_expect(&p, THUMB + 0x48, REF_BASE32, GOT + 0x30);
	assert_int_equal(p.n, 3);
}

static void
calls_leave_by_three_instructions(void **state)
{
	size_t distance = GOT + 0x14 - (TEXT + 0x40 + 8);

	(void)state;
	start(0);
	probe_put(&p, TEXT + 0x40, 4, 0xe28fc600);
	probe_put(&p, TEXT + 0x44, 4, 0xe28cca00 | distance >> 12);
	probe_put(&p, TEXT + 0x48, 4, 0xe5bcf000 | (distance & 0xfff));
	probe_find(&p, RULE_ARM);
	for (size_t i = 0; i < 3; i++)
		probe_expect(&p, TEXT + 0x40 + 4 * i, REF_A32_PART, GOT + 0x14);
	assert_int_equal(p.n, 3);
}

static void
at_a_fixed_address_code_holds_addresses(void **state)
{
	(void)state;
	start(0x10000);
	probe_put(&p, TEXT, 4, 0xe59f0038);		/* ldr r0, [pc, #56] */
	probe_put(&p, TEXT + 0x40, 4, 0x10000 + DATA + 0x20);
	probe_put(&p, TEXT + 0x10, 4, 0xe3010345);	/* movw r0, #0x1345 */
	probe_put(&p, TEXT + 0x18, 4, 0xe3400001);	/* movt r0, #1 */
	probe_put(&p, THUMB + 0x10, 4, 0x3045f241);	/* movw r0, #0x1345 */
	probe_put(&p, THUMB + 0x16, 4, 0x0001f2c0);	/* movt r0, #1 */
	probe_find(&p, RULE_ARM);
	probe_expect(&p, TEXT + 0x40, REF_WORD32, DATA + 0x20);
	probe_expect(&p, TEXT + 0x10, REF_A32_MOV, DATA + 0x345);
	probe_expect(&p, TEXT + 0x18, REF_A32_MOV, DATA + 0x345);
	probe_expect(&p, THUMB + 0x10, REF_T32_MOV, DATA + 0x345);
	probe_expect(&p, THUMB + 0x16, REF_T32_MOV, DATA + 0x345);
	assert_int_equal(p.n, 5);
}

static void
the_index_of_unwinding_counts_from_its_words(void **state)
{
	(void)state;
	start(0);
	(void)probe_section(&p, (struct probe_section){ ".ARM.exidx", 0x70000001, 2,
	    INDEX, 16, 0, 0 });
	probe_put(&p, INDEX, 4, (TEXT - INDEX) & 0x7fffffff);
	probe_put(&p, INDEX + 4, 4, 1);			/* cannot unwind */
	probe_put(&p, INDEX + 8, 4, (TEXT + 0x20 - (INDEX + 8)) & 0x7fffffff);
	probe_put(&p, INDEX + 12, 4, 0x80b0b0b0);	/* how, itself */
	probe_find(&p, RULE_ARM);
	probe_expect(&p, INDEX, REF_REL31, TEXT);
	probe_expect(&p, INDEX + 8, REF_REL31, TEXT + 0x20);
	assert_int_equal(p.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a32_branches_are_found),
		cmocka_unit_test(t32_branches_are_found),
		cmocka_unit_test(a32_words_are_added_to_the_program_counter),
		cmocka_unit_test(t32_words_are_added_to_the_program_counter),
		cmocka_unit_test(calls_leave_by_three_instructions),
		cmocka_unit_test(at_a_fixed_address_code_holds_addresses),
		cmocka_unit_test(the_index_of_unwinding_counts_from_its_words),
	};

	return cmocka_run_group_tests_name("rule_arm", tests, NULL, NULL);
}
