/*
 * Full artifacts that carry a valid signature and harm, through a whole first install.
 * The listing is honest: what a tar says beside it must change nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/forge.h"
#include "tests/lab/hostile.h"

/* add(): a member by what it says; tree(): the honest members, but those left out. */
static const char kit[] =
    "import tarfile, io, os\n"
    "t = tarfile.open('evil.tar', 'w', format=tarfile.PAX_FORMAT)\n"
    "out = os.getcwd() + '/outside'\n"
    "def add(name, data=b'', type=tarfile.REGTYPE, **more):\n"
    "    i = tarfile.TarInfo(name)\n"
    "    i.size, i.type = len(data), type\n"
    "    for k in more: setattr(i, k, more[k])\n"
    "    t.addfile(i, io.BytesIO(data) if data else None)\n"
    "def tree(*but):\n"
    "    for n in 'bin/app', 'etc/conf', 'etc/two':\n"
    "        if n not in but: add(n, open('2/' + n, 'rb').read())\n"
    "%s\nt.close()\n";

static const struct poison {
	const char *name;
	const char *say;	/* NULL: it is taken, and is release 2 exactly */
	const char *python;
} poisons[] = {
	{ "one_without_poison_is_taken", NULL, "tree()" },
	{ "an_absolute_path", "an unsafe path", "add(out + '/file', b'evil'); tree()" },
	{ "a_path_that_goes_up", "an unsafe path",
	    "add('../outside/file', b'evil'); tree()" },
	{ "a_path_that_goes_up_in_between", "an unsafe path",
	    "add('etc/../../outside/file', b'evil'); tree()" },
	{ "a_path_in_a_pax_header", "an unsafe path",
	    "add('x', b'evil', pax_headers={'path': out + '/file'}); tree()" },
	{ "a_file_through_a_link_that_leads_out", NULL,
	    "add('d', type=tarfile.SYMTYPE, linkname=out + '/dir'); "
	    "add('d/file', b'evil'); tree()" },
	{ "a_link_in_place_of_a_listed_folder", NULL,
	    "add('etc', type=tarfile.SYMTYPE, linkname=out); tree()" },
	{ "a_link_in_place_of_a_listed_file", "lacks etc/two",
	    "add('etc/two', type=tarfile.SYMTYPE, linkname=out + '/file'); tree('etc/two')" },
	{ "a_hard_link_to_a_file_outside", "lacks etc/two",
	    "add('etc/two', type=tarfile.LNKTYPE, linkname=out + '/file'); tree('etc/two')" },
	{ "a_hard_link_that_goes_up", "lacks etc/two",
	    "add('etc/two', type=tarfile.LNKTYPE, linkname='../../outside/file'); "
	    "tree('etc/two')" },
	{ "a_device_in_place_of_a_file", "lacks etc/two",
	    "add('etc/two', type=tarfile.CHRTYPE, devmajor=1, devminor=1); tree('etc/two')" },
	{ "devices_and_pipes_beside", NULL,
	    "add('mem', type=tarfile.CHRTYPE, devmajor=1, devminor=1); "
	    "add('sda', type=tarfile.BLKTYPE, devmajor=8); "
	    "add('pipe', type=tarfile.FIFOTYPE); tree()" },
	{ "modes_and_owners_of_its_own", NULL,
	    "add('bin/app', open('2/bin/app', 'rb').read(), mode=0o6777, uid=12345); "
	    "tree('bin/app')" },
	{ "the_wrong_content_before_the_right_one", "another hash",
	    "add('etc/two', b'evl\\n'); tree()" },
	{ "the_right_content_before_the_wrong_one", NULL,
	    "tree(); add('etc/two', b'evl\\n')" },
	{ "other_content_of_the_same_size", "another hash",
	    "tree('etc/two'); add('etc/two', b'evl\\n')" },
	{ "files_that_no_listing_names", NULL,
	    "add('.delta/record.json', b'{}'); add('evil', b'evil'); tree()" },
	{ "a_size_of_2_to_the_62", "tar",
	    "t.format = tarfile.GNU_FORMAT; add('big', size=1 << 62); tree()" },
	{ "a_size_that_is_negative", "tar",
	    "i = tarfile.TarInfo('etc/two').tobuf(tarfile.GNU_FORMAT); "
	    "b = bytearray(i); b[124:136] = b'\\xff' * 12; b[148:156] = b' ' * 8; "
	    "b[148:156] = b'%06o\\0 ' % sum(b); t.fileobj.write(b); tree('etc/two')" },
	{ "a_sparse_file_of_2_to_the_62", "lacks etc/two",
	    "add('etc/two', b'1\\n0\\n4\\n'.ljust(512, b'\\0') + b'two\\n', pax_headers={"
	    "'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'etc/two', "
	    "'GNU.sparse.realsize': str(1 << 62)}); tree('etc/two')" },
	{ "a_sparse_file_whose_parts_lie_outside", "2/any.tar.zst",
	    "add('etc/two', b'1\\n9223372036854775800\\n4\\n'.ljust(512, b'\\0') + b'two\\n', "
	    "pax_headers={'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', "
	    "'GNU.sparse.name': 'etc/two', 'GNU.sparse.realsize': '4'}); tree('etc/two')" },
	{ "a_name_that_writes_on_terminals", "an unsafe path",
	    "add('../\\033[2J\\007\\rgone', b'evil'); tree()" },
	{ "bytes_behind_the_end", NULL, "tree()\nt.close()\n"
	    "t = open('evil.tar', 'ab'); t.write(b'x' * 5000)" },
	{ "more_than_was_signed", "more bytes than were signed",
	    "add('zeros', bytes(1 << 20)); tree()" },
};
enum { POISONS = sizeof poisons / sizeof poisons[0] };

/* Every way to release 2 but its full is shut.  plain: what it unpacks to, as it is
 * signed; 0: as much as the honest one. */
static void
offer(struct lab *l, const void *full, size_t n, uint64_t plain)
{
	struct forge *f = forge_open(l);

	if (plain != 0)
		forge_edge(f, 0, 2)->output_bytes = plain;
	forge_delta(f, 1, 2, "no delta", 8);
	forge_full(f, 2, full, n);
	forge_close(f);
}

static size_t
size_of(struct lab *l, const char *file)
{
	lab_ok(l, "stat -c %%s %s", file);
	return strtoul(l->out, NULL, 10);
}

static char *
packed(struct lab *l, size_t *n)
{
	char *data;

	*n = size_of(l, "evil.zst");
	assert_non_null(data = lab_read(l, "evil.zst"));
	lab_ok(l, "rm -rf evil.*");
	return data;
}

static void
expect(void **state)
{
	const struct poison *p = *state;
	struct lab *l = hostile_begin(DEVICE_EMPTY, "");
	uint64_t plain;
	char *data;
	size_t n;

	lab_write(l, "evil.py", kit, p->python);
	lab_ok(l, "python3 evil.py && zstd -q evil.tar -o evil.zst");
	plain = size_of(l, "evil.tar");
	data = packed(l, &n);
	offer(l, data, n, strcmp(p->name, "more_than_was_signed") == 0 ? 0 : plain);
	if (p->say == NULL)
		hostile_takes(l, "2");
	else
		hostile_refuses(l, 4, p->say);
	free(data);
	hostile_end(l);
}

/* 64 GiB of zeros in 2 MB.  With its size signed there is no room for it. */
static void
petabytes_from_a_few_bytes(void **state)
{
	struct lab *l = hostile_begin(DEVICE_EMPTY, "");
	struct forge *f;
	char *data;
	size_t n;

	(void)state;
	lab_write(l, "evil.py", "%s", "import tarfile\n"
	    "i = tarfile.TarInfo('zeros'); i.size = 1 << 36\n"
	    "head = i.tobuf(tarfile.GNU_FORMAT)\n"
	    "def block(type, size, data, last=0):\n"
	    "    return (last | type << 1 | size << 3).to_bytes(3, 'little') + data\n"
	    "with open('evil.zst', 'wb') as f:\n"
	    "    f.write(bytes.fromhex('28b52ffd0068') + block(0, len(head), head))\n"
	    "    f.write(block(1, 1 << 17, b'\\0') * (1 << 19) + block(0, 0, b'', 1))\n");
	lab_ok(l, "python3 evil.py");
	data = packed(l, &n);
	offer(l, data, n, 0);
	hostile_refuses(l, 4, "more bytes than were signed");
	f = forge_open(l);
	forge_edge(f, 0, 2)->output_bytes = UINT64_C(1) << 60;
	forge_edge(f, 1, 2)->output_bytes = UINT64_C(1) << 60;
	forge_close(f);
	hostile_refuses(l, 7, "of room");
	free(data);
	hostile_end(l);
}

static void
a_window_of_a_gigabyte(void **state)
{
	struct lab *l = hostile_begin(DEVICE_EMPTY, "");
	char *data;
	size_t n;

	(void)state;
	lab_ok(l, "tar -cf evil.tar -C 2 . && zstd -q --long=30 < evil.tar > evil.zst");
	data = packed(l, &n);
	offer(l, data, n, 1 << 20);
	hostile_refuses(l, 4, "too much memory");
	free(data);
	hostile_end(l);
}

int
main(void)
{
	struct CMUnitTest tests[POISONS + 2] = {
		cmocka_unit_test(petabytes_from_a_few_bytes),
		cmocka_unit_test(a_window_of_a_gigabyte),
	};

	for (size_t i = 0; i < POISONS; i++)
		tests[2 + i] = (struct CMUnitTest){ poisons[i].name, expect, NULL,
			NULL, (void *)(uintptr_t)&poisons[i] };
	return cmocka_run_group_tests_name("hostile_tar", tests, hostile_open_master,
	    hostile_close_master);
}
