/*
 * test_rule_aarch64.c - A64 instructions assembled by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/rule_probe.h"

enum { AARCH64 = 183, TEXT = 0x400, DATA = 0x1000, NOP = 0xd503201f };

static struct probe p;

static void
start(void)
{
	probe_start(&p, 64, AARCH64, 0);
	(void)probe_section(&p, (struct probe_section){ ".text", 1, PROBE_CODE, TEXT,
	    0x400, 0, 0 });
	for (size_t at = TEXT; at < TEXT + 0x400; at += 4)
		probe_put(&p, at, 4, NOP);
}

static void
branches_are_found(void **state)
{
	(void)state;
	start();
	probe_put(&p, TEXT, 4, 0x94000040);		/* bl */
	probe_put(&p, TEXT + 0x20, 4, 0x17fffff8);	/* b, back */
	probe_put(&p, TEXT + 0x30, 4, 0x54000080);	/* b.eq: near, never in need */
	probe_find(&p, RULE_AARCH64);
	probe_expect(&p, TEXT, REF_A64_BRANCH, TEXT + 0x100);
	probe_expect(&p, TEXT + 0x20, REF_A64_BRANCH, TEXT);
	assert_int_equal(p.n, 2);
}

static void
a_page_has_the_target_of_its_first_consumer(void **state)
{
	(void)state;
	start();
	probe_put(&p, TEXT, 4, 0xb0000000);		/* adrp x0, 0x1000 */
	probe_put(&p, TEXT + 8, 4, 0x91048c00);		/* add x0, x0, #0x123 */
	probe_put(&p, TEXT + 0x10, 4, 0xb0000002);	/* adrp x2, 0x1000 */
	probe_put(&p, TEXT + 0x14, 4, 0xf9401041);	/* ldr x1, [x2, #0x20] */
	probe_put(&p, TEXT + 0x18, 4, 0xb9000843);	/* str w3, [x2, #8] */
	probe_put(&p, TEXT + 0x1c, 4, 0x3dc00840);	/* ldr q0, [x2, #0x20] */
	probe_find(&p, RULE_AARCH64);
	probe_expect(&p, TEXT, REF_A64_PAGE, DATA + 0x123);
	probe_expect(&p, TEXT + 8, REF_A64_LOW, DATA + 0x123);
	probe_expect(&p, TEXT + 0x10, REF_A64_PAGE, DATA + 0x20);
	probe_expect(&p, TEXT + 0x14, REF_A64_LOW, DATA + 0x20);
	probe_expect(&p, TEXT + 0x18, REF_A64_LOW, DATA + 8);
	probe_expect(&p, TEXT + 0x1c, REF_A64_LOW, DATA + 0x20);
	assert_int_equal(p.n, 6);
}

static void
a_register_forgets_its_page(void **state)
{
	(void)state;
	start();
	probe_put(&p, TEXT, 4, 0xb0000000);		/* adrp x0 */
	probe_put(&p, TEXT + 4, 4, 0x94000040);		/* bl: x0 is another now */
	probe_put(&p, TEXT + 8, 4, 0x91048c00);		/* add x0, x0, #0x123 */
	probe_put(&p, TEXT + 0x20, 4, 0xb0000013);	/* adrp x19 */
	probe_put(&p, TEXT + 0x24, 4, 0x94000040);	/* bl: x19 is kept */
	probe_put(&p, TEXT + 0x28, 4, 0x91048e73);	/* add x19, x19, #0x123 */
	probe_put(&p, TEXT + 0x40, 4, 0xb0000001);	/* adrp x1 */
	probe_put(&p, TEXT + 0x44, 4, 0xd2800001);	/* mov x1, #0 */
	probe_put(&p, TEXT + 0x48, 4, 0xf9401041 - 0x20);	/* ldr x1, [x1, #0x20] */
	probe_find(&p, RULE_AARCH64);
	probe_expect(&p, TEXT, REF_A64_PAGE, DATA);
	probe_expect_none(&p, TEXT + 8);
	probe_expect(&p, TEXT + 0x20, REF_A64_PAGE, DATA + 0x123);
	probe_expect(&p, TEXT + 0x28, REF_A64_LOW, DATA + 0x123);
	probe_expect_none(&p, TEXT + 0x48);
}

static void
other_machines_are_left_alone(void **state)
{
	(void)state;
	start();
	p.machine = 62;
	probe_put(&p, TEXT, 4, 0x94000040);
	probe_find(&p, RULE_AARCH64);
	assert_int_equal(p.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches_are_found),
		cmocka_unit_test(a_page_has_the_target_of_its_first_consumer),
		cmocka_unit_test(a_register_forgets_its_page),
		cmocka_unit_test(other_machines_are_left_alone),
	};

	return cmocka_run_group_tests_name("rule_aarch64", tests, NULL, NULL);
}
