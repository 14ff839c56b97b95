#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifest/base/fs_change.h"

#include "tests/cut/ground.h"

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
	assert_int_equal(run_cut(&cut, three_files), CUT_STATUS);
	expect("a", "1");
	expect("b", "");
	expect_absent("c");
}

static void
beyond_the_last_call_the_process_ends_by_itself(void **state)
{
	struct cut cut = { .at = 10 };

	(void)state;
	assert_int_equal(run_cut(&cut, three_files), DONE);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CUT_CASE(a_killed_process_leaves_what_it_did_before),
		CUT_CASE(beyond_the_last_call_the_process_ends_by_itself),
		CUT_CASE(a_name_needs_the_sync_of_its_folder),
		CUT_CASE(the_sync_of_a_file_keeps_no_name),
		CUT_CASE(the_sync_of_a_folder_keeps_no_bytes),
		CUT_CASE(both_syncs_keep_a_file),
		CUT_CASE(bytes_go_back_to_the_last_sync),
		CUT_CASE(a_rename_is_undone_and_what_it_replaced_is_back),
		CUT_CASE(a_synced_rename_stays),
		CUT_CASE(an_exchange_is_undone),
		CUT_CASE(the_sync_of_either_folder_keeps_an_exchange),
	};

	return cmocka_run_group_tests_name("cut_rig", tests, NULL, NULL);
}
