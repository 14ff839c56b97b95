/*
 * Listings that carry a valid signature and lie, through a whole update: as an object
 * beside the full on a first install, and inside a delta of our own making.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/buf.h"
#include "manifest/base/hash.h"
#include "apply/patch/delta_format.h"

#include "tests/lab/forge.h"
#include "tests/lab/hostile.h"

#define HEAD "#mtree\n. type=dir mode=0755\n"
#define EMPTY \
	"sha256digest=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OTHER \
	"sha256digest=0000000000000000000000000000000000000000000000000000000000000001"
#define FILE_X "type=file mode=0644 size=0 " EMPTY "\n"

static const struct poison {
	const char *name;
	int status;
	const char *say;
	const char *lines;	/* behind HEAD; "@" is the folder outside/ */
} poisons[] = {
	{ "a_path_that_goes_up", 4, "listing", "./.. type=dir mode=0755\n" },
	{ "a_path_that_goes_up_in_between", 4, "listing",
	    "./a type=dir mode=0755\n./a/../../outside/file " FILE_X },
	{ "an_absolute_path", 4, "listing", "/etc/evil " FILE_X },
	{ "an_absolute_path_behind_the_dot", 4, "listing", ".//etc/evil " FILE_X },
	{ "an_escaped_slash_in_a_name", 4, "listing", "./a\\057..\\057evil " FILE_X },
	{ "a_name_with_a_nul", 4, "listing", "./a\\000b " FILE_X },
	{ "a_file_below_a_link_that_leads_out", 4, "listing",
	    "./d type=link mode=0777 link=@/dir\n./d/file " FILE_X },
	{ "a_folder_that_is_a_link_too", 4, "listing",
	    "./d type=link mode=0777 link=@/dir\n./d type=dir mode=0755\n" },
	{ "the_same_path_twice", 4, "listing", "./a " FILE_X "./a " FILE_X },
	{ "a_file_below_a_file", 4, "listing", "./a " FILE_X "./a/b " FILE_X },
	{ "a_device_node", 4, "listing",
	    "./disk type=block mode=0660 device=linux,8,0\n" },
	{ "a_character_device", 4, "listing", "./mem type=char mode=0666 device=1\n" },
	{ "a_fifo", 4, "listing", "./pipe type=fifo mode=0644\n" },
	{ "a_socket", 4, "listing", "./sock type=socket mode=0644\n" },
	{ "a_size_of_2_to_the_63", 4, "listing",
	    "./a type=file mode=0644 size=9223372036854775808 " OTHER "\n" },
	{ "a_size_of_2_to_the_64", 4, "listing",
	    "./a type=file mode=0644 size=18446744073709551616 " OTHER "\n" },
	{ "sizes_whose_sum_overflows", 4, "listing",
	    "./a type=file mode=0644 size=9223372036854775807 " OTHER "\n"
	    "./b type=file mode=0644 size=9223372036854775807 " OTHER "\n"
	    "./c type=file mode=0644 size=9223372036854775807 " OTHER "\n" },
	{ "a_setuid_file", 5, "is setuid", "./su type=file mode=4755 size=0 " EMPTY "\n" },
	{ "a_setgid_file", 5, "is setgid", "./sg type=file mode=2755 size=0 " EMPTY "\n" },
	{ "a_file_everybody_may_write", 5, "writable by everybody",
	    "./w type=file mode=0666 size=0 " EMPTY "\n" },
	{ "a_root_folder_everybody_may_write", 5, "writable by everybody",
	    ". type=dir mode=0777\n" },
	{ "a_file_of_somebody_else", 5, "another owner",
	    "./a type=file mode=0644 uid=12345 gid=12345 size=0 " EMPTY "\n" },
	{ "a_capability", 5, "capabilities",
	    "# xattr security.capability AQAAAgAgAAAAAAAAAAAAAAAAAAA=\n./a " FILE_X },
	{ "an_attribute_of_the_system", 5, "system attributes",
	    "# xattr trusted.overlay.redirect L2V0Yw==\n./a " FILE_X },
	{ "a_record_of_its_own_in_the_reserved_folder", 4, "reserved",
	    "./.delta type=dir mode=0755\n./.delta/record.json " FILE_X },
	{ "a_reserved_folder_that_is_a_link_out", 4, "reserved",
	    "./.delta type=link mode=0777 link=@/dir\n" },
	{ "a_reserved_folder_that_is_a_file", 4, "reserved", "./.delta " FILE_X },
	{ "hard_links_that_differ", 4, "listing",
	    "./a type=file mode=0644 nlink=2 tags=link-1 size=0 " EMPTY "\n"
	    "./b type=file mode=0755 nlink=2 tags=link-1 size=0 " EMPTY "\n" },
	{ "a_name_that_writes_on_terminals", 5, "is setuid",
	    "./\\033[2J\\007\\015gone type=file mode=4755 size=0 " EMPTY "\n" },
	{ "text_behind_the_end", 4, "listing", "./a " FILE_X "/set type=file\n" },
};
enum { POISONS = sizeof poisons / sizeof poisons[0] };

/* HEAD and the lines, with the way to outside/ in place of "@". */
static struct buf
text_of(struct lab *l, const struct poison *p)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	if (strncmp(p->lines, ". ", 2) == 0)
		assert_int_equal(buf_add_text(&text, "#mtree\n", &e), 0);
	else
		assert_int_equal(buf_add_text(&text, HEAD, &e), 0);
	for (const char *c = p->lines; *c != '\0'; c++)
		assert_int_equal(*c == '@' ? buf_addf(&text, &e, "%s/outside", l->dir) :
		    buf_add_byte(&text, (uint8_t)*c, &e), 0);
	return text;
}

static void
as_object(const struct poison *p)
{
	struct lab *l = hostile_begin(DEVICE_EMPTY, "");
	struct buf text = text_of(l, p);
	struct forge *f = forge_open(l);

	forge_listing(f, 2, (const char *)text.data, text.len);
	forge_close(f);
	hostile_refuses(l, p->status, p->say);
	buf_free(&text);
	hostile_end(l);
}

/* A delta that has nothing but this listing, as it is. */
static struct buf
delta_of(struct lab *l, const struct buf *text)
{
	struct buf d = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct sha256 id;
	uint8_t old[8];

	hostile_old_id(l, old);
	assert_int_equal(sha256_of(text->data, text->len, &id, &e), 0);
	(void)buf_add(&d, DELTA_MAGIC, DELTA_MAGIC_BYTES, &e);
	(void)buf_add(&d, old, sizeof old, &e);
	(void)buf_add(&d, &id, DELTA_ID_BYTES, &e);
	(void)buf_add_varint(&d, DELTA_MEMORY_FIXED + 2 * DELTA_MEMORY_STORED, &e);
	(void)buf_add_varint(&d, 0, &e);
	(void)buf_add_varint(&d, text->len, &e);
	(void)buf_add_varint(&d, 1 << DELTA_CONTROL | 1 << DELTA_EXTRA, &e);
	(void)buf_add_byte(&d, DELTA_STORED, &e);
	(void)buf_add_varint(&d, 1, &e);
	(void)buf_add_byte(&d, DELTA_STORED, &e);
	(void)buf_add_varint(&d, text->len, &e);
	(void)buf_add_byte(&d, METHOD_RAW, &e);
	assert_int_equal(buf_add(&d, text->data, text->len, &e), 0);
	return d;
}

static void
in_a_delta(const struct poison *p)
{
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");
	struct buf text = text_of(l, p), delta = delta_of(l, &text);
	struct forge *f = forge_open(l);

	forge_listing(f, 2, (const char *)text.data, text.len);
	forge_delta(f, 1, 2, delta.data, delta.len);
	forge_full(f, 2, "no full", 7);
	forge_close(f);
	hostile_refuses(l, p->status, p->say);
	buf_free(&text);
	buf_free(&delta);
	hostile_end(l);
}

static void
is_refused(void **state)
{
	as_object(*state);
	in_a_delta(*state);
}

/* 300 MiB of zeros for a listing that says it is short, and one that says it is not. */
static void
a_listing_that_unpacks_without_end(void **state)
{
	static const uint64_t said[] = { 1000, UINT64_C(1) << 50 };
	struct lab *l = hostile_begin(DEVICE_EMPTY, "");
	size_t n;
	char *packed;

	(void)state;
	lab_ok(l, "head -c 300M /dev/zero | zstd -q -c > bomb && stat -c %%s bomb");
	n = strtoul(l->out, NULL, 10);
	assert_non_null(packed = lab_read(l, "bomb"));
	for (size_t i = 0; i < 2; i++) {
		struct forge *f = forge_open(l);

		forge_packed_listing(f, 2, packed, n);
		forge_delta(f, 1, 2, "no delta", 8);
		forge_record(f, 2)->listing_bytes = said[i];
		forge_close(f);
		hostile_refuses(l, 4, "tree.zst");
	}
	free(packed);
	hostile_end(l);
}

/* What a case-blind or normalising system would fold is kept apart. */
static void
twins_in_case_and_unicode_are_two_files(void **state)
{
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");

	(void)state;
	lab_ok(l, "cp -a 2 3 && mkdir 3/Dir 3/dir && echo A > 3/Dir/f && "
	    "echo a > 3/dir/f && echo B > 3/NAME && echo b > 3/name && "
	    "echo c > \"$(printf '3/\\303\\251')\" && "
	    "echo d > \"$(printf '3/e\\314\\201')\" && mkdelta release -q repo 3");
	hostile_takes(l, "3");
	hostile_end(l);
}

/* A link out in release 1; what release 2 has in its place is written beside it. */
static void
a_link_out_is_not_written_through_by_the_next_release(void **state)
{
	struct lab *l = hostile_begin(DEVICE_EMPTY, "");

	(void)state;
	lab_ok(l, "mkdir 3 && ln -s $PWD/outside/dir 3/d && ln -s $PWD/outside/file 3/f && "
	    "ln -s $PWD/outside/new 3/n && seq 3000 > 3/app && mkdelta release -q repo 3");
	hostile_takes(l, "3");
	lab_ok(l, "rm -r dev-0 && cp -a dev dev-0 && rm 3/d 3/f 3/n && mkdir 3/d && "
	    "echo mine > 3/d/file && echo mine > 3/f && echo mine > 3/n && "
	    "mkdelta release -q repo 3");
	hostile_takes(l, "3");
	hostile_end(l);
}

/* The thief is found out, and the release is signed as it was. */
static void
after_poison_an_honest_release_is_taken(void **state)
{
	static const char bad[] = HEAD "./.. type=dir mode=0755\n";
	struct lab *l = hostile_begin(DEVICE_WITH_1, "");
	struct forge *f = forge_open(l);
	char *honest;

	(void)state;
	lab_ok(l, "zstd -dq < $(ls repo/targets/2/*.tree.zst) > honest");
	assert_non_null(honest = lab_read(l, "honest"));
	forge_listing(f, 2, bad, strlen(bad));
	forge_close(f);
	hostile_refuses(l, 4, "2/any");
	lab_ok(l, "rm -r dev-1 && cp -a dev dev-1");
	f = forge_open(l);
	forge_listing(f, 2, honest, strlen(honest));
	forge_close(f);
	hostile_takes(l, "2");
	free(honest);
	hostile_end(l);
}

int
main(void)
{
	struct CMUnitTest tests[POISONS + 4] = {
		cmocka_unit_test(a_listing_that_unpacks_without_end),
		cmocka_unit_test(twins_in_case_and_unicode_are_two_files),
		cmocka_unit_test(a_link_out_is_not_written_through_by_the_next_release),
		cmocka_unit_test(after_poison_an_honest_release_is_taken),
	};

	for (size_t i = 0; i < POISONS; i++)
		tests[4 + i] = (struct CMUnitTest){ poisons[i].name, is_refused, NULL,
			NULL, (void *)(uintptr_t)&poisons[i] };
	return cmocka_run_group_tests_name("hostile_listing", tests, hostile_open_master,
	    hostile_close_master);
}
