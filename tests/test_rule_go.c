/*
 * test_rule_go.c - references in a small program laid out as Go's linker does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "apply/patch/rule.h"
#include "manifest/base/bytes.h"

enum {
	LOAD = 0x400000,
	/* Offsets in the file. */
	TEXT = 0x100, TEXT_END = 0x200,
	TYPES = 0x200, POINTER_TYPE = 0x240, INTERFACE_TYPE = 0x2c0, MAP_TYPE = 0x340,
	PLAIN = 0x480, FUNCDATA = 0x500, BUCKETS = 0x5c0, TYPES_END = 0x600,
	LINKS = 0x600, LINKS_END = 0x610,
	TABLE = 0x640, NAMES = 0x690, FILES_OF = 0x6a8, FILES = 0x6b0, PCTAB = 0x6b8,
	FUNCTIONS = 0x6d8, RECORD = 0x700, TABLE_END = 0x7c0,
	DATA = 0x7c0, MODULE = DATA + 16, DATA_END = 0x960,
	STRINGS = 0x960, HEADERS = 0x9c0, SECTIONS = 7, SIZE = HEADERS + SECTIONS * 64,
	GO_RULES = 1 << RULE_GO_FUNCTIONS | 1 << RULE_GO_TYPES
};

struct program {
	uint8_t bytes[SIZE];
	size_t size;
	unsigned word, since, map_bytes;
};

static void
put(struct program *p, size_t at, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++)
		p->bytes[at + i] = (uint8_t)(v >> (8 * i));
}

static void
put_words(struct program *p, size_t at, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(p, at + i * p->word, p->word, words[i]);
}

static void
put32s(struct program *p, size_t at, const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(p, at + i * 4, 4, words[i]);
}

/* name, type, flags, address, offset, size of all sections. */
static void
put_sections(struct program *p)
{
	static const char names[] = "\0.text\0.rodata\0.typelink\0.gopclntab\0"
				    ".noptrdata\0.shstrtab";
	const uint32_t sections[SECTIONS][5] = {
		{ 0 },
		{ 1, 1, 6, TEXT, TEXT_END },
		{ 7, 1, 2, TYPES, TYPES_END },
		{ 15, 1, 2, LINKS, LINKS_END },
		{ 25, 1, 2, TABLE, TABLE_END },
		{ 36, 1, 3, DATA, DATA_END },
		{ 47, 3, 0, STRINGS, STRINGS + sizeof names },
	};

	memcpy(p->bytes + STRINGS, names, sizeof names);
	for (size_t i = 1; i < SECTIONS; i++) {
		const uint32_t *x = sections[i];
		size_t at = HEADERS + i * (p->word == 8 ? 64 : 40);

		put(p, at, 4, x[0]);
		put(p, at + 4, 4, x[1]);
		put_words(p, at + 8, (uint64_t[]){ x[2], LOAD + x[3], x[3],
		    x[4] - x[3] }, 4);
	}
}

static void
put_elf(struct program *p)
{
	bool wide = p->word == 8;
	size_t segment = wide ? 64 : 52;

	memcpy(p->bytes, "\177ELF", 4);
	p->bytes[4] = wide ? 2 : 1;
	p->bytes[5] = p->bytes[6] = 1;
	put(p, 16, 2, 2);
	put(p, 18, 2, wide ? 62 : 3);
	put(p, 20, 4, 1);
	put_words(p, 24, (uint64_t[]){ LOAD + TEXT, segment, HEADERS }, 3);
	put(p, wide ? 52 : 40, 2, segment);
	put(p, wide ? 54 : 42, 2, wide ? 56 : 32);
	put(p, wide ? 56 : 44, 2, 1);
	put(p, wide ? 58 : 46, 2, wide ? 64 : 40);
	put(p, wide ? 60 : 48, 2, SECTIONS);
	put(p, wide ? 62 : 50, 2, SECTIONS - 1);
	put(p, segment, 4, 1);
	if (wide) {
		put(p, segment + 4, 4, 5);
		put_words(p, segment + 8, (uint64_t[]){ 0, LOAD, LOAD, SIZE, SIZE,
		    4096 }, 6);
	} else {
		put_words(p, segment + 4, (uint64_t[]){ 0, LOAD, LOAD, SIZE, SIZE, 5,
		    4096 }, 7);
	}
	put_sections(p);
}

/* A function with three words of pcdata and eight of funcdata. */
static void
put_record(struct program *p, size_t at)
{
	size_t end;

	put32s(p, at, (uint32_t[]){ 0x40, 9, 8, 0, 3, 5, 7, 3, 1, 12 }, 10);
	end = at + (p->since >= 20 ? 44 : 40);
	put(p, end - 4, 4, (uint64_t)8 << 24);
	put32s(p, end, (uint32_t[]){ 0, UINT32_MAX, 8 }, 3);
	put32s(p, end + 12, (uint32_t[]){ UINT32_MAX, UINT32_MAX, 0x10, 0x40, UINT32_MAX,
	    UINT32_MAX, UINT32_MAX, 0x80 }, 8);
}

static void
put_table(struct program *p)
{
	put(p, TABLE, 4, p->since >= 20 ? 0xfffffff1 : 0xfffffff0);
	p->bytes[TABLE + 6] = 1;
	p->bytes[TABLE + 7] = (uint8_t)p->word;
	put_words(p, TABLE + 8, (uint64_t[]){ 1, 1, LOAD + TEXT, NAMES - TABLE,
	    FILES_OF - TABLE, FILES - TABLE, PCTAB - TABLE, FUNCTIONS - TABLE }, 8);
	memcpy(p->bytes + NAMES, "\0a\0b", 4);
	put32s(p, FILES_OF, (uint32_t[]){ 3, UINT32_MAX }, 2);
	/* two inlined calls: 0 after 4 bytes, 1 for 4, the end */
	memcpy(p->bytes + PCTAB + 8, "\2\4\2\4\0", 5);
	put32s(p, FUNCTIONS, (uint32_t[]){ 0x40, RECORD - FUNCTIONS, 0xc0 }, 3);
	put_record(p, RECORD);
	/* stack objects: one; inlined calls: two, and what looks like a third */
	put(p, FUNCDATA + 0x10, p->word, 1);
	put(p, FUNCDATA + 0x10 + p->word + 12, 4, 0x50);
	for (size_t i = 0; i < 3; i++)
		put(p, FUNCDATA + 0x40 + i * (p->since >= 20 ? 16 : 20) +
		    (p->since >= 20 ? 4 : 12), 4, 1 + i);
	put(p, FUNCDATA + 0x80, 4, 0x60);
	put(p, BUCKETS, 4, 1);
}

/* What all types have: 4 words and 16 bytes. */
static void
put_type(struct program *p, size_t at, unsigned kind, unsigned flags, uint32_t name)
{
	put_words(p, at, (uint64_t[]){ 64, 8 }, 2);
	put(p, at + 2 * p->word, 4, 0x12345678);
	put(p, at + 2 * p->word + 4, 4, flags | 8 << 8 | 8 << 16 | kind << 24);
	put_words(p, at + 2 * p->word + 8, (uint64_t[]){ LOAD + PLAIN, 0 }, 2);
	put32s(p, at + 4 * p->word + 8, (uint32_t[]){ name, 0 }, 2);
}

static void
put_types(struct program *p)
{
	size_t common = 4 * p->word + 16, at;

	put_type(p, POINTER_TYPE, 22, 1, 0x11);
	at = POINTER_TYPE + common + p->word;
	put32s(p, at, (uint32_t[]){ 0x12, 1 | 1 << 16, 16, 0 }, 4);
	put32s(p, at + 16, (uint32_t[]){ 0x13, MAP_TYPE - TYPES, 0x70, UINT32_MAX }, 4);
	put_type(p, INTERFACE_TYPE, 20, 0, 0x14);
	at = INTERFACE_TYPE + common;
	put_words(p, at, (uint64_t[]){ LOAD + PLAIN, LOAD + at + 4 * p->word, 1, 1 }, 4);
	put32s(p, at + 4 * p->word, (uint32_t[]){ 0x15, POINTER_TYPE - TYPES }, 2);
	put_type(p, MAP_TYPE, 21, 1, 0x16);
	put32s(p, MAP_TYPE + p->map_bytes, (uint32_t[]){ 0x17, 0, 16, 0 }, 4);
	put(p, PLAIN, p->word, LOAD + TEXT + 4);
	put(p, LINKS, 4, POINTER_TYPE - TYPES);
}

static void
put_module(struct program *p)
{
	unsigned types = p->since >= 20 ? 37 : 35;
	/* Go 1.26 has the end of the table before two slices, text sections and links. */
	unsigned links = types + (p->since >= 18 ? 7 : 5) + (p->map_bytes == 112);
	uint64_t w[48] = { [0] = LOAD + TABLE, [1] = LOAD + NAMES, [19] = LOAD + BUCKETS,
		[22] = LOAD + TEXT, [23] = LOAD + TEXT_END };

	w[types] = w[types + 2] = LOAD + TYPES;
	w[types + 1] = LOAD + TYPES_END;
	w[types + 3] = LOAD + FUNCDATA;
	w[links - 2] = w[links - 1] = 1;
	w[links] = LOAD + LINKS;
	w[links + 1] = w[links + 2] = (LINKS_END - LINKS) / 4;
	put_words(p, MODULE, w, 48);
}

static struct program
program(unsigned word, unsigned since, unsigned map_bytes)
{
	struct program p = { .size = SIZE, .word = word, .since = since,
		.map_bytes = map_bytes };

	put_elf(&p);
	put_table(&p);
	put_types(&p);
	put_module(&p);
	return p;
}

static int
read_program(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct program *p = arg;

	(void)e;
	memcpy(out, p->bytes + at, n);
	return 0;
}

/* All references, asked for in parts of at most `part` bytes (0: random ones), into
 * list[RULES_REFS]; how many. */
static size_t
references(struct program *p, size_t part, struct ref *list)
{
	const struct old old = { .arg = p, .read = read_program, .bytes = p->size };
	struct arena arena = { .limit = 1 << 20 };
	struct refs refs = { .list = list, .cap = RULES_REFS };
	struct spans spans;
	struct image im;
	struct err e = ERR_INIT;

	if (image_open(&im, &old, &arena, &e) != 1)
		return 0;
	if (rules_open(&im, GO_RULES, &spans, &e) == 0) {
		for (uint64_t at = 0; at < p->size;) {
			size_t n = part != 0 ? part : (size_t)(1 + rand() % 97);
			uint64_t to = p->size - at < n ? p->size : at + n;

			assert_int_equal(rules_find(&im, &spans, at, to, &refs, &e), 0);
			at = to;
		}
		spans_free(&spans);
	}
	image_close(&im);
	assert_int_equal(arena.used, 0);
	return refs.n;
}

static struct ref list[RULES_REFS], other[RULES_REFS];
static size_t n_list;

static const struct ref *
reference(size_t at)
{
	for (size_t i = 0; i < n_list; i++)
		if (list[i].at == at)
			return &list[i];
	return NULL;
}

static void
expect(size_t at, enum ref_kind kind, uint64_t target)
{
	const struct ref *r = reference(at);

	if (r == NULL)
		fail_msg("no reference at 0x%zx", at);
	assert_int_equal(r->kind, kind);
	assert_int_equal(r->target, LOAD + target);
}

static void
expect_none(size_t at)
{
	if (reference(at) != NULL)
		fail_msg("a reference at 0x%zx", at);
}

static void
expect_functions(const struct program *p)
{
	size_t end = RECORD + (p->since >= 20 ? 44 : 40);
	size_t stride = p->since >= 20 ? 16 : 20, name = p->since >= 20 ? 4 : 12;

	expect(FILES_OF, REF_BASE32, FILES + 3);
	expect_none(FILES_OF + 4);
	expect(FUNCTIONS, REF_BASE32, TEXT + 0x40);
	expect(FUNCTIONS + 4, REF_BASE32, RECORD);
	expect(FUNCTIONS + 8, REF_BASE32, TEXT + 0xc0);
	expect(RECORD, REF_BASE32, TEXT + 0x40);
	expect(RECORD + 4, REF_BASE32, NAMES + 9);
	expect_none(RECORD + 8);
	expect(RECORD + 24, REF_BASE32, PCTAB + 7);
	expect(RECORD + 32, REF_INDEX32, FILES_OF + 4);
	expect_none(end);
	expect(end + 8, REF_BASE32, PCTAB + 8);
	expect(end + 12 + 2 * 4, REF_BASE32, FUNCDATA + 0x10);
	expect(FUNCDATA + 0x10 + p->word + 12, REF_BASE32, TYPES + 0x50);
	expect(FUNCDATA + 0x40 + name, REF_BASE32, NAMES + 1);
	expect(FUNCDATA + 0x40 + name + stride, REF_BASE32, NAMES + 2);
	expect_none(FUNCDATA + 0x40 + name + 2 * stride);
	expect(FUNCDATA + 0x80, REF_BASE32, TEXT + 0x60);
	expect(BUCKETS, REF_INDEX32, FUNCTIONS + 8);
}

static void
expect_types(const struct program *p)
{
	enum ref_kind pointer = p->word == 8 ? REF_WORD64 : REF_WORD32;
	size_t common = 4 * p->word + 16, at = POINTER_TYPE + common + p->word;

	expect(POINTER_TYPE + 2 * p->word + 8, pointer, PLAIN);
	expect(POINTER_TYPE + common - 8, REF_BASE32, TYPES + 0x11);
	expect_none(POINTER_TYPE + common - 4);
	expect(at, REF_BASE32, TYPES + 0x12);
	expect(at + 16, REF_BASE32, TYPES + 0x13);
	expect(at + 20, REF_BASE32, MAP_TYPE);
	expect(at + 24, REF_BASE32, TEXT + 0x70);
	expect_none(at + 28);
	at = INTERFACE_TYPE + common;
	expect(at, pointer, PLAIN);
	expect(at + 4 * p->word, REF_BASE32, TYPES + 0x15);
	expect(at + 4 * p->word + 4, REF_BASE32, POINTER_TYPE);
	expect(MAP_TYPE + common - 8, REF_BASE32, TYPES + 0x16);
	expect(MAP_TYPE + p->map_bytes, REF_BASE32, TYPES + 0x17);
	expect(PLAIN, pointer, TEXT + 4);
	expect(LINKS, REF_BASE32, POINTER_TYPE);
}

static void
expect_all(struct program p)
{
	n_list = references(&p, SIZE, list);
	expect_functions(&p);
	expect_types(&p);
}

static void
go_1_18_to_1_26_of_both_widths_are_read(void **state)
{
	(void)state;
	expect_all(program(8, 20, 112));	/* swiss maps */
	expect_all(program(8, 20, 88));
	expect_all(program(8, 18, 88));
	expect_all(program(4, 20, 64));
	expect_all(program(4, 20, 56));
	expect_all(program(4, 18, 56));
}

static void
since_go_1_26_the_table_says_nothing_of_the_text(void **state)
{
	struct program p = program(8, 20, 112);

	(void)state;
	put(&p, TABLE + 24, 8, 0);
	put(&p, TEXT_END - 8, 8, 0);
	n_list = references(&p, SIZE, list);
	expect(FUNCTIONS, REF_BASE32, TEXT + 0x40);
}

static void
without_module_data_functions_are_still_found(void **state)
{
	struct program p = program(8, 20, 112);

	(void)state;
	memset(p.bytes + MODULE, 0, 8);
	n_list = references(&p, SIZE, list);
	expect(FUNCTIONS, REF_BASE32, TEXT + 0x40);
	expect(RECORD + 4, REF_BASE32, NAMES + 9);
	expect_none(LINKS);
	expect_none(PLAIN);
}

static void
the_same_is_found_in_parts(void **state)
{
	struct program p = program(8, 20, 112);

	(void)state;
	n_list = references(&p, SIZE, list);
	assert_true(n_list > 30);
	for (size_t part = 0; part < 40; part++) {
		memset(other, 0, sizeof other);
		assert_int_equal(references(&p, part, other), n_list);
		for (size_t i = 0; i < n_list; i++) {
			assert_int_equal(other[i].at, list[i].at);
			assert_int_equal(other[i].kind, list[i].kind);
			assert_int_equal(other[i].base, list[i].base);
			assert_int_equal(other[i].target, list[i].target);
		}
	}
}

static void
any_byte_may_be_wrong(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };

	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct program p = word == 8 ? program(8, 20, 112) : program(4, 18, 56);

		for (size_t at = 0; at < SIZE; at++) {
			uint8_t was = p.bytes[at];

			for (size_t i = 0; i < sizeof values; i++) {
				p.bytes[at] = values[i];
				(void)references(&p, SIZE, list);
			}
			p.bytes[at] = was;
		}
	}
}

static void
many_bytes_may_be_wrong(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		struct program p = program(round % 2 != 0 ? 8 : 4, 20, 64);

		for (int i = rand() % 16; i >= 0; i--) {
			size_t at = TYPES + (size_t)rand() % (STRINGS - TYPES);

			put(&p, at & ~(size_t)3, (unsigned)rand() % 5,
			    (uint64_t)rand() >> rand() % 31);
		}
		(void)references(&p, SIZE, list);
	}
}

static void
a_file_may_end_anywhere(void **state)
{
	struct program p = program(8, 20, 112);

	(void)state;
	for (p.size = SIZE; p.size > 0; p.size--)
		(void)references(&p, SIZE, list);
}

/* 2^30 links in memory of 4 GiB: only those that the file has are gone through.  In
 * seconds of this thread: without a bound it takes several. */
static void
what_memory_could_hold_is_not_gone_through(void **state)
{
	struct program p = program(8, 20, 112);
	struct timespec from, to;

	(void)state;
	put(&p, 64 + 40, 8, 0xfffff000);
	put(&p, MODULE + 46 * 8, 8, 0x3ffffc00);
	put(&p, MODULE + 47 * 8, 8, 0x3ffffc00);
	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from), 0);
	n_list = references(&p, SIZE, list);
	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to), 0);
	expect(LINKS, REF_BASE32, POINTER_TYPE);
	assert_true(to.tv_sec - from.tv_sec < 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(go_1_18_to_1_26_of_both_widths_are_read),
		cmocka_unit_test(since_go_1_26_the_table_says_nothing_of_the_text),
		cmocka_unit_test(without_module_data_functions_are_still_found),
		cmocka_unit_test(the_same_is_found_in_parts),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(many_bytes_may_be_wrong),
		cmocka_unit_test(a_file_may_end_anywhere),
		cmocka_unit_test(what_memory_could_hold_is_not_gone_through),
	};

	return cmocka_run_group_tests_name("rule_go", tests, NULL, NULL);
}
