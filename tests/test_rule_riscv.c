/*
 * test_rule_riscv.c - RISC-V instructions assembled by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/rule_probe.h"

enum { RISCV = 243, TEXT = 0x402, DATA = 0x1000 };

static struct probe p;

/* Compressed NOPs; the code begins at no multiple of four. */
static void
start(void)
{
	probe_start(&p, 64, RISCV, 0);
	(void)probe_section(&p, (struct probe_section){ ".text", 1, PROBE_CODE, TEXT,
	    0x400, 0, 0 });
	for (size_t at = TEXT; at < TEXT + 0x400; at += 2)
		probe_put(&p, at, 2, 0x0001);
}

static void
jumps_are_found(void **state)
{
	(void)state;
	start();
	probe_put(&p, TEXT, 4, 0x100000ef);		/* jal ra */
	probe_put(&p, TEXT + 0x20, 4, 0xfe1ff06f);	/* j, back */
	probe_find(&p, RULE_RISCV);
	probe_expect(&p, TEXT, REF_RV_JAL, TEXT + 0x100);
	probe_expect(&p, TEXT + 0x20, REF_RV_JAL, TEXT);
	assert_int_equal(p.n, 2);
}

static void
auipc_and_its_consumers_are_found(void **state)
{
	(void)state;
	start();
	probe_put(&p, TEXT, 4, 0x00001517);		/* auipc a0, 1 */
	probe_put(&p, TEXT + 6, 4, 0x12350513);		/* addi a0, a0, 0x123 */
	probe_put(&p, TEXT + 0x20, 4, 0x00001797);	/* auipc a5, 1 */
	probe_put(&p, TEXT + 0x24, 4, 0xff87b703);	/* ld a4, -8(a5) */
	probe_put(&p, TEXT + 0x28, 4, 0x02e7b423);	/* sd a4, 40(a5) */
	probe_put(&p, TEXT + 0x40, 4, 0x00000097);	/* auipc ra, 0 */
	probe_put(&p, TEXT + 0x44, 4, 0x0c0080e7);	/* jalr 192(ra) */
	probe_find(&p, RULE_RISCV);
	probe_expect(&p, TEXT, REF_RV_HIGH, TEXT + 0x1123);
	probe_expect(&p, TEXT + 6, REF_RV_LOW_I, TEXT + 0x1123);
	probe_expect(&p, TEXT + 0x20, REF_RV_HIGH, TEXT + 0x20 + 0xff8);
	probe_expect(&p, TEXT + 0x24, REF_RV_LOW_I, TEXT + 0x20 + 0xff8);
	probe_expect(&p, TEXT + 0x28, REF_RV_LOW_S, TEXT + 0x20 + 0x1028);
	probe_expect(&p, TEXT + 0x40, REF_RV_HIGH, TEXT + 0x100);
	probe_expect(&p, TEXT + 0x44, REF_RV_LOW_I, TEXT + 0x100);
	assert_int_equal(p.n, 7);
}

static void
a_register_forgets_its_auipc(void **state)
{
	(void)state;
	start();
	probe_put(&p, TEXT, 4, 0x00001517);		/* auipc a0, 1 */
	probe_put(&p, TEXT + 4, 4, 0x00000513);		/* li a0, 0 */
	probe_put(&p, TEXT + 8, 4, 0x12350513);		/* addi a0, a0, 0x123 */
	probe_find(&p, RULE_RISCV);
	assert_int_equal(p.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jumps_are_found),
		cmocka_unit_test(auipc_and_its_consumers_are_found),
		cmocka_unit_test(a_register_forgets_its_auipc),
	};

	return cmocka_run_group_tests_name("rule_riscv", tests, NULL, NULL);
}
