#include <sys/stat.h>
#include <sys/xattr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"

#include "apply/ready.h"
#include "apply/verify.h"

#include "tests/lab/device.h"

/* What a tree is made of before each case; `tree` below the scratch folder. */
static const char make_tree[] =
    "rm -rf tree && mkdir -p tree/bin tree/lib/empty tree/.delta/hooks && cd tree && "
    "echo tool > bin/tool && chmod 755 bin/tool && ln -s tool bin/alias && "
    "echo one > lib/one && ln lib/one lib/uno && echo two > lib/two && : > lib/zero && "
    "echo start > .delta/hooks/start && chmod 755 .delta/hooks/start && "
    "printf x > \"lib/odd$(printf '\\n')  n\\303\\244me\"";

struct site {
	struct lab_device *l;
	struct listing *listing;
	struct record rec;
	struct verify_report report;
};

static int
set_up(void **state)
{
	struct site *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->l = lab_device_open(SWAP_SYMLINK, NULL);
	lab_device_sh(s->l, "%s", make_tree);
	s->listing = lab_device_record(s->l, "tree", 42, &s->rec);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct site *s = *state;

	verify_report_clear(&s->report);
	listing_free(s->listing);
	record_clear(&s->rec);
	lab_device_close(s->l);
	free(s);
	return 0;
}

static void
look(struct site *s)
{
	struct err e = ERR_INIT;
	int tree = fs_open_dir_at(s->l->fd, "tree", &e);

	verify_report_clear(&s->report);
	if (tree == -1 ||
	    verify_tree(tree, s->listing, &s->l->conf, &s->report, &e) == -1)
		fail_msg("%s", e.text);
	(void)close(tree);
}

static void
must_differ(struct site *s, enum verify_what what, const char *path)
{
	for (size_t i = 0; i < s->report.n; i++)
		if (s->report.items[i].what == what &&
		    strcmp(s->report.items[i].path, path) == 0)
			return;
	fail_msg("no difference \"%s\" at %s among %zu", verify_word(what), path,
	    s->report.n);
}

static void
must_be_clean(struct site *s)
{
	struct err e = ERR_INIT;

	if (verify_report_err(&s->report, "tree", &e) == -1)
		fail_msg("%s", e.text);
}

static void
a_tree_as_listed_has_no_difference(void **state)
{
	struct site *s = *state;

	look(s);
	must_be_clean(s);
	assert_int_equal(s->report.files, 7);	/* each name is read */
	lab_device_sign(s->l, "tree", 42);
	look(s);
	must_be_clean(s);
}

static void
times_do_not_matter(void **state)
{
	struct site *s = *state;

	lab_device_sh(s->l, "find tree -exec touch -h -d 2001-01-01 {} +");
	look(s);
	must_be_clean(s);
}

static void
each_change_is_named(void **state)
{
	static const struct {
		const char *spoil;
		enum verify_what what;
		const char *path;
	} cases[] = {
		{ "echo TOOL > bin/tool", VERIFY_CONTENT, "bin/tool" },
		{ "echo longer > bin/tool", VERIFY_SIZE, "bin/tool" },
		{ "chmod 700 bin/tool", VERIFY_MODE, "bin/tool" },
		{ "chmod 4755 bin/tool", VERIFY_MODE, "bin/tool" },
		{ "chmod 700 lib/empty", VERIFY_MODE, "lib/empty" },
		{ "chmod 700 .", VERIFY_MODE, "." },
		{ "rm lib/two", VERIFY_MISSING, "lib/two" },
		{ "rm -r bin", VERIFY_MISSING, "bin/alias" },
		{ "rmdir lib/empty", VERIFY_MISSING, "lib/empty" },
		{ "echo > bin/more", VERIFY_EXTRA, "bin/more" },
		{ "mkdir -p new/deep", VERIFY_EXTRA, "new" },
		{ "ln -s /etc/passwd lib/empty/x", VERIFY_EXTRA, "lib/empty/x" },
		{ "mkfifo lib/pipe", VERIFY_EXTRA, "lib/pipe" },
		{ "rm lib/two; mkfifo lib/two", VERIFY_TYPE, "lib/two" },
		{ "rm lib/two; mkdir lib/two", VERIFY_TYPE, "lib/two" },
		{ "rm lib/two; ln -s one lib/two", VERIFY_TYPE, "lib/two" },
		{ "rmdir lib/empty; ln -s . lib/empty", VERIFY_TYPE, "lib/empty" },
		{ "rm bin/alias; cp bin/tool bin/alias", VERIFY_TYPE, "bin/alias" },
		{ "ln -sfn other bin/alias", VERIFY_TARGET, "bin/alias" },
		{ "cp lib/uno u; mv u lib/uno", VERIFY_LINKS, "lib/uno" },
		{ "echo one > lib/two; chmod 644 lib/two", VERIFY_CONTENT, "lib/two" },
		{ "echo bad > .delta/hooks/start", VERIFY_SIZE, ".delta/hooks/start" },
		{ "echo > .delta/hooks/stop", VERIFY_EXTRA, ".delta/hooks/stop" },
		{ "echo > .delta/other", VERIFY_EXTRA, ".delta/other" },
		{ "truncate -s 1G lib/two", VERIFY_SIZE, "lib/two" },
		{ "echo y > lib/zero", VERIFY_SIZE, "lib/zero" },
	};
	struct site *s = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		lab_device_sh(s->l, "(%s) && cd tree && { %s\n}", make_tree,
		    cases[i].spoil);
		look(s);
		assert_true(s->report.total >= 1);
		must_differ(s, cases[i].what, cases[i].path);
	}
}

static void
two_files_on_one_inode_are_a_difference(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct site s = { .l = l };

	(void)state;
	lab_device_sh(l, "mkdir tree && echo same > tree/a && cp tree/a tree/b");
	s.listing = lab_device_record(l, "tree", 1, &s.rec);
	lab_device_sh(l, "ln -f tree/a tree/b");
	look(&s);
	must_differ(&s, VERIFY_LINKS, "b");
	/* a name outside of the tree does not matter */
	lab_device_sh(l, "rm tree/b && cp -p tree/a tree/b && ln tree/a outside");
	look(&s);
	must_be_clean(&s);
	verify_report_clear(&s.report);
	listing_free(s.listing);
	record_clear(&s.rec);
	lab_device_close(l);
}

static void
attributes_that_are_listed_are_compared(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct site s = { .l = l };
	char path[400];

	(void)state;
	lab_device_sh(l, "mkdir tree && echo a > tree/a && echo b > tree/b");
	(void)snprintf(path, sizeof path, "%s/tree/a", l->dir);
	if (setxattr(path, "user.color", "red", 3, 0) == -1) {
		lab_device_close(l);
		skip();
	}
	s.listing = lab_device_record(l, "tree", 1, &s.rec);
	look(&s);
	must_be_clean(&s);
	assert_int_equal(setxattr(path, "user.color", "blue", 4, 0), 0);
	look(&s);
	must_differ(&s, VERIFY_XATTR, "a");
	assert_int_equal(removexattr(path, "user.color"), 0);
	look(&s);
	must_differ(&s, VERIFY_XATTR, "a");
	verify_report_clear(&s.report);
	listing_free(s.listing);
	record_clear(&s.rec);
	lab_device_close(l);
}

static void
the_error_names_the_first_and_counts_the_rest(void **state)
{
	struct site *s = *state;
	struct err e = ERR_INIT;

	lab_device_sh(s->l,
	    "cd tree && rm lib/two && echo x > bin/x && chmod 1 bin/tool");
	look(s);
	assert_int_equal(s->report.total, 3);
	assert_int_equal(verify_report_err(&s->report, "releases/42", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_string_equal(e.text, "releases/42: bin/tool: mode 0001 instead of 0755; "
	    "2 more differences");
}

static void
a_report_is_bounded_and_counts_on(void **state)
{
	struct site *s = *state;

	lab_device_sh(s->l,
	    "cd tree/lib/empty && for i in $(seq 1200); do echo \"x$i\"; done "
	    "| xargs touch");
	look(s);
	assert_int_equal(s->report.n, VERIFY_REPORT_MAX);
	assert_int_equal(s->report.total, 1200);
}

static void
what_is_printed_cannot_drive_a_terminal(void **state)
{
	struct site *s = *state;

	lab_device_sh(s->l, "ln -sfn \"$(printf '\\033[31mred')\" tree/bin/alias");
	look(s);
	must_differ(s, VERIFY_TARGET, "bin/alias");
	assert_null(strchr(s->report.items[0].text, '\033'));
}

static void
a_release_is_ready_only_with_its_record(void **state)
{
	struct site *s = *state;
	struct device *dev = &s->l->dev;
	struct err e = ERR_INIT;

	assert_int_equal(ready_release(dev, &s->rec, &e), 0);
	lab_device_sh(s->l, "cp -a tree app/releases/42");
	assert_int_equal(ready_release(dev, &s->rec, &e), 0);
	lab_device_sign(s->l, "app/releases/42", 42);
	assert_int_equal(ready_release(dev, &s->rec, &e), 1);
	lab_device_sh(s->l, "echo > app/releases/42/lib/two");
	assert_int_equal(ready_release(dev, &s->rec, &e), 0);
	assert_non_null(strstr(e.text, "lib/two"));
	/* Half a release with the record of a whole one. */
	lab_device_sh(s->l, "rm -rf app/releases/42/lib");
	assert_int_equal(ready_release(dev, &s->rec, &e), 0);
	/* A whole tree of another release. */
	lab_device_sh(s->l, "rm -rf app/releases/42 && cp -a tree app/releases/42");
	lab_device_sign(s->l, "app/releases/42", 41);
	assert_int_equal(ready_release(dev, &s->rec, &e), 0);
}

int
main(void)
{
#define AT_SITE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		AT_SITE(a_tree_as_listed_has_no_difference),
		AT_SITE(times_do_not_matter),
		AT_SITE(each_change_is_named),
		cmocka_unit_test(two_files_on_one_inode_are_a_difference),
		cmocka_unit_test(attributes_that_are_listed_are_compared),
		AT_SITE(the_error_names_the_first_and_counts_the_rest),
		AT_SITE(a_report_is_bounded_and_counts_on),
		AT_SITE(what_is_printed_cannot_drive_a_terminal),
		AT_SITE(a_release_is_ready_only_with_its_record),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
