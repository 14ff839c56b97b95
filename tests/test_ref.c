/*
 * test_ref.c - operands as assemblers write them: words of GNU as for Arm, of the
 * manual's formats for RISC-V, and sums for tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/ref.h"
#include "manifest/base/bytes.h"

/* The operand's bits are garbage before, what is around them stays. */
static void
expect(const struct ref *r, uint64_t target, uint64_t place, uint64_t base, uint64_t want)
{
	uint64_t mask = ref_mask((enum ref_kind)r->kind);
	size_t n = ref_bytes((enum ref_kind)r->kind);
	uint8_t word[12], blurred[12];

	memset(word, 0xa5, sizeof word);
	le64_store(word, (want & ~mask) | (0xdeadbeefcafef00d & mask));
	if (n == 4)
		memset(word + 4, 0xa5, 4);
	memcpy(blurred, word, sizeof word);
	ref_store(word, r, target, place, base);
	if ((n == 8 ? le64_load(word) : le32_load(word)) != want)
		fail_msg("kind %u: %llx to %llx is %llx, not %llx", r->kind,
		    (unsigned long long)place, (unsigned long long)target,
		    (unsigned long long)le64_load(word), (unsigned long long)want);
	for (size_t i = n; i < sizeof word; i++)
		assert_int_equal(word[i], 0xa5);
	ref_blur(blurred, r, 0x0123456789abcdef);
	for (size_t i = 0; i < sizeof word; i++)
		assert_int_equal((blurred[i] ^ word[i]) &
		    ~(i < n ? mask >> 8 * i : 0) & 0xff, 0);
}

static void
arm64_as_the_assembler_writes_it(void **state)
{
	static const struct {
		uint8_t kind, aux;
		uint64_t place, target;
		uint32_t word;
	} all[] = {
		{ REF_A64_BRANCH, 0, 0, 0x1000, 0x14000400 },
		{ REF_A64_BRANCH, 0, 4, 4 - 0x1000, 0x97fffc00 },
		{ REF_A64_BRANCH, 0, 8, 8 + 0x7fffffc, 0x95ffffff },
		{ REF_A64_BRANCH, 0, 12, (uint64_t)12 - 0x8000000, 0x96000000 },
		{ REF_A64_PAGE, 0, 0x400000, 0x811340, 0xb0002080 },
		{ REF_A64_LOW, 0, 0x400004, 0x811340, 0x910d0001 },
		{ REF_A64_LOW, 3, 0x400008, 0x811340, 0xf941a002 },
		{ REF_A64_LOW, 0, 0x40000c, 0x811340, 0x394d0003 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct ref r = { .kind = all[i].kind, .aux = all[i].aux };

		expect(&r, all[i].target, all[i].place, 0, all[i].word);
		/* Where all lies does not matter, but for the page. */
		expect(&r, all[i].target + 0xffff000000, all[i].place + 0xffff000000, 0,
		    all[i].word);
	}
}

static void
arm_as_the_assembler_writes_it(void **state)
{
	static const struct {
		uint8_t kind, aux;
		uint64_t place, target;
		uint32_t word;
	} all[] = {
		{ REF_A32_BRANCH, 0, 0, 0x1000, 0xeb0003fe },
		{ REF_A32_BRANCH, 0, 4, 4 - 0x1000, 0xeafffbfe },
		{ REF_A32_BLX, 0, 0x10000, 0x1000e, 0xfb000001 },
		{ REF_A32_MOV, 0, 8, 0x1234abcd, 0xe30a1bcd },
		{ REF_A32_MOV, 1, 12, 0x1234abcd, 0xe3411234 },
		/* Halves: the first one low. */
		{ REF_T32_BRANCH, 0, 0x10, 0x1010, 0xfffef000 },
		{ REF_T32_BRANCH, 0, 0x14, (uint64_t)0x14 - 0x100000, 0xbffef6ff },
		{ REF_T32_BRANCH, 0, 0x18, 0x18 + 0xfffffe, 0xd7fdf3ff },
		{ REF_T32_BRANCH, 0, 0x1c, (uint64_t)0x1c - 0xfffffc, 0xd000f400 },
		{ REF_T32_BLX, 0, 0x10010, 0x10000, 0xeff6f7ff },
		{ REF_T32_BLX, 0, 0x10018, 0x10000, 0xeff2f7ff },
		{ REF_T32_MOV, 0, 0x20, 0x1234abcd, 0x39cdf64a },
		{ REF_T32_MOV, 1, 0x24, 0x1234abcd, 0x2934f2c1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct ref r = { .kind = all[i].kind, .aux = all[i].aux };

		expect(&r, all[i].target, all[i].place, 0, all[i].word);
	}
}

static void
riscv_as_the_manual_has_it(void **state)
{
	static const struct ref jal = { .kind = REF_RV_JAL };
	static const struct ref high = { .kind = REF_RV_HIGH };
	static const struct ref low = { .kind = REF_RV_LOW_I, .aux = 4 };
	static const struct ref store = { .kind = REF_RV_LOW_S, .aux = 4 };

	(void)state;
	expect(&jal, 0x2000, 0x1000, 0, 0x000010ef);	/* jal ra, .+4096 */
	expect(&jal, 0xffe, 0x1000, 0, 0xfffff0ef);	/* jal ra, .-2 */
	expect(&high, 0x2010, 0x1000, 0, 0x00001097);	/* auipc ra, 1 */
	expect(&low, 0x2010, 0x1004, 0, 0x010080e7);	/* jalr ra, 16(ra) */
	expect(&store, 0x2010, 0x1004, 0, 0x00a5a823);	/* sw a0, 16(a1) */
	/* The low part is signed: the upper one is rounded up for it. */
	expect(&high, 0x1ff0, 0x1000, 0, 0x00001097);
	expect(&low, 0x1ff0, 0x1004, 0, 0xff0080e7);	/* jalr ra, -16(ra) */
}

static void
words_of_tables_are_sums(void **state)
{
	static const struct {
		struct ref r;
		uint64_t target, place, base, word;
	} all[] = {
		{ { .kind = REF_WORD32 }, 0x123456789, 0, 0, 0x23456789 },
		{ { .kind = REF_WORD64 }, 0xffffffff81000000, 0, 0, 0xffffffff81000000 },
		{ { .kind = REF_REL32, .aux = 5 }, 0x1000, 0x2000, 0, 0xffffeffb },
		{ { .kind = REF_BACK32 }, 0x1000, 0x2000, 0, 0x1000 },
		{ { .kind = REF_BASE32 }, 0x1010, 0, 0x2000, 0xfffff010 },
		{ { .kind = REF_BASE32, .aux = 2 }, 0x2010, 0, 0x2000, 4 },
		{ { .kind = REF_BASE64 }, 0x1010, 0, 0x2000, 0xfffffffffffff010 },
		{ { .kind = REF_INDEX32, .aux = 24 }, 0x2000 + 24 * 7, 0, 0x2000, 7 },
		{ { .kind = REF_INDEX32, .aux = 0 }, 0x2007, 0, 0x2000, 7 },
		{ { .kind = REF_REL31 }, 0x1000, 0x2000, 0, 0x7ffff000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		expect(&all[i].r, all[i].target, all[i].place, all[i].base, all[i].word);
}

static void
every_kind_takes_any_numbers(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 0x7fffffff, 0x80000000, UINT32_MAX,
		(uint64_t)1 << 63, UINT64_MAX };
	enum { N = sizeof numbers / sizeof *numbers };
	uint8_t word[8] = { 0 };

	(void)state;
	for (unsigned kind = 0; kind < REF_KINDS; kind++) {
		assert_true(ref_bytes((enum ref_kind)kind) == 4 ||
		    ref_bytes((enum ref_kind)kind) == 8);
		assert_true(ref_mask((enum ref_kind)kind) != 0);
		for (size_t i = 0; i < N * N * N; i++)
			for (unsigned aux = 0; aux < 256; aux += 51) {
				struct ref r = { .kind = (uint8_t)kind,
					.aux = (uint8_t)aux };

				ref_store(word, &r, numbers[i % N], numbers[i / N % N],
				    numbers[i / N / N]);
			}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_as_the_assembler_writes_it),
		cmocka_unit_test(arm_as_the_assembler_writes_it),
		cmocka_unit_test(riscv_as_the_manual_has_it),
		cmocka_unit_test(words_of_tables_are_sums),
		cmocka_unit_test(every_kind_takes_any_numbers),
	};

	return cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
