#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "mkdelta/ingest.h"
#include "mkdelta/scan.h"
#include "tests/lab/lab.h"

/* Open `name` of the lab; -1 and the error, or 0. */
static int
take(struct lab *l, const char *name, bool strip, struct ingest *in, struct err *e)
{
	struct ingest_options want = { .strip_top = strip, .temp = l->dir };
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", l->dir, name);
	return ingest_open(path, &want, in, e);
}

static struct listing *
take_listing(struct lab *l, const char *name, bool strip)
{
	struct err e = ERR_INIT;
	struct ingest in;
	struct listing *list;

	if (take(l, name, strip, &in, &e) == -1)
		fail_msg("%s (after %s)", e.text, l->out);
	if ((list = scan_tree(in.dir, NULL, &e)) == NULL)
		fail_msg("%s", e.text);
	ingest_close(&in);
	lab_ok(l, "! ls -d mkdelta.* 2> /dev/null");
	return list;
}

static void
assert_same_listing(struct listing *a, struct listing *b)
{
	struct err e = ERR_INIT;
	struct sha256 x, y;

	assert_int_equal(listing_id(a, &x, &e), 0);
	assert_int_equal(listing_id(b, &y, &e), 0);
	assert_true(sha256_equal(&x, &y));
}

static const char make_tree[] =
    "umask 022 && mkdir -p tree/bin tree/empty 'tree/a b' && cd tree && "
    "printf tool > bin/tool && chmod 4755 bin/tool && ln bin/tool 'a b/hard' && "
    "ln -s ../tool bin/link && ln -s /abs bin/abs && : > zero && "
    "printf n > \"$(printf 'new\\nline')\" && "
    "printf u > \"$(printf '\\303\\244')\" && "		/* composed */
    "printf d > \"$(printf 'a\\314\\210')\" && "		/* the same, decomposed */
    "printf r > \"$(printf 'raw\\377')\" && "
    "printf t > \"$(printf '\\303\\244%.0s' $(seq 120))\" && "
    "printf l > $(printf 'x%.0s' $(seq 255)) && "
    "truncate -s 3M sparse && printf middle | dd of=sparse bs=1 seek=1000000 "
    "conv=notrunc status=none && chmod 555 empty";

static void
every_kind_of_tar_gives_the_tree_it_was_made_from(void **state)
{
	static const char *const makers[] = {
		"tar --format=gnu -cf in.tar -C tree .",
		"tar --format=posix -cf in.tar -C tree .",
		"tar --format=gnu --sparse -cf in.tar -C tree .",
		"tar --format=posix --sparse -cf in.tar -C tree .",
		"tar --format=posix --pax-option=globexthdr.name=g,comment=hello "
		"-cf in.tar -C tree .",
		"tar -czf in.tar -C tree .", "tar -cjf in.tar -C tree .",
		"tar -cJf in.tar -C tree .", "tar --zstd -cf in.tar -C tree .",
		"cd tree && tar -cf ../in.tar -- * && tar -rf ../in.tar --no-recursion .",
		"LC_ALL=C.UTF-8 bsdtar --format pax -cf in.tar -C tree .",
		"python3 -c 'import tarfile; "
		"t = tarfile.open(\"in.tar\", \"w\", format=tarfile.PAX_FORMAT); "
		"t.add(\"tree\", \".\"); t.close()'",
	};
	struct lab *l = lab_open();
	struct listing *want;

	(void)state;
	lab_ok(l, "%s", make_tree);
	want = take_listing(l, "tree", true);
	for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
		struct listing *got;

		lab_ok(l, "rm -f in.tar && echo tar %zu && %s", i, makers[i]);
		got = take_listing(l, "in.tar", true);
		assert_same_listing(want, got);
		listing_free(got);
	}
	listing_free(want);
	lab_close(l);
}

static void
owners_and_attributes_come_along_when_asked(void **state)
{
	struct lab *l = lab_open();
	struct ingest_options want = { .owners = true, .xattrs = true, .temp = l->dir };
	struct scan_options scan = { .owners = true, .xattrs = true };
	struct err e = ERR_INIT;
	struct listing *a, *b;
	struct ingest in;
	char path[512];

	(void)state;
	if (geteuid() != 0 ||
	    lab_run(l, "mkdir -p tree/d && touch tree/f && chown 7:8 tree/f tree/d && "
		       "ln -s x tree/l && chown -h 9:9 tree/l && chmod 4755 tree/f && "
		       "python3 -c 'import os; "
		       "os.setxattr(\"tree/f\", \"user.a\", b\"one\"); "
		       "os.setxattr(\"tree/d\", \"user.d\", b\"\\0\\1\")'") != 0) {
		lab_close(l);
		skip();
	}
	lab_ok(l, "tar --xattrs -cf in.tar -C tree .");
	(void)snprintf(path, sizeof path, "%s/in.tar", l->dir);
	if (ingest_open(path, &want, &in, &e) == -1)
		fail_msg("%s", e.text);
	assert_non_null(a = scan_tree(in.dir, &scan, &e));
	ingest_close(&in);
	(void)snprintf(path, sizeof path, "%s/tree", l->dir);
	assert_int_equal(ingest_open(path, &want, &in, &e), 0);
	assert_non_null(b = scan_tree(in.dir, &scan, &e));
	ingest_close(&in);
	assert_int_equal(a->entries[listing_find(a, "f")].uid, 7);
	assert_non_null(a->entries[listing_find(a, "d")].xattrs);
	assert_same_listing(a, b);
	listing_free(a);
	listing_free(b);
	lab_close(l);
}

static void
the_only_top_folder_is_stripped_when_asked(void **state)
{
	struct lab *l = lab_open();
	struct listing *want, *got;

	(void)state;
	lab_ok(l, "%s && cd .. && tar -cf one.tar tree && touch other && "
		  "tar -cf two.tar tree other", make_tree);
	want = take_listing(l, "tree", true);
	got = take_listing(l, "one.tar", true);
	assert_same_listing(want, got);
	listing_free(got);
	got = take_listing(l, "one.tar", false);
	assert_int_not_equal(listing_find(got, "tree/bin/tool"), -1);
	listing_free(got);
	got = take_listing(l, "two.tar", true);
	assert_int_not_equal(listing_find(got, "tree/bin/tool"), -1);
	assert_int_not_equal(listing_find(got, "other"), -1);
	listing_free(got);
	listing_free(want);
	lab_close(l);
}

static void
holes_stay_holes(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct ingest in;
	struct stat st;

	(void)state;
	lab_ok(l, "mkdir tree && truncate -s 8M tree/sparse && "
		  "tar --sparse -cf in.tar -C tree .");
	assert_int_equal(take(l, "in.tar", false, &in, &e), 0);
	assert_int_equal(fs_stat_at(in.dir, "sparse", &st, &e), 1);
	assert_int_equal(st.st_size, 8 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
	ingest_close(&in);
	ingest_close(&in);
	lab_close(l);
}

static void
what_is_unpacked_is_private(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct ingest in;

	(void)state;
	lab_ok(l, "mkdir -p tree/d && chmod 777 tree && tar -cf in.tar tree");
	assert_int_equal(take(l, "in.tar", true, &in, &e), 0);
	lab_ok(l, "test $(stat -c %%a mkdelta.*) = 700 -o -d mkdelta.*/tree");
	lab_ok(l, "stat -c %%a mkdelta.*");
	ingest_close(&in);
	lab_ok(l, "! ls -d mkdelta.* 2> /dev/null");
	lab_close(l);
}

/* Python writes what no tar program would: a list of (name, type, link) in `add`. */
static const char hostile_tar[] =
    "cat > make.py <<'EOF'\n"
    "import io, tarfile\n"
    "t = tarfile.open('in.tar', 'w', format=tarfile.GNU_FORMAT)\n"
    "def add(name, type=tarfile.REGTYPE, link='', data=b''):\n"
    "    i = tarfile.TarInfo(name)\n"
    "    i.type, i.linkname, i.size = type, link, len(data)\n"
    "    t.addfile(i, io.BytesIO(data))\n"
    "D, L, H, F, C = (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,\n"
    "    tarfile.FIFOTYPE, tarfile.CHRTYPE)\n"
    "%s\n"
    "t.close()\n"
    "EOF\n"
    "python3 make.py";

static void
hostile_tars_are_refused_by_name(void **state)
{
	static const struct {
		const char *make, *says;
	} cases[] = {
		{ "add('/etc/x')", "/etc/x: an absolute path" },
		{ "add('a/../../x')", "a/../../x: a path with '..'" },
		{ "add('..', D)", "a path with '..'" },
		{ "add('a')\nadd('b')\nadd('a')", "a: twice in the archive" },
		{ "add('a')\nadd('./a')", "a: twice in the archive" },
		{ "add('d', D)\nadd('d/', D)", "d: twice in the archive" },
		{ "add('d', D)\nadd('d')", "d: twice in the archive" },
		{ "add('d')\nadd('d', D)", "d: twice in the archive" },
		{ "add('d/f')\nadd('d')", "d: twice in the archive" },
		{ "add('.', D)\nadd('./', D)\nadd('x')", ".: twice in the archive" },
		{ "add('l', L, '/tmp')\nadd('l/x', data=b'evil')", "l/x: inside" },
		{ "add('l', L, '.')\nadd('l/d/x', data=b'evil')", "l/d/x: inside" },
		{ "add('l', L, '.')\nadd('l', D)", "l: twice in the archive" },
		{ "add('f')\nadd('f/x')", "f/x: inside f, which is no folder" },
		{ "add('h', H, 'absent')", "h: hard link to absent" },
		{ "add('h', H, 'later')\nadd('later')", "h: hard link to later" },
		{ "add('h', H, '/etc/passwd')", "/etc/passwd: an absolute path" },
		{ "add('h', H, '../x')", "../x: a path with '..'" },
		{ "add('d', D)\nadd('h', H, 'd')", "h: hard link to d" },
		{ "add('s', L, '/etc')\nadd('h', H, 's/passwd')", "s/passwd" },
		{ "add('p', F)", "p: is a fifo" },
		{ "add('c', C)", "c: is a device" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lab *l = lab_open();
		struct err e = ERR_INIT;
		struct ingest in;
		char command[4096];

		(void)snprintf(command, sizeof command, hostile_tar, cases[i].make);
		lab_ok(l, "%s", command);
		if (take(l, "in.tar", true, &in, &e) == 0)
			fail_msg("accepted: %s", cases[i].make);
		assert_int_equal(in.dir, -1);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("said '%s', not '%s'", e.text, cases[i].says);
		lab_ok(l, "! ls -d mkdelta.* 2> /dev/null");
		assert_false(lab_exists(l, "x"));
		lab_close(l);
	}
}

/* Cut at every 512th byte and some others: refused, or the very same tree where
 * only padding behind the end is missing. */
static void
truncated_tars_are_refused(void **state)
{
	static const char *const makers[] = { "tar -cf", "tar -czf", "tar --zstd -cf",
		"tar -cJf", "tar --bzip2 -cf" };
	struct lab *l = lab_open();
	struct listing *want;

	(void)state;
	lab_ok(l, "mkdir -p tree/d");
	lab_fill(l, "tree/d/f", 3000, 1);
	lab_fill(l, "tree/g", 10, 2);
	want = take_listing(l, "tree", true);
	for (size_t m = 0; m < sizeof makers / sizeof makers[0]; m++) {
		char *size;
		long n;

		lab_ok(l, "%s whole.tar -C tree . && stat -c %%s whole.tar", makers[m]);
		size = l->out;
		n = strtol(size, NULL, 10);
		for (long at = 1; at < n;
		     at += at % 512 == 511 || at % 512 == 0 ? 1 : 255) {
			struct err e = ERR_INIT;
			struct listing *got;
			struct ingest in;

			lab_ok(l, "head -c %ld whole.tar > cut.tar", at);
			if (take(l, "cut.tar", true, &in, &e) == -1) {
				assert_int_equal(e.code, ERR_FORMAT);
				continue;
			}
			if ((got = scan_tree(in.dir, NULL, &e)) == NULL)
				fail_msg("%s: cut at %ld: %s", makers[m], at, e.text);
			assert_same_listing(want, got);
			listing_free(got);
			ingest_close(&in);
		}
	}
	listing_free(want);
	lab_close(l);
}

static void
garbage_with_a_tars_name_is_refused(void **state)
{
	static const char *const names[] = { "a.tar", "a.tar.gz", "a.TGZ", "a.zip" };
	struct lab *l = lab_open();

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct err e = ERR_INIT;
		struct ingest in;

		lab_fill(l, names[i], 5000, 9);
		assert_int_equal(take(l, names[i], true, &in, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_non_null(strstr(e.text, names[i]));
	}
	lab_close(l);
}

static void
a_single_file_is_a_tree_of_one(void **state)
{
	struct lab *l = lab_open();
	struct listing *list;

	(void)state;
	lab_fill(l, "program", 5000, 9);
	lab_ok(l,
	    "chmod 700 program && head -c 4096 /dev/zero > zeros && "
	    "mkdir z && touch z/a && python3 -c 'import shutil; "
	    "shutil.make_archive(\"app\", \"zip\", \"z\")' && cp app.zip app.jar && "
	    "gzip -k zeros");
	list = take_listing(l, "program", true);
	assert_int_equal(list->n, 2);
	assert_string_equal(list->entries[1].path, "program");
	assert_int_equal(list->entries[1].mode, 0755);
	assert_int_equal(list->entries[1].size, 5000);
	assert_int_equal(list->entries[0].mode, 0755);
	listing_free(list);
	list = take_listing(l, "zeros", true);
	assert_string_equal(list->entries[1].path, "zeros");
	assert_int_equal(list->entries[1].mode, 0644);
	listing_free(list);
	list = take_listing(l, "zeros.gz", true);
	assert_string_equal(list->entries[1].path, "zeros.gz");
	listing_free(list);
	list = take_listing(l, "app.jar", true);
	assert_string_equal(list->entries[1].path, "app.jar");
	listing_free(list);
	list = take_listing(l, "app.zip", true);
	assert_string_equal(list->entries[1].path, "a");
	listing_free(list);
	lab_close(l);
}

static void
what_is_neither_is_refused(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct ingest in;

	(void)state;
	lab_ok(l, "mkfifo pipe");
	assert_int_equal(take(l, "pipe", true, &in, &e), -1);
	assert_non_null(strstr(e.text, "pipe: is no folder, archive or regular file"));
	assert_int_equal(take(l, "absent", true, &in, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	lab_close(l);
}

static void
a_tree_that_holds_the_repository_is_refused(void **state)
{
	static const struct {
		const char *tree, *other;
		bool apart;
	} cases[] = {
		{ "tree", "repo", true },
		{ "tree", "tree", false },
		{ "tree", "tree/repo", false },
		{ "tree", "tree/not/yet", false },
		{ "tree", "tree-2", true },
		{ "tree", "tree/../tree/x", false },
		{ "link", "tree/x", false },
		{ "tree", "link/x", false },
		{ "tree/sub", "tree/x", true },
		{ "tree/sub/..", "tree/x", false },
		{ ".", "new", false },
		{ "/", "new", false },
		{ "file.tar", "file.tar", true },
	};
	struct lab *l = lab_open();

	(void)state;
	lab_ok(l, "mkdir -p tree/sub repo && ln -s tree link && touch file.tar");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = ERR_INIT;
		char tree[512], other[512];

		(void)snprintf(tree, sizeof tree, "%s/%s", l->dir, cases[i].tree);
		(void)snprintf(other, sizeof other, "%s/%s", l->dir, cases[i].other);
		if (strcmp(cases[i].tree, "/") == 0)
			(void)snprintf(tree, sizeof tree, "/");
		if ((ingest_check_apart(tree, other, &e) == 0) != cases[i].apart)
			fail_msg("%s and %s: %s", tree, other, e.text);
		if (!cases[i].apart)
			assert_int_equal(e.code, ERR_FAIL);
	}
	assert_int_equal(chdir(l->dir), 0);
	{
		struct err e = ERR_INIT;

		assert_int_equal(ingest_check_apart(".", "x/y", &e), -1);
		assert_int_equal(ingest_check_apart("tree", "x/y", &e), 0);
		assert_int_equal(ingest_check_apart("tree", "/x/y", &e), 0);
	}
	assert_int_equal(chdir("/"), 0);
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_tar_gives_the_tree_it_was_made_from),
		cmocka_unit_test(owners_and_attributes_come_along_when_asked),
		cmocka_unit_test(the_only_top_folder_is_stripped_when_asked),
		cmocka_unit_test(holes_stay_holes),
		cmocka_unit_test(what_is_unpacked_is_private),
		cmocka_unit_test(hostile_tars_are_refused_by_name),
		cmocka_unit_test(truncated_tars_are_refused),
		cmocka_unit_test(garbage_with_a_tars_name_is_refused),
		cmocka_unit_test(a_single_file_is_a_tree_of_one),
		cmocka_unit_test(what_is_neither_is_refused),
		cmocka_unit_test(a_tree_that_holds_the_repository_is_refused),
	};

	return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
