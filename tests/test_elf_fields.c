/*
 * test_elf_fields.c - executables whose headers lie: whatever a field says, on either
 * side, the new file comes back.  One value and one side for each field, by turns that
 * begin at SEED, and of programs that take longer some fields only; ELF_ALL=1 takes all
 * fields, values and sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/delta_pair.h"
#include "tests/lab/elf_fields.h"
#include "tests/lab/golden.h"
#include "tests/lab/seed.h"

enum { FIELDS_MAX = 1000, OLD = 1, NEW = 2, VALUES = 6 };

struct program {
	uint8_t *old, *new;
	size_t n_old, n_new;
	struct elf_field old_fields[FIELDS_MAX], new_fields[FIELDS_MAX];
	size_t n;		/* fields of both */
};

static struct program p;

static void
open_program(const char *name)
{
	size_t old, new;

	p.old = golden_read(name, "old/program", &p.n_old);
	p.new = golden_read(name, "new/program", &p.n_new);
	old = elf_fields(p.old, p.n_old, p.old_fields, FIELDS_MAX);
	new = elf_fields(p.new, p.n_new, p.new_fields, FIELDS_MAX);
	p.n = old < new ? old : new;
	assert_true(p.n > 60);
}

static uint64_t
value(unsigned which, uint64_t was)
{
	switch (which) {
	case 0:
		return 0;
	case 1:
		return was == 1 ? 2 : 1;
	case 2:
		return UINT64_MAX;
	case 3:
		return (uint64_t)1 << 63 | (uint64_t)1 << 31 | (uint64_t)1 << 15;
	case 4:
		return was + 0xfff;	/* into what is next to it */
	default:
		return seed_next();
	}
}

/* Field i of the sides in `sides` set, there and back, and set right again. */
static void
try_field(const struct scratch *s, size_t i, unsigned which, unsigned sides)
{
	const struct elf_field *a = &p.old_fields[i], *b = &p.new_fields[i];
	uint64_t old = elf_field_get(p.old, a), new = elf_field_get(p.new, b);
	uint64_t v = value(which, old);

	if (sides & OLD)
		elf_field_set(p.old, a, v);
	if (sides & NEW)
		elf_field_set(p.new, b, v);
	seed_note("field %zu ('%c', at %zu) is %llx, sides %u", i, a->where, a->at,
	    (unsigned long long)v, sides);
	pair_put(s, "old/f", p.old, p.n_old);
	pair_put(s, "new/f", p.new, p.n_new);
	(void)pair_round_trip(s);
	elf_field_set(p.old, a, old);
	elf_field_set(p.new, b, new);
}

static void
every_field_may_lie(const struct scratch *s, const char *name, size_t step)
{
	bool all = getenv("ELF_ALL") != NULL;
	uint64_t turn = seed_next() % (VALUES * 3);

	open_program(name);
	pair_folders(s);
	for (size_t i = all ? 0 : turn % step; i < p.n; i += all ? 1 : step)
		for (unsigned k = 0; k < VALUES * 3; k++)
			if (all || (i * 7 + turn) % (VALUES * 3) == k)
				try_field(s, i, k % VALUES, 1 + k / VALUES);
	free(p.old);
	free(p.new);
}

#define PROGRAM(fact, name, step) \
	static void \
	fact(void **state) \
	{ \
		every_field_may_lie(*state, name, step); \
	}

PROGRAM(an_x86_64_library_may_lie, "x86-64", 1)
PROGRAM(an_i386_library_may_lie, "i386", 1)
PROGRAM(an_arm64_library_may_lie, "aarch64", 1)
PROGRAM(a_thumb_library_may_lie, "thumb", 1)
PROGRAM(an_arm_library_may_lie, "arm", 4)
PROGRAM(an_x86_64_module_may_lie, "module-x86-64", 4)
PROGRAM(an_arm64_module_may_lie, "module-aarch64", 4)
PROGRAM(a_go_program_may_lie, "go", 8)
PROGRAM(a_program_at_high_addresses_may_lie, "high", 4)

/* The headers of both sides, and what stands behind the sections. */
static void
a_program_cut_anywhere_in_its_headers(void **state)
{
	const struct scratch *s = *state;
	bool all = getenv("ELF_ALL") != NULL;
	size_t tables, step = all ? 1 : 7;

	open_program("x86-64");
	tables = p.n_old - 1200;
	pair_folders(s);
	for (size_t n = seed_below(step); n < p.n_old && n < p.n_new; n += step) {
		if (n > 600 && n < tables)
			n = tables;
		seed_note("%zu bytes", n);
		pair_put(s, "old/f", p.old, n % 3 == 0 ? p.n_old : n);
		pair_put(s, "new/f", p.new, n % 3 == 1 ? p.n_new : n);
		(void)pair_round_trip(s);
	}
	free(p.old);
	free(p.new);
}

/* Sections over each other, past the end, around the end of the address space. */
static void
sections_that_overlap_and_wrap(void **state)
{
	static const char *const names[] = { "x86-64", "aarch64", "thumb", "i386" };
	const struct scratch *s = *state;
	unsigned n = getenv("ELF_ALL") != NULL ? 1000 : 40;

	pair_folders(s);
	for (unsigned round = 0; round < n; round++) {
		uint64_t sides = 1 + seed_below(3);

		open_program(names[round % 4]);
		for (uint64_t k = 1 + seed_below(12); k-- > 0;) {
			/* As elsewhere, a little more, or nearly 2^63 or 2^64. */
			size_t i = (size_t)seed_below(p.n);
			size_t from = (size_t)seed_below(p.n);
			uint64_t v = elf_field_get(p.old, &p.old_fields[from]);

			if (p.old_fields[i].where == 'e')
				continue;
			switch (seed_below(4)) {
			case 0:
				v += seed_below(0x4000);
				break;
			case 1:
				v = (uint64_t)-(int64_t)seed_below(0x20000);
				break;
			case 2:
				v = ((uint64_t)1 << 63) - seed_below(0x20000);
				break;
			default:
				break;
			}
			if (sides & OLD)
				elf_field_set(p.old, &p.old_fields[i], v);
			if (sides & NEW)
				elf_field_set(p.new, &p.new_fields[i], v);
		}
		seed_note("round %u of %s", round, names[round % 4]);
		pair_put(s, "old/f", p.old, p.n_old);
		pair_put(s, "new/f", p.new, p.n_new);
		(void)pair_round_trip(s);
		free(p.old);
		free(p.new);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(an_x86_64_library_may_lie),
		SCRATCH_TEST(an_i386_library_may_lie),
		SCRATCH_TEST(an_arm64_library_may_lie),
		SCRATCH_TEST(a_thumb_library_may_lie),
		SCRATCH_TEST(an_arm_library_may_lie),
		SCRATCH_TEST(an_x86_64_module_may_lie),
		SCRATCH_TEST(an_arm64_module_may_lie),
		SCRATCH_TEST(a_go_program_may_lie),
		SCRATCH_TEST(a_program_at_high_addresses_may_lie),
		SCRATCH_TEST(a_program_cut_anywhere_in_its_headers),
		SCRATCH_TEST(sections_that_overlap_and_wrap),
	};

	seed_start();
	return cmocka_run_group_tests_name("elf_fields", tests, NULL, NULL);
}
