#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "tests/cut/ground.h"

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
	struct cut cut = { .at = NEVER,
		.power = true,
		.stash = cut_stash,
		.drop = "syncfs" };

	(void)state;
	given("a", "1");
	assert_int_equal(run_cut(&cut, everything), DONE);
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
	struct cut cut = { .at = 1, .power = true, .stash = cut_stash };

	(void)state;
	assert_int_equal(run_cut(&cut, a_child_of_the_process_does_as_it_likes), DONE);
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
				.stash = cut_stash, .drop = drop };
			const char *is;

			given("a", "old");
			assert_int_not_equal(run_cut(&cut, write_whole), CUT_BROKEN);
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
	struct cut cut = { .at = NEVER, .power = true, .stash = cut_stash,
		.drop = "fsync:/work" };

	(void)state;
	given("a", "old");
	assert_int_equal(run_cut(&cut, write_whole), DONE);
	expect("a", "old");
	cut.drop = NULL;
	assert_int_equal(run_cut(&cut, write_whole), DONE);
	expect("a", "new bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CUT_CASE(a_removed_tree_comes_back),
		CUT_CASE(a_removal_that_is_synced_is_final),
		CUT_CASE(a_new_folder_is_lost_with_all_that_is_safe_in_it),
		CUT_CASE(a_synced_move_takes_along_what_came_before),
		CUT_CASE(modes_need_a_sync_too),
		CUT_CASE(syncfs_keeps_everything_before_it),
		CUT_CASE(a_dropped_sync_is_none),
		CUT_CASE(children_are_not_counted),
		CUT_CASE(a_lost_folder_takes_along_what_children_put_there),
		CUT_CASE(a_file_is_replaced_as_a_whole),
		CUT_CASE(without_its_sync_a_file_is_torn),
		CUT_CASE(without_the_sync_of_the_folder_the_old_file_is_back),
	};

	return cmocka_run_group_tests_name("cut_power", tests, NULL, NULL);
}
