/*
 * test_rule_x86.c - operands of x86-64 and i386 instructions assembled by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/rule_probe.h"

enum { X86_64 = 62, I386 = 3, TEXT = 0x400, DATA = 0x1000 };

static struct probe p;

static void
start(unsigned bits, uint64_t load)
{
	probe_start(&p, bits, bits == 64 ? X86_64 : I386, load);
	(void)probe_section(&p, (struct probe_section){ ".text", 1, PROBE_CODE, TEXT,
	    0x400, 0, 0 });
	(void)probe_section(&p, (struct probe_section){ ".got", 1, PROBE_DATA, DATA,
	    0x800, 0, 0 });
	for (size_t i = 0; i < 0x400; i++)
		p.bytes[TEXT + i] = 0x90;
}

/* Four bytes at `at` that lead to `to` from `end`. */
static void
lead(size_t at, size_t end, size_t to)
{
	probe_put(&p, at, 4, to - end);
}

static void
calls_and_jumps_lead_into_code(void **state)
{
	(void)state;
	start(64, 0);
	probe_hex(&p, TEXT, "e8");		/* call */
	lead(TEXT + 1, TEXT + 5, TEXT + 0x100);
	probe_hex(&p, TEXT + 0x10, "0f 84");	/* je */
	lead(TEXT + 0x12, TEXT + 0x16, TEXT + 0x200);
	probe_hex(&p, TEXT + 0x20, "e9");	/* jmp, but into data */
	lead(TEXT + 0x21, TEXT + 0x25, DATA);
	probe_find(&p, RULE_X86);
	probe_expect(&p, TEXT + 1, REF_REL32, TEXT + 0x100);
	probe_expect(&p, TEXT + 0x12, REF_REL32, TEXT + 0x200);
	probe_expect_none(&p, TEXT + 0x21);
	assert_int_equal(p.n, 2);
}

/* The program counter is the end of the instruction, behind what follows. */
static void
displacements_count_from_the_end_of_the_instruction(void **state)
{
	static const struct {
		const char *code;
		unsigned at, behind;
	} cases[] = {
		{ "48 8d 05", 3, 0 },			/* lea rax */
		{ "83 3d 00 00 00 00 07", 2, 1 },	/* cmp dword, 7 */
		{ "c7 05 00 00 00 00 01 02 03 04", 2, 4 },
		{ "f6 05 00 00 00 00 01", 2, 1 },	/* test byte, 1 */
		{ "f7 1d", 2, 0 },			/* neg: none */
		{ "0f 28 05", 3, 0 },			/* movaps */
		{ "66 0f 70 05 00 00 00 00 1b", 4, 1 },	/* pshufd, 0x1b */
		{ "66 0f 38 00 05", 5, 0 },		/* pshufb */
		{ "66 0f 3a 0f 05 00 00 00 00 08", 5, 1 },	/* palignr, 8 */
		{ "c5 f9 6f 05", 4, 0 },		/* vmovdqa */
		{ "c4 e2 7d 58 05", 5, 0 },		/* vpbroadcastd */
		{ "c4 e3 7d 46 05 00 00 00 00 20", 5, 1 },	/* vperm2i128 */
		{ "62 f1 7c 48 28 05", 6, 0 },		/* vmovaps zmm */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t at = TEXT + 0x83;

		start(64, 0);
		probe_hex(&p, at, cases[i].code);
		at += cases[i].at;
		lead(at, at + 4 + cases[i].behind, DATA + 0x123);
		probe_find(&p, RULE_X86);
		probe_expect(&p, at, REF_REL32, DATA + 0x123);
		assert_int_equal(p.n, 1);
	}
}

static void
nothing_leads_out_of_the_image(void **state)
{
	(void)state;
	start(64, 0);
	probe_hex(&p, TEXT, "48 8d 05 ff ff ff 7f");
	probe_hex(&p, TEXT + 0x10, "e8 ff ff ff 7f");
	probe_find(&p, RULE_X86);
	assert_int_equal(p.n, 0);
}

static void
at_a_fixed_address_instructions_hold_addresses(void **state)
{
	static const struct {
		const char *code;
		unsigned at;
	} cases[] = {
		{ "b8", 1 },		/* mov eax, # */
		{ "68", 1 },		/* push # */
		{ "a1", 1 },		/* mov eax, [] */
		{ "3d", 1 },		/* cmp eax, # */
		{ "8b 0d", 2 },		/* mov ecx, [] */
		{ "8b 81", 2 },		/* mov eax, [ecx + #] */
		{ "ff 24 85", 3 },	/* jmp [eax * 4 + #] */
		{ "0f b6 80", 3 },	/* movzx eax, byte [eax + #] */
		{ "c7 04 24", 3 },	/* mov [esp], # */
		{ "c7 44 24 08", 4 },	/* mov [esp + 8], # */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start(32, 0x8048000);
		probe_hex(&p, TEXT + 0x40, cases[i].code);
		probe_put(&p, TEXT + 0x40 + cases[i].at, 4, 0x8048000 + DATA + 0x77);
		probe_find(&p, RULE_X86);
		probe_expect(&p, TEXT + 0x40 + cases[i].at, REF_WORD32, DATA + 0x77);
	}
}

static void
bytes_that_only_look_like_an_address_are_none(void **state)
{
	(void)state;
	start(32, 0x8048000);
	/* lea eax, [ebp + 8]; mov al, [ebp + 8]: 08 is the highest byte of a word. */
	probe_hex(&p, TEXT + 0x40, "90 8d 45 08 90 8a 45 08");
	probe_put(&p, TEXT + 0x60, 4, 0x8048000 + DATA);
	probe_find(&p, RULE_X86);
	assert_int_equal(p.n, 0);
}

static void
registers_count_from_the_offset_table(void **state)
{
	(void)state;
	start(32, 0);
	probe_hex(&p, TEXT, "81 c3");		/* add ebx, table - here */
	probe_put(&p, TEXT + 2, 4, DATA - TEXT);
	probe_hex(&p, TEXT + 0x10, "05");	/* add eax, table - a byte before */
	probe_put(&p, TEXT + 0x11, 4, DATA - (TEXT + 0x0f));
	probe_hex(&p, TEXT + 0x20, "8b 83 10 00 00 00");	/* a word of the table */
	probe_hex(&p, TEXT + 0x30, "8d 87");	/* lea eax, [edi + #], far: none so far */
	probe_put(&p, TEXT + 0x32, 4, 0x100);
	probe_find(&p, RULE_X86);
	probe_expect(&p, TEXT + 2, REF_FAR32, DATA);
	probe_expect(&p, TEXT + 0x11, REF_FAR32, DATA);
	probe_expect(&p, TEXT + 0x22, REF_BASE32, DATA + 0x10);
	probe_expect_none(&p, TEXT + 0x32);	/* so near it may be any structure */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_jumps_lead_into_code),
		cmocka_unit_test(displacements_count_from_the_end_of_the_instruction),
		cmocka_unit_test(nothing_leads_out_of_the_image),
		cmocka_unit_test(at_a_fixed_address_instructions_hold_addresses),
		cmocka_unit_test(bytes_that_only_look_like_an_address_are_none),
		cmocka_unit_test(registers_count_from_the_offset_table),
	};

	return cmocka_run_group_tests_name("rule_x86", tests, NULL, NULL);
}
