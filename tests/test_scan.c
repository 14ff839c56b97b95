#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/scan.h"
#include "mkdelta/tree_write.h"
#include "tests/lab/lab.h"

/* Every kind of entry that a release may have, in the folder `tree`. */
static const char make_tree[] =
    "mkdir -p tree/bin tree/empty tree/.delta/hooks 'tree/a b' && cd tree && "
    "printf tool > bin/tool && chmod 4755 bin/tool && ln bin/tool 'a b/hard' && "
    "ln bin/tool ../outside && printf x > alone && ln alone ../outside2 && "
    "ln -s ../../etc/passwd bin/up && ln -s /etc/passwd bin/absolute && "
    ": > zero && truncate -s 1M sparse && chmod 1777 empty && "
    "printf 'n' > \"$(printf 'new\\nline')\" && "
    "printf 'u' > \"$(printf '\\303\\244\\377')\" && "
    "printf l > $(printf 'x%.0s' $(seq 255)) && "
    "printf '#!/bin/sh\\n' > .delta/hooks/start && chmod 755 .delta/hooks/start";

static struct listing *
scan(struct lab *l, const char *name, const struct scan_options *want, struct err *e)
{
	char path[512];
	struct listing *list;
	int dir;

	(void)snprintf(path, sizeof path, "%s/%s", l->dir, name);
	dir = fs_open_dir(path, e);
	assert_int_not_equal(dir, -1);
	list = scan_tree(dir, want, e);
	(void)close(dir);
	return list;
}

static const struct entry *
find(const struct listing *list, const char *path)
{
	long i = listing_find(list, path);

	if (i == -1)
		fail_msg("%s is not listed", path);
	return &list->entries[i];
}

static void
scan_lists_every_kind_of_entry(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct listing *list;
	char name[256];

	(void)state;
	lab_ok(l, "%s", make_tree);
	if ((list = scan(l, "tree", NULL, &e)) == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(list->n, 17);
	assert_int_equal(list->files, 8);
	assert_int_equal(find(list, "bin/tool")->mode, 04755);
	assert_int_equal(find(list, "bin/tool")->nlink, 2);
	assert_int_equal(find(list, "a b/hard")->group, find(list, "bin/tool")->group);
	assert_int_equal(find(list, "alone")->group, 0);
	assert_int_equal(find(list, "empty")->mode, 01777);
	assert_string_equal(find(list, "bin/up")->link, "../../etc/passwd");
	assert_string_equal(find(list, "bin/absolute")->link, "/etc/passwd");
	assert_int_equal(find(list, "sparse")->size, 1 << 20);
	assert_int_equal(find(list, "zero")->size, 0);
	assert_int_equal(find(list, "new\nline")->size, 1);
	assert_int_equal(find(list, "\303\244\377")->size, 1);
	memset(name, 'x', 255);
	name[255] = '\0';
	assert_int_equal(find(list, name)->size, 1);
	assert_int_equal(find(list, ".delta/hooks/start")->mode, 0755);
	assert_false(find(list, "zero")->has_owner);
	listing_free(list);
	lab_close(l);
}

static void
scan_is_the_same_with_any_number_of_threads(void **state)
{
	struct lab *l = lab_open();
	struct sha256 first = { { 0 } }, id;

	(void)state;
	lab_ok(l, "%s", make_tree);
	for (unsigned jobs = 1; jobs <= 9; jobs += 4) {
		struct scan_options want = { .jobs = jobs };
		struct err e = ERR_INIT;
		struct listing *list = scan(l, "tree", &want, &e);

		assert_non_null(list);
		assert_int_equal(listing_id(list, &id, &e), 0);
		if (jobs == 1)
			first = id;
		assert_true(sha256_equal(&first, &id));
		listing_free(list);
	}
	lab_close(l);
}

static void
scan_refuses_by_name(void **state)
{
	static const struct {
		const char *make, *says;
	} cases[] = {
		{ "mkfifo tree/pipe", "pipe: is a fifo" },
		{ "mkdir tree/d && mkfifo tree/d/p", "d/p: is a fifo" },
		{ "python3 -c 'import socket as s; "
		  "s.socket(s.AF_UNIX).bind(\"tree/sock\")'", "sock: is a socket" },
		{ "touch tree/.delta", ".delta: this name is reserved" },
		{ "mkdir tree/.delta && touch tree/.delta/record",
		    ".delta/record: this name is reserved" },
		{ "mkdir tree/.delta && touch tree/.delta/hooks",
		    ".delta/hooks: this name is reserved" },
		{ "rm tree/file", "the tree is empty" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lab *l = lab_open();
		struct err e = ERR_INIT;

		lab_ok(l, "mkdir tree && touch tree/file && %s", cases[i].make);
		assert_null(scan(l, "tree", NULL, &e));
		assert_int_equal(e.code, ERR_FAIL);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("said '%s', not '%s'", e.text, cases[i].says);
		lab_close(l);
	}
}

static void
scan_refuses_a_device(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;

	(void)state;
	if (lab_run(l, "mkdir tree && mknod tree/null c 1 3") != 0) {
		lab_close(l);
		skip();
	}
	assert_null(scan(l, "tree", NULL, &e));
	assert_non_null(strstr(e.text, "null: is a device"));
	lab_close(l);
}

static void
scan_allows_a_lower_folder_called_delta(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct listing *list;

	(void)state;
	lab_ok(l, "mkdir -p tree/sub/.delta tree/.deltas && touch tree/sub/.delta/x");
	list = scan(l, "tree", NULL, &e);
	assert_non_null(list);
	listing_free(list);
	lab_close(l);
}

/* Only an ordinary user can be refused: as root, the child becomes one. */
static void
scan_names_what_it_cannot_read(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;

	(void)state;
	lab_ok(l, "mkdir tree && touch tree/open && touch tree/closed && "
		  "chmod 0 tree/closed && chmod 755 . tree");
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_null(scan(l, "tree", NULL, &e));
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(e.text, "closed"));
	assert_non_null(strstr(e.text, "ermission"));
	lab_close(l);
}

/* The file grows all the time: some read must see it. */
static void
scan_notices_a_file_that_changes_meanwhile(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct listing *list;
	bool noticed = false;

	(void)state;
	lab_ok(l, "mkdir tree && head -c 30000000 /dev/zero > tree/log && "
		  "{ timeout 20 sh -c 'while [ ! -e stop ]; do echo x >> tree/log; done' "
		  "> /dev/null 2>&1 & }");
	for (int i = 0; i < 50 && !noticed; i++) {
		if ((list = scan(l, "tree", NULL, &e)) == NULL)
			noticed = strstr(e.text,
				      "log: changed while the tree was read") != NULL;
		listing_free(list);
	}
	lab_ok(l, "touch stop && sleep 0.1");
	if (!noticed)
		fail_msg("said '%s'", e.text);
	assert_int_equal(e.code, ERR_FAIL);
	lab_close(l);
}

static void
scan_reads_owners_when_asked(void **state)
{
	struct lab *l = lab_open();
	struct scan_options want = { .owners = true };
	struct err e = ERR_INIT;
	struct listing *list;

	(void)state;
	lab_ok(l, "mkdir tree && touch tree/f");
	list = scan(l, "tree", &want, &e);
	assert_non_null(list);
	assert_true(find(list, "f")->has_owner);
	assert_int_equal(find(list, "f")->uid, geteuid());
	listing_free(list);
	lab_close(l);
}

static void
scan_reads_attributes_when_asked(void **state)
{
	struct lab *l = lab_open();
	struct scan_options want = { .xattrs = true };
	struct err e = ERR_INIT;
	struct listing *list;
	const struct entry_xattr *a;

	(void)state;
	if (lab_run(l, "mkdir tree && touch tree/f && python3 -c 'import os; "
		       "os.setxattr(\"tree/f\", \"user.b\", b\"two\"); "
		       "os.setxattr(\"tree/f\", \"user.a\", b\"\"); "
		       "os.setxattr(\"tree\", \"user.root\", b\"r\")'") != 0) {
		lab_close(l);
		skip();
	}
	list = scan(l, "tree", &want, &e);
	assert_non_null(list);
	a = find(list, "f")->xattrs;
	assert_string_equal(a->name, "user.a");
	assert_int_equal(a->size, 0);
	assert_string_equal(a->next->name, "user.b");
	assert_memory_equal(a->next->value, "two", 3);
	assert_string_equal(find(list, ".")->xattrs->name, "user.root");
	listing_free(list);
	lab_close(l);
}

static void
tree_write_makes_the_tree_again(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct listing *list, *again;
	struct sha256 a, b;
	char path[512];
	int at, tree;
	struct tree_source source = { &tree, tree_copy_content };

	(void)state;
	lab_ok(l, "%s && chmod 555 bin", make_tree);
	list = scan(l, "tree", NULL, &e);
	assert_non_null(list);
	(void)snprintf(path, sizeof path, "%s/tree", l->dir);
	tree = fs_open_dir(path, &e);
	at = fs_open_dir(l->dir, &e);
	if (tree_write(at, "copy", list, &source, 1000, &e) == -1)
		fail_msg("%s", e.text);
	again = scan(l, "copy", NULL, &e);
	assert_non_null(again);
	assert_int_equal(listing_id(list, &a, &e), 0);
	assert_int_equal(listing_id(again, &b, &e), 0);
	assert_true(sha256_equal(&a, &b));
	lab_ok(l, "test $(stat -c %%Y copy/bin/tool) = 1000");
	lab_ok(l, "test $(stat -c %%Y copy/bin) = 1000");

	/* a content that is not the listed one leaves nothing behind */
	lab_ok(l, "printf y > tree/alone");
	assert_int_equal(tree_write(at, "copy2", list, &source, -1, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "alone"));
	assert_false(lab_exists(l, "copy2"));
	(void)close(tree);
	(void)close(at);
	listing_free(list);
	listing_free(again);
	lab_close(l);
}

static int
work_that_fails_from_7_on(void *arg, size_t i, struct err *e)
{
	(void)arg;
	return i < 7 ? 0 : err_set(e, ERR_FAIL, "item %zu", i);
}

static void
jobs_report_the_lowest_failure(void **state)
{
	(void)state;
	for (unsigned jobs = 1; jobs < 20; jobs += 6) {
		struct err e = ERR_INIT;

		assert_int_equal(jobs_run(jobs, 1000, work_that_fails_from_7_on, NULL,
				     &e),
		    -1);
		assert_string_equal(e.text, "item 7");
		assert_int_equal(jobs_run(jobs, 7, work_that_fails_from_7_on, NULL, &e),
		    0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_lists_every_kind_of_entry),
		cmocka_unit_test(scan_is_the_same_with_any_number_of_threads),
		cmocka_unit_test(scan_refuses_by_name),
		cmocka_unit_test(scan_refuses_a_device),
		cmocka_unit_test(scan_allows_a_lower_folder_called_delta),
		cmocka_unit_test(scan_names_what_it_cannot_read),
		cmocka_unit_test(scan_notices_a_file_that_changes_meanwhile),
		cmocka_unit_test(scan_reads_owners_when_asked),
		cmocka_unit_test(scan_reads_attributes_when_asked),
		cmocka_unit_test(tree_write_makes_the_tree_again),
		cmocka_unit_test(jobs_report_the_lowest_failure),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
