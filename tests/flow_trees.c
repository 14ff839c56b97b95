/*
 * Trees of every shape, released and updated to: what stands on the device is what
 * was released, entry by entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/fixture.h"

static void
configure(const char *app)
{
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = file://%s/repo\nplatform = any\nstate = %s/dev/state\nrun = %s/run\n%s"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n"
	    "[health]\nretries = 0\nhold = 0\n", l->dir, l->dir, l->dir, l->dir, app,
	    l->dir);
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 50000, 1);
	configure("");
	return 0;
}

/* Change the tree by a command that runs in it, and release it. */
static void
release(const char *change)
{
	lab_ok(l, "cd t && %s", change);
	lab_ok(l, "mkdelta release -q repo t");
}

static void
update(void)
{
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current/"));
	lab_ok(l, DELTA_APPLY "verify");
}

static void
next(const char *change)
{
	release(change);
	update();
}

/* What the plan would fetch. */
static uint64_t
download_bytes(void)
{
	static const char member[] = "\"download-bytes\":";
	const char *at;

	lab_ok(l, DELTA_APPLY "plan --json");
	at = strstr(l->out, member);
	assert_non_null(at);
	return strtoull(at + sizeof member - 1, NULL, 10);
}

static void
one_inode(const char *a, const char *b, int expected)
{
	lab_ok(l, "cd dev/demo/current && [ $(stat -c %%i %s) = $(stat -c %%i %s) ] && "
	    "echo one || echo two", a, b);
	assert_int_equal(lab_said(l, "one"), expected);
}

static void
hard_links_are_links_of_one_tree(void **state)
{
	(void)state;
	next("seq 5000 > a && ln a b && mkdir d && ln a d/c && cp a apart");
	one_inode("a", "b", 1);
	one_inode("a", "d/c", 1);
	one_inode("a", "apart", 0);
	/* New content for all of the names. */
	next("seq 2 5001 > a");
	one_inode("a", "d/c", 1);
	/* One name leaves; what it is now differs. */
	next("rm b && seq 3 > b");
	one_inode("a", "b", 0);
	one_inode("a", "d/c", 1);
	/* All apart with one content, then together again, under other names. */
	next("cp a x && mv x a && cp b y && mv y b");
	one_inode("a", "d/c", 0);
	next("rm a && ln d/c a && mv d e && ln a 0first");
	one_inode("a", "e/c", 1);
	one_inode("a", "0first", 1);
	/* The same links again over a tree that was written to. */
	lab_ok(l, "echo more >> dev/demo/current/e/c");
	next("echo > new");
	one_inode("a", "e/c", 1);
}

static void
setuid_needs_to_be_allowed(void **state)
{
	(void)state;
	next("true");
	release("cp bin/app bin/su && chmod 4755 bin/su");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "bin/su");
	lab_must_say(l, "setuid");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 ");
	lab_ok(l, "! find dev -perm /6000 | grep .");
	configure("allow = setuid\n");
	update();
	lab_ok(l, "stat -c %%a dev/demo/current/bin/su | grep -x 4755");
	/* Allowed is what was named, no more. */
	release("chmod 2755 bin/su");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "setgid");
	next("chmod 755 bin/su");
}

static void
world_writable_needs_to_be_allowed(void **state)
{
	(void)state;
	next("true");
	release("echo > open && chmod 666 open");
	lab_expect(l, 5, DELTA_APPLY "update");
	lab_must_say(l, "open");
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 ");
	configure("allow = world-writable\n");
	update();
}

static void
holes_read_as_zeros(void **state)
{
	(void)state;
	next("truncate -s 8M sparse");
	next("printf x | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none");
	next("truncate -s 9M sparse && truncate -s 0 empty");
}

static void
names_of_any_bytes(void **state)
{
	(void)state;
	next(
	    "mkdir 'a folder' && echo 1 > 'a folder/with blanks  ' && "
	    "echo 2 > \"$(printf 'new\\nline')\" && echo 3 > \"$(printf 'tab\\there')\" && "
	    "echo 4 > 'größe-日本語' && echo 5 > \"$(printf '%%0255d' 7)\" && "
	    "echo 6 > 'back\\slash\\040' && echo 7 > -rf && echo 8 > '#hash=1' && "
	    "echo 9 > \"$(printf 'latin\\374')\" && echo 0 > '*?[x]' && "
	    "echo 1 > ... && echo 2 > '\"quoted'\"'\" && echo 3 > '~' && "
	    "mkdir \"$(printf 'esc\\033[31m')\" && echo > \"$(printf 'esc\\033[31m')/x\" && "
	    "ln -s \"$(printf 'new\\nline')\" \"$(printf 'link to\\nlines ')\"");
	next("for f in *; do [ -d \"$f\" ] || echo more >> \"./$f\"; done");
	next("mv \"$(printf 'new\\nline')\" 'old line' && mv 'a folder' "
	     "\"$(printf 'b\\nfolder')\" && mv 'größe-日本語' \"$(printf '%%0255d' 8)\"");
	/* Nothing of a name reaches the terminal as it is. */
	lab_ok(l, "for f in dev/demo/current/esc*/x; do echo x >> \"$f\"; done");
	lab_expect(l, 4, DELTA_APPLY "verify");
	assert_null(strchr(l->out, '\033'));
	assert_null(strchr(l->err, '\033'));
}

static void
long_paths(void **state)
{
	(void)state;
	next(
	    "d=. && for i in 1 2 3 4 5 6 7 8 9 10 11 12; do d=$d/$(printf '%%0200d' $i); done; "
	    "mkdir -p $d && echo deep > $d/file");
	next("find . -name file -exec sh -c 'echo deeper >> \"$1\"' sh {} ';'");
}

static void
an_entry_changes_its_kind(void **state)
{
	static const char *const kinds[] = {
		"mkdir -p x/y && seq 2000 > x/y/z", "seq 2000 > x", "ln -s bin/app x",
		"mkdir x && seq 2000 > x/y", "ln -s bin x", "mkdir x"
	};
	char change[128];

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		(void)snprintf(change, sizeof change, "rm -rf x && %s", kinds[i]);
		next(change);
	}
}

static void
empty_folders_come_and_go(void **state)
{
	(void)state;
	next("mkdir -p e/f/g var/log && chmod 700 e");
	next("rmdir e/f/g && mkdir e/h && chmod 755 e");
	next("rm -r e var/log && echo > var/file");
	next("rm -r var bin && mkdir bin");
	/* Nothing but folders, and back. */
	next("seq 1000 > bin/app");
}

/* A target is data: it is never followed and never judged. */
static void
links_that_lead_outside_are_kept_as_data(void **state)
{
	(void)state;
	lab_write(l, "outside/file", "not touched\n");
	next(
	    "ln -s ../../../../etc/passwd up && ln -s /etc/hostname absolute && "
	    "ln -s nowhere dangling && ln -s loop loop && ln -s .. parent && ln -s . self");
	next("ln -snf ../../../.. up && ln -snf /tmp absolute && ln -snf loop dangling");
	/* Next a folder stands where the link led outside, and the reverse. */
	next("rm up && mkdir up && echo x > up/file && rm absolute && mkdir absolute");
	lab_ok(l, "cd t && rm -r up && ln -s '%s/outside' up", l->dir);
	next("true");
	next("rm up && mkdir up && echo y > up/file");
	lab_ok(l, "[ \"$(ls outside)\" = file ] && grep -x 'not touched' outside/file");
}

static void
a_change_of_modes_alone_downloads_almost_nothing(void **state)
{
	uint64_t bytes;

	(void)state;
	lab_ok(l, "head -c 400000 /dev/urandom > t/bin/large; chmod 644 t/bin/large");
	next("true");
	release("chmod 700 bin/large bin && chmod 755 bin/app");
	bytes = download_bytes();
	if (bytes > 1000)
		fail_msg("%llu bytes", (unsigned long long)bytes);
	update();
	lab_ok(l, "stat -c %%a dev/demo/current/bin/large | grep -x 700");
	/* The release before keeps its own. */
	lab_ok(l, "stat -c %%a dev/demo/releases/1/bin/large | grep -x 644");
}

static void
the_same_content_twice_is_fetched_once(void **state)
{
	uint64_t bytes;

	(void)state;
	next("true");
	release(
	    "head -c 300000 /dev/urandom > one && cp one two && mkdir d && cp one d/three");
	bytes = download_bytes();
	if (bytes > 310000)
		fail_msg("%llu bytes", (unsigned long long)bytes);
	update();
	one_inode("one", "two", 0);
	release("cp one four && cp d/three bin/app");
	bytes = download_bytes();
	if (bytes > 1000)
		fail_msg("%llu bytes", (unsigned long long)bytes);
	update();
	one_inode("one", "four", 0);
	next("echo x >> two");
}

static void
a_renamed_file_is_not_fetched(void **state)
{
	uint64_t bytes;

	(void)state;
	lab_ok(l,
	    "head -c 300000 /dev/urandom > t/one; head -c 300000 /dev/urandom > t/two");
	next("true");
	release("mkdir moved && mv one moved/uno && mv two one && mv moved/uno two && "
	    "mv bin lib");
	bytes = download_bytes();
	if (bytes > 1000)
		fail_msg("%llu bytes", (unsigned long long)bytes);
	update();
}

static void
the_same_tree_again_is_a_release_of_its_own(void **state)
{
	(void)state;
	next("true");
	lab_ok(l, "mkdelta release -q --number 2 repo t");
	update();
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 2 ");
	/* Without a number of its own nothing is made. */
	lab_ok(l, "mkdelta release repo t");
	lab_must_say(l, "already released as 2");
	next("echo > new");
	next("rm new");
	lab_ok(l, DELTA_APPLY "rollback");
	lab_ok(l, DELTA_APPLY "verify");
}

static void
umask_and_modes_of_little_use_do_not_matter(void **state)
{
	(void)state;
	release("umask 022 && echo > r && chmod 400 r && mkdir shut && echo > shut/x && "
	    "chmod 500 shut && echo > none && chmod 0 none");
	lab_ok(l, "umask 0777; " DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current/"));
	release("echo 2 >> bin/app && chmod 700 shut && echo > shut/y && chmod 500 shut");
	lab_ok(l, "umask 0; " DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current/"));
	lab_ok(l, "! find dev -perm -o+w ! -type l | grep .");
	lab_ok(l, "stat -c %%a dev/state | grep -x 700");
	lab_ok(l, "chmod 700 t/shut");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(hard_links_are_links_of_one_tree),
		FLOW(setuid_needs_to_be_allowed),
		FLOW(world_writable_needs_to_be_allowed),
		FLOW(holes_read_as_zeros),
		FLOW(names_of_any_bytes),
		FLOW(long_paths),
		FLOW(an_entry_changes_its_kind),
		FLOW(empty_folders_come_and_go),
		FLOW(links_that_lead_outside_are_kept_as_data),
		FLOW(a_change_of_modes_alone_downloads_almost_nothing),
		FLOW(the_same_content_twice_is_fetched_once),
		FLOW(a_renamed_file_is_not_fetched),
		FLOW(the_same_tree_again_is_a_release_of_its_own),
		FLOW(umask_and_modes_of_little_use_do_not_matter),
	};

	return cmocka_run_group_tests_name("trees", tests, NULL, NULL);
}
