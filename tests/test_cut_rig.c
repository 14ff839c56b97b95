#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
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
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "tests/cut/cut.h"

/*
 * Each case: a folder, a small program in a child of its own that is cut, and a
 * look at what a new boot would find.
 */
enum { NEVER = 100000, DONE = 7 };

static char top[256], stash[300];
static int dir = -1;
static struct err e;

static int
setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char work[300];

	(void)state;
	(void)snprintf(top, sizeof top, "%s/cut.XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(top));
	(void)snprintf(stash, sizeof stash, "%s/stash", top);
	(void)snprintf(work, sizeof work, "%s/work", top);
	assert_int_equal(mkdir(stash, 0700), 0);
	assert_int_equal(mkdir(work, 0755), 0);
	dir = fs_open_dir(work, &e);
	assert_int_not_equal(dir, -1);
	return 0;
}

static int
teardown(void **state)
{
	int at = fs_open_dir("/", &e);

	(void)state;
	(void)close(dir);
	assert_int_equal(fs_remove_tree(at, top + 1, &e), 0);
	(void)close(at);
	return 0;
}

static void
ok(int rc)
{
	if (rc != -1)
		return;
	(void)fprintf(stderr, "%s\n", e.text);
	_exit(1);
}

/* A file as a careless program makes it. */
static void
put(const char *name, const char *text)
{
	int fd = fs_open_rw(dir, name, 0644, &e);

	ok(fd);
	ok(fs_truncate(fd, 0, &e));
	ok(fs_write(fd, text, strlen(text), &e));
	(void)close(fd);
}

static void
sync_file(const char *name)
{
	int fd = fs_open_rw(dir, name, 0644, &e);

	ok(fd);
	ok(fs_sync(fd, &e));
	(void)close(fd);
}

static void
sync_dir(const char *name)
{
	ok(fs_sync_dir(dir, name, &e));
}

/* What is there beforehand is durable: the rig has not begun. */
static void
given(const char *name, const char *text)
{
	const char *slash = strrchr(name, '/');
	char folder[64];

	if (slash != NULL) {
		(void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
		ok(fs_mkdirs(dir, folder, 0755, &e));
	}
	put(name, text);
}

static int
run(const struct cut *cut, void (*program)(void))
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		cut_start(cut);
		program();
		exit(DONE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The program ends, and then the power fails. */
static void
lose(void (*program)(void))
{
	struct cut cut = { .at = NEVER, .power = true, .stash = stash };

	assert_int_equal(run(&cut, program), DONE);
}

static char *
text_of(const char *name)
{
	static char text[256];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return NULL;
	n = read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	(void)close(fd);
	return text;
}

static void
expect(const char *name, const char *text)
{
	const char *is = text_of(name);

	if (is == NULL)
		fail_msg("%s is gone", name);
	assert_string_equal(is, text);
}

static void
expect_absent(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void
three_files(void)
{
	put("a", "1");
	put("b", "2");
	put("c", "3");
}

static void
a_killed_process_leaves_what_it_did_before(void **state)
{
	/* Each file: openat, ftruncate, write. */
	struct cut cut = { .at = 6 };

	(void)state;
	assert_int_equal(run(&cut, three_files), CUT_STATUS);
	expect("a", "1");
	expect("b", "");
	expect_absent("c");
}

static void
beyond_the_last_call_the_process_ends_by_itself(void **state)
{
	struct cut cut = { .at = 10 };

	(void)state;
	assert_int_equal(run(&cut, three_files), DONE);
	expect("c", "3");
}

static void
a_name_needs_the_sync_of_its_folder(void **state)
{
	(void)state;
	lose(three_files);
	expect_absent("a");
	expect_absent("c");
}

static void
synced_file_only(void)
{
	put("a", "1");
	sync_file("a");
}

static void
the_sync_of_a_file_keeps_no_name(void **state)
{
	(void)state;
	lose(synced_file_only);
	expect_absent("a");
}

static void
synced_folder_only(void)
{
	put("a", "1");
	sync_dir(".");
}

static void
the_sync_of_a_folder_keeps_no_bytes(void **state)
{
	(void)state;
	lose(synced_folder_only);
	expect("a", "");
}

static void
synced_both(void)
{
	put("a", "1");
	sync_file("a");
	sync_dir(".");
	put("b", "2");
}

static void
both_syncs_keep_a_file(void **state)
{
	(void)state;
	lose(synced_both);
	expect("a", "1");
	expect_absent("b");
}

static void
overwrite(void)
{
	put("a", "two");
	sync_file("a");
	put("a", "three");
}

static void
bytes_go_back_to_the_last_sync(void **state)
{
	(void)state;
	given("a", "one");
	lose(overwrite);
	expect("a", "two");
}

static void
rename_over(void)
{
	put("new", "2");
	sync_file("new");
	ok(fs_rename(dir, "new", dir, "a", &e));
}

static void
a_rename_is_undone_and_what_it_replaced_is_back(void **state)
{
	(void)state;
	given("a", "1");
	lose(rename_over);
	expect("a", "1");
	expect_absent("new");
}

static void
rename_over_synced(void)
{
	rename_over();
	sync_dir(".");
}

static void
a_synced_rename_stays(void **state)
{
	(void)state;
	given("a", "1");
	lose(rename_over_synced);
	expect("a", "2");
	expect_absent("new");
}

static void
exchange(void)
{
	ok(fs_exchange(dir, "x", dir, "y/z", &e));
}

static void
an_exchange_is_undone(void **state)
{
	(void)state;
	given("x/f", "x");
	given("y/z/f", "z");
	lose(exchange);
	expect("x/f", "x");
	expect("y/z/f", "z");
}

static void
exchange_synced(void)
{
	exchange();
	sync_dir("y");
}

static void
the_sync_of_either_folder_keeps_an_exchange(void **state)
{
	(void)state;
	given("x/f", "x");
	given("y/z/f", "z");
	lose(exchange_synced);
	expect("x/f", "z");
	expect("y/z/f", "x");
}

static void
remove_tree(void)
{
	ok(fs_remove_tree(dir, "t", &e));
	put("t", "a file now");
}

static void
a_removed_tree_comes_back(void **state)
{
	(void)state;
	given("t/sub/f", "1");
	given("t/g", "2");
	lose(remove_tree);
	expect("t/sub/f", "1");
	expect("t/g", "2");
}

static void
remove_tree_synced(void)
{
	ok(fs_remove_tree(dir, "t", &e));
	sync_dir(".");
}

static void
a_removal_that_is_synced_is_final(void **state)
{
	(void)state;
	given("t/sub/f", "1");
	lose(remove_tree_synced);
	expect_absent("t");
}

static void
new_folder(void)
{
	ok(fs_mkdir(dir, "d", 0755, &e));
	put("d/f", "1");
	sync_file("d/f");
	sync_dir("d");
}

static void
a_new_folder_is_lost_with_all_that_is_safe_in_it(void **state)
{
	(void)state;
	lose(new_folder);
	expect_absent("d");
}

static void
move_between(void)
{
	new_folder();
	ok(fs_rename(dir, "d", dir, "e/d", &e));
	sync_dir("e");
}

static void
a_synced_move_takes_along_what_came_before(void **state)
{
	(void)state;
	given("e/x", "");
	lose(move_between);
	expect("e/d/f", "1");
	expect_absent("d");
}

static void
modes(void)
{
	int a = fs_open_rw(dir, "a", 0644, &e), b = fs_open_rw(dir, "b", 0644, &e);

	ok(fs_chmod_fd(a, 0400, &e));
	ok(fs_chmod_fd(b, 0400, &e));
	ok(fs_sync(b, &e));
}

static void
modes_need_a_sync_too(void **state)
{
	struct stat st;

	(void)state;
	given("a", "");
	given("b", "");
	lose(modes);
	assert_int_equal(fstatat(dir, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(fstatat(dir, "b", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
}

static void
everything(void)
{
	new_folder();
	ok(fs_symlink(dir, "d/f", "l", &e));
	ok(fs_link(dir, "a", dir, "d/a", &e));
	put("a", "2");
	ok(fs_sync_all(dir, &e));
	ok(fs_unlink(dir, "l", &e));
}

static void
syncfs_keeps_everything_before_it(void **state)
{
	(void)state;
	given("a", "1");
	lose(everything);
	expect("l", "1");
	expect("d/a", "2");
}

static void
a_dropped_sync_is_none(void **state)
{
	struct cut cut = { .at = NEVER, .power = true, .stash = stash, .drop = "syncfs" };

	(void)state;
	given("a", "1");
	assert_int_equal(run(&cut, everything), DONE);
	expect_absent("d");
	expect_absent("l");
	expect("a", "1");
}

static void
a_child_of_the_process_does_as_it_likes(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		put("a", "2");
		exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void
children_are_not_counted(void **state)
{
	struct cut cut = { .at = 1, .power = true, .stash = stash };

	(void)state;
	assert_int_equal(run(&cut, a_child_of_the_process_does_as_it_likes), DONE);
	expect("a", "2");
}

static void
a_child_fills_a_new_folder(void)
{
	ok(fs_mkdir(dir, "d", 0755, &e));
	a_child_of_the_process_does_as_it_likes();
	if (fork() == 0) {
		put("d/f", "1");
		exit(0);
	}
	(void)wait(NULL);
}

static void
a_lost_folder_takes_along_what_children_put_there(void **state)
{
	(void)state;
	lose(a_child_fills_a_new_folder);
	expect("a", "2");
	expect_absent("d");
}

static void
write_whole(void)
{
	ok(fs_write_file(dir, "a", "new bytes", 9, 0644, &e));
}

/* Cut at every call and then some seeds: how often is `a` neither old nor new? */
static unsigned
torn(const char *drop)
{
	unsigned bad = 0;

	for (unsigned seed = 0; seed < 20; seed++)
		for (unsigned at = 1; at < 8; at++) {
			struct cut cut = { .at = at, .power = true, .seed = seed,
				.stash = stash, .drop = drop };
			const char *is;

			given("a", "old");
			assert_int_not_equal(run(&cut, write_whole), CUT_BROKEN);
			is = text_of("a");
			if (is == NULL || (strcmp(is, "old") != 0 &&
			    strcmp(is, "new bytes") != 0))
				bad++;
			assert_int_equal(fs_remove_temps(dir, ".", &e), 0);
		}
	return bad;
}

static void
a_file_is_replaced_as_a_whole(void **state)
{
	(void)state;
	assert_int_equal(torn(NULL), 0);
}

/* Else the case before proves nothing. */
static void
without_its_sync_a_file_is_torn(void **state)
{
	(void)state;
	assert_true(torn("fsync:") > 0);
}

static void
without_the_sync_of_the_folder_the_old_file_is_back(void **state)
{
	struct cut cut = { .at = NEVER, .power = true, .stash = stash,
		.drop = "fsync:/work" };

	(void)state;
	given("a", "old");
	assert_int_equal(run(&cut, write_whole), DONE);
	expect("a", "old");
	cut.drop = NULL;
	assert_int_equal(run(&cut, write_whole), DONE);
	expect("a", "new bytes");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_killed_process_leaves_what_it_did_before),
		CASE(beyond_the_last_call_the_process_ends_by_itself),
		CASE(a_name_needs_the_sync_of_its_folder),
		CASE(the_sync_of_a_file_keeps_no_name),
		CASE(the_sync_of_a_folder_keeps_no_bytes),
		CASE(both_syncs_keep_a_file),
		CASE(bytes_go_back_to_the_last_sync),
		CASE(a_rename_is_undone_and_what_it_replaced_is_back),
		CASE(a_synced_rename_stays),
		CASE(an_exchange_is_undone),
		CASE(the_sync_of_either_folder_keeps_an_exchange),
		CASE(a_removed_tree_comes_back),
		CASE(a_removal_that_is_synced_is_final),
		CASE(a_new_folder_is_lost_with_all_that_is_safe_in_it),
		CASE(a_synced_move_takes_along_what_came_before),
		CASE(modes_need_a_sync_too),
		CASE(syncfs_keeps_everything_before_it),
		CASE(a_dropped_sync_is_none),
		CASE(children_are_not_counted),
		CASE(a_lost_folder_takes_along_what_children_put_there),
		CASE(a_file_is_replaced_as_a_whole),
		CASE(without_its_sync_a_file_is_torn),
		CASE(without_the_sync_of_the_folder_the_old_file_is_back),
	};

	return cmocka_run_group_tests_name("cut_rig", tests, NULL, NULL);
}
