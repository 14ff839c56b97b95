#include <sys/stat.h>
#include <sys/xattr.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "tests/lab/disk.h"
#include "tests/lab/scratch.h"

static int
setup(void **state)
{
	disk_reset();
	return scratch_open(state);
}

static int
teardown(void **state)
{
	disk_reset();
	(void)umask(022);
	return scratch_close(state);
}

static void
modes_are_exact_whatever_the_umask(void **state)
{
	static const mode_t modes[] = { 0600, 0644, 0666, 0777, 0400, 0755 };
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		char name[16], sub[40];
		int fd;

		(void)umask(i % 2 == 0 ? 077 : 0);
		(void)snprintf(name, sizeof name, "%zu", i);
		assert_int_equal(fs_mkdirs(s->dir, name, modes[i] | 0700, &e), 0);
		assert_int_equal(scratch_mode(s, name), modes[i] | 0700);
		(void)snprintf(sub, sizeof sub, "%s/f", name);
		fd = fs_create(s->dir, sub, modes[i], &e);
		assert_int_not_equal(fd, -1);
		(void)close(fd);
		assert_int_equal(scratch_mode(s, sub), modes[i]);
		(void)snprintf(sub, sizeof sub, "%s/w", name);
		assert_int_equal(fs_write_file(s->dir, sub, "x", 1, modes[i], &e), 0);
		assert_int_equal(scratch_mode(s, sub), modes[i]);
		(void)snprintf(sub, sizeof sub, "%s/a/b", name);
		assert_int_equal(fs_mkdirs(s->dir, sub, 01777, &e), 0);
		assert_int_equal(scratch_mode(s, sub), 01777);
		(void)snprintf(sub, sizeof sub, "%s/a", name);
		assert_int_equal(scratch_mode(s, sub), 0755);
	}
}

static void
created_files_are_new_and_opened_ones_keep_their_bytes(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	int fd = fs_create(s->dir, "f", 0644, &e);

	assert_int_equal(fs_write(fd, "abc", 3, &e), 0);
	assert_int_equal(fs_pwrite(fd, "X", 1, 1, &e), 0);
	(void)close(fd);
	assert_int_equal(fs_create(s->dir, "f", 0644, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	fd = fs_open_rw(s->dir, "f", 0600, &e);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_true(scratch_holds(s, "f", "aXc"));
	assert_int_equal(scratch_mode(s, "f"), 0644);
	fd = fs_open_rw(s->dir, "new", 0640, &e);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_int_equal(scratch_mode(s, "new"), 0640);
	scratch_link(s, "f", "link");
	assert_int_equal(fs_open_rw(s->dir, "link", 0600, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_int_equal(mkfifoat(s->dir, "fifo", 0600), 0);
	assert_int_equal(fs_open_rw(s->dir, "fifo", 0600, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
}

static void
sizes_are_set_and_room_reserved_without_growing(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct stat st;
	int fd = fs_create(s->dir, "f", 0644, &e);

	assert_int_equal(fs_allocate(fd, 1 << 20, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(fs_truncate(fd, 5000, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 5000);
	disk_fail_name("fallocate", EOPNOTSUPP);
	assert_int_equal(fs_allocate(fd, 1 << 20, &e), 0);
	disk_fail_name("fallocate", ENOSPC);
	assert_int_equal(fs_allocate(fd, 1 << 20, &e), -1);
	assert_int_equal(e.code, ERR_ROOM);
	(void)close(fd);
}

static void
short_and_interrupted_writes_are_finished(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	int fd = fs_create(s->dir, "f", 0644, &e);

	disk_shorten(3);
	assert_int_equal(fs_write(fd, "0123456789", 10, &e), 0);
	assert_int_equal(fs_pwrite(fd, "abcdefgh", 8, 1, &e), 0);
	(void)close(fd);
	disk_reset();
	assert_true(scratch_holds(s, "f", "0abcdefgh9"));
}

static void
a_written_file_is_synced_before_its_name_and_its_folder_after(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	scratch_dir(s, "d");
	disk_reset();
	assert_int_equal(fs_write_file(s->dir, "d/f", "new", 3, 0644, &e), 0);
	assert_string_equal(disk_calls(), "openat write fsync renameat fsync");
	disk_reset();
	assert_int_equal(fs_put_file(s->dir, "d/g", "new", 3, 0644, &e), 0);
	assert_string_equal(disk_calls(), "openat write renameat");
	disk_reset();
	assert_int_equal(fs_replace_link(s->dir, "d", "current", &e), 0);
	assert_string_equal(disk_calls(), "symlinkat renameat fsync");
	assert_true(scratch_holds(s, "d/f", "new"));
	assert_true(scratch_holds(s, "d/g", "new"));
}

/* Each call in turn is refused; then all calls from it on. */
static void
a_failed_write_leaves_what_was_there(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	unsigned total;

	scratch_dir(s, "d");
	scratch_file(s, "d/f", "old");
	disk_reset();
	assert_int_equal(fs_write_file(s->dir, "d/g", "new", 3, 0644, &e), 0);
	total = disk_count();
	assert_int_equal(total, 5);
	for (unsigned n = 1; n <= total; n++)
		for (int ever = 0; ever < 2; ever++) {
			bool renamed = n == total;

			scratch_file(s, "d/f", "old");
			disk_reset();
			disk_fail(n, ENOSPC, ever);
			assert_int_equal(fs_write_file(s->dir, "d/f", "new", 3,
			    0644, &e), -1);
			assert_int_equal(e.code, ERR_ROOM);
			disk_reset();
			assert_true(scratch_holds(s, "d/f", renamed ? "new" : "old"));
			if (!ever)	/* else even its removal was refused */
				assert_int_equal(scratch_count(s, "d"), 2);
			assert_int_equal(fs_remove_temps(s->dir, "d", &e), 0);
			assert_int_equal(scratch_count(s, "d"), 2);
		}
}

static void
a_link_is_replaced_whole_or_not_at_all(void **state)
{
	const struct scratch *s = *state;
	struct buf target = BUF_INIT(100);
	struct err e = ERR_INIT;

	scratch_link(s, "releases/41", "current");
	for (unsigned n = 1; n <= 2; n++) {
		disk_reset();
		disk_fail(n, EIO, 0);
		assert_int_equal(fs_replace_link(s->dir, "releases/42", "current",
		    &e), -1);
		disk_reset();
		assert_int_equal(fs_read_link(s->dir, "current", &target, &e), 0);
		assert_string_equal(buf_text(&target), "releases/41");
		assert_int_equal(scratch_count(s, "."), 1);
	}
	assert_int_equal(fs_replace_link(s->dir, "releases/42", "current", &e), 0);
	assert_int_equal(fs_read_link(s->dir, "current", &target, &e), 0);
	assert_string_equal(buf_text(&target), "releases/42");
	buf_free(&target);
}

static void
names_of_255_bytes_can_be_written(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	char name[257];

	memset(name, 'n', sizeof name);
	name[255] = '\0';
	assert_int_equal(fs_write_file(s->dir, name, "x", 1, 0644, &e), 0);
	assert_true(scratch_holds(s, name, "x"));
	name[255] = 'n';
	name[256] = '\0';
	assert_int_equal(fs_write_file(s->dir, name, "x", 1, 0644, &e), -1);
	assert_int_equal(e.sys, ENAMETOOLONG);
	assert_int_equal(scratch_count(s, "."), 1);
}

static void
only_temporary_names_are_swept(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	assert_true(fs_is_temp(".tmp.0123456789abcdef"));
	assert_false(fs_is_temp(".tmp.0123456789abcde"));
	assert_false(fs_is_temp(".tmp.0123456789abcdef0"));
	assert_false(fs_is_temp(".tmp.0123456789ABCDEF"));
	assert_false(fs_is_temp(".tmp."));
	scratch_file(s, ".tmp.0123456789abcdef", "left over");
	scratch_file(s, ".tmp.mine", "kept");
	scratch_file(s, "f", "kept");
	assert_int_equal(fs_remove_temps(s->dir, ".", &e), 0);
	assert_int_equal(scratch_count(s, "."), 2);
	assert_true(scratch_holds(s, ".tmp.mine", "kept"));
}

static void
no_change_reaches_through_a_symlink(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	int fd;

	scratch_dir(s, "in");
	scratch_dir(s, "in/d");
	scratch_file(s, "in/f", "old");
	scratch_link(s, "in", "link");
	fd = openat(s->dir, "in/f", O_RDONLY | O_CLOEXEC);
	disk_reset();
	assert_int_equal(fs_create(s->dir, "link/n", 0644, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_int_equal(fs_open_rw(s->dir, "link/f", 0644, &e), -1);
	assert_int_equal(fs_write_file(s->dir, "link/f", "x", 1, 0644, &e), -1);
	assert_int_equal(fs_mkdir(s->dir, "link/n", 0755, &e), -1);
	assert_int_equal(fs_mkdirs(s->dir, "link/n/m", 0755, &e), -1);
	assert_int_equal(fs_mkdirs(s->dir, "link", 0755, &e), -1);
	assert_int_equal(fs_symlink(s->dir, "x", "link/n", &e), -1);
	assert_int_equal(fs_link_fd(fd, s->dir, "link/n", &e), -1);
	assert_int_equal(fs_link(s->dir, "link/f", s->dir, "n", &e), -1);
	assert_int_equal(fs_rename(s->dir, "link/f", s->dir, "n", &e), -1);
	assert_int_equal(fs_rename_new(s->dir, "link/f", s->dir, "n", &e), -1);
	assert_int_equal(fs_exchange(s->dir, "link/f", s->dir, "in", &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_int_equal(fs_unlink(s->dir, "link/f", &e), -1);
	assert_int_equal(fs_rmdir(s->dir, "link/d", &e), -1);
	assert_int_equal(fs_set_time(s->dir, "link/f", 1, &e), -1);
	assert_int_equal(fs_chown_link(s->dir, "link/f", 0, 0, &e), -1);
	assert_int_equal(fs_sync_dir(s->dir, "link", &e), -1);
	(void)close(fd);
	/* Only mkdirs tried, on the link itself, and was told that it exists. */
	assert_string_equal(disk_calls(), "mkdirat mkdirat");
	assert_true(scratch_holds(s, "in/f", "old"));
	assert_int_equal(scratch_count(s, "in"), 2);
}

static void
unsafe_paths_change_nothing(void **state)
{
	static const char *const bad[] = { "", "..", "../x", "/tmp/x", "a/../../x",
		"a//b", "a/" };
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	scratch_dir(s, "a");
	disk_reset();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(fs_create(s->dir, bad[i], 0644, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_int_equal(fs_mkdirs(s->dir, bad[i], 0755, &e), -1);
		assert_int_equal(fs_write_file(s->dir, bad[i], "", 0, 0644, &e), -1);
		assert_int_equal(fs_rename(s->dir, "a", s->dir, bad[i], &e), -1);
		assert_int_equal(fs_exchange(s->dir, "a", s->dir, bad[i], &e), -1);
		assert_int_equal(fs_unlink(s->dir, bad[i], &e), -1);
	}
	assert_int_equal(disk_count(), 0);
}

static void
names_are_linked_renamed_and_exchanged(void **state)
{
	const struct scratch *s = *state;
	struct stat a, b;
	struct err e = ERR_INIT;
	int fd;

	scratch_dir(s, "d");
	scratch_file(s, "d/one", "1");
	scratch_file(s, "two", "2");
	assert_int_equal(fs_rename_new(s->dir, "two", s->dir, "d/one", &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_int_equal(fs_exchange(s->dir, "two", s->dir, "d/one", &e), 0);
	assert_true(scratch_holds(s, "two", "1"));
	assert_true(scratch_holds(s, "d/one", "2"));
	assert_int_equal(fs_rename(s->dir, "two", s->dir, "d/one", &e), 0);
	assert_true(scratch_holds(s, "d/one", "1"));
	assert_false(scratch_exists(s, "two"));
	fd = openat(s->dir, "d/one", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fs_link_fd(fd, s->dir, "three", &e), 0);
	assert_int_equal(fs_link_fd(fd, s->dir, "three", &e), -1);
	assert_int_equal(e.sys, EEXIST);
	(void)close(fd);
	assert_int_equal(fs_stat_at(s->dir, "three", &a, &e), 1);
	assert_int_equal(fs_stat_at(s->dir, "d/one", &b, &e), 1);
	assert_true(a.st_ino == b.st_ino);
	assert_int_equal(fs_link(s->dir, "three", s->dir, "d/four", &e), 0);
	assert_int_equal(fs_rename_new(s->dir, "three", s->dir, "d/five", &e), 0);
	assert_int_equal(scratch_count(s, "d"), 3);
}

static void
a_descriptor_is_linked_without_the_capability_too(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	scratch_file(s, "f", "x");
	fd = openat(s->dir, "f", O_RDONLY | O_CLOEXEC);
	disk_reset();
	disk_fail(1, ENOENT, 0);
	assert_int_equal(fs_link_fd(fd, s->dir, "g", &e), 0);
	assert_string_equal(disk_calls(), "linkat linkat");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	(void)close(fd);
}

static void
removing_what_is_absent_is_fine_and_what_is_full_is_not(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	scratch_dir(s, "d");
	scratch_file(s, "d/f", "x");
	assert_int_equal(fs_unlink(s->dir, "none", &e), 0);
	assert_int_equal(fs_unlink(s->dir, "none/below", &e), 0);
	assert_int_equal(fs_rmdir(s->dir, "none", &e), 0);
	assert_int_equal(fs_rmdir(s->dir, "d", &e), -1);
	assert_int_equal(e.sys, ENOTEMPTY);
	assert_int_equal(fs_unlink(s->dir, "d", &e), -1);
	assert_int_equal(fs_unlink(s->dir, "d/f", &e), 0);
	assert_int_equal(fs_rmdir(s->dir, "d", &e), 0);
	assert_int_equal(scratch_count(s, "."), 0);
}

static void
folders_that_are_there_are_fine_and_files_in_the_way_are_not(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	assert_int_equal(fs_mkdirs(s->dir, "a/b/c", 0700, &e), 0);
	assert_int_equal(fs_mkdirs(s->dir, "a/b/c", 0755, &e), 0);
	assert_int_equal(scratch_mode(s, "a/b/c"), 0700);
	assert_int_equal(e.code, ERR_NONE);
	scratch_file(s, "a/f", "x");
	assert_int_equal(fs_mkdirs(s->dir, "a/f", 0755, &e), -1);
	assert_int_equal(fs_mkdirs(s->dir, "a/f/g", 0755, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
}

static void
times_and_attributes_are_set_on_the_thing_itself(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct stat st;
	char value[8];
	int fd;

	scratch_file(s, "f", "x");
	scratch_link(s, "f", "link");
	assert_int_equal(fs_set_time(s->dir, "f", 1700000000, &e), 0);
	assert_int_equal(fs_set_time(s->dir, "link", 1600000000, &e), 0);
	assert_int_equal(fs_stat_at(s->dir, "f", &st, &e), 1);
	assert_int_equal(st.st_mtime, 1700000000);
	assert_int_equal(fs_stat_at(s->dir, "link", &st, &e), 1);
	assert_int_equal(st.st_mtime, 1600000000);
	fd = openat(s->dir, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fs_set_time_fd(fd, 4102444800, &e), 0);
	assert_int_equal(fs_chmod_fd(fd, 04751, &e), 0);
	assert_int_equal(fs_chown_fd(fd, geteuid(), getegid(), &e), 0);
	assert_int_equal(fs_chown_link(s->dir, "link", geteuid(), getegid(), &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_mtime == INT64_C(4102444800));
	if (fs_set_xattr_fd(fd, "user.test", "abc", 3, &e) == 0) {
		assert_int_equal(fgetxattr(fd, "user.test", value, 8), 3);
		assert_memory_equal(value, "abc", 3);
	} else {
		assert_int_equal(e.sys, ENOTSUP);
	}
	(void)close(fd);
}

static void
sync_errors_are_never_lost(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	assert_int_equal(fs_sync(s->dir, &e), 0);
	assert_int_equal(fs_sync_all(s->dir, &e), 0);
	disk_fail_name("fsync", EIO);
	assert_int_equal(fs_sync(s->dir, &e), -1);
	assert_int_equal(fs_sync_dir(s->dir, ".", &e), -1);
	assert_int_equal(e.code, ERR_IO);
	disk_fail_name("fsync", EINVAL);
	assert_int_equal(fs_sync_dir(s->dir, ".", &e), 0);
	disk_fail_name("syncfs", EIO);
	assert_int_equal(fs_sync_all(s->dir, &e), -1);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(modes_are_exact_whatever_the_umask),
		FACT(created_files_are_new_and_opened_ones_keep_their_bytes),
		FACT(sizes_are_set_and_room_reserved_without_growing),
		FACT(short_and_interrupted_writes_are_finished),
		FACT(a_written_file_is_synced_before_its_name_and_its_folder_after),
		FACT(a_failed_write_leaves_what_was_there),
		FACT(a_link_is_replaced_whole_or_not_at_all),
		FACT(names_of_255_bytes_can_be_written),
		FACT(only_temporary_names_are_swept),
		FACT(no_change_reaches_through_a_symlink),
		FACT(unsafe_paths_change_nothing),
		FACT(names_are_linked_renamed_and_exchanged),
		FACT(a_descriptor_is_linked_without_the_capability_too),
		FACT(removing_what_is_absent_is_fine_and_what_is_full_is_not),
		FACT(folders_that_are_there_are_fine_and_files_in_the_way_are_not),
		FACT(times_and_attributes_are_set_on_the_thing_itself),
		FACT(sync_errors_are_never_lost),
	};

	return cmocka_run_group_tests_name("fs_change", tests, NULL, NULL);
}
