/*
 * rule_probe.h - a small ELF file made by hand, and the references a rule finds in it.
 *
 * One segment holds all of it, at a given address; sections have the address of their
 * bytes.  What is found must not depend on how the file is cut into parts, and writing
 * a reference for its own place and target must give the very bytes that were there.
 */
#ifndef TESTS_LAB_RULE_PROBE_H
#define TESTS_LAB_RULE_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "apply/patch/rule.h"

enum { PROBE_BYTES = 0x3000, PROBE_SECTIONS = 12, PROBE_CODE = 6, PROBE_DATA = 3 };

struct probe_section {
	const char *name;
	uint32_t type, flags, at, bytes, link, info;
};

struct probe {
	uint64_t load;			/* address of the first byte */
	unsigned bits, machine, type;	/* e_type: 1 relocatable, 3 shared */
	struct probe_section sections[PROBE_SECTIONS];
	unsigned n_sections;		/* the null section counts */
	uint8_t bytes[PROBE_BYTES];
	struct ref refs[RULES_REFS];
	size_t n;
	uint64_t bases[IMAGE_BASES_MAX];
};

/* Make it anew.  Contents are at 0x100 to 0x1fff; offsets are what all else takes. */
void probe_start(struct probe *, unsigned bits, unsigned machine, uint64_t load);
/* The number of the section. */
unsigned probe_section(struct probe *, struct probe_section);
void probe_put(struct probe *, size_t at, unsigned n, uint64_t v);
void probe_hex(struct probe *, size_t at, const char *hex);
/* All references of the rule. */
void probe_find(struct probe *, enum rule_id);

/* There is one at `at`, to offset `target`. */
void probe_expect(const struct probe *, size_t at, enum ref_kind, uint64_t target);
void probe_expect_none(const struct probe *, size_t at);

#endif
