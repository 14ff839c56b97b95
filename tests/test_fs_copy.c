#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
	return scratch_close(state);
}

/* 4 bytes, a hole of 3 MiB, 4 bytes, a hole of 1 MiB. */
enum { HOLE = 3 << 20, TAIL = 1 << 20, SPARSE = HOLE + 8 + TAIL };

static void
copy_and_compare(const struct scratch *s, const char *name)
{
	struct err e = ERR_INIT;
	struct stat st;
	char a[8], b[8] = "";
	int from = openat(s->dir, "sparse", O_RDONLY | O_CLOEXEC);
	int to = fs_create(s->dir, name, 0600, &e);

	assert_int_equal(fs_copy_fd(from, to, &e), 0);
	assert_int_equal(fstat(to, &st), 0);
	assert_int_equal(st.st_size, SPARSE);
	assert_true(st.st_blocks * 512 < SPARSE / 2);
	for (off_t at = 0; at < SPARSE; at += 4) {
		assert_int_equal(pread(from, a, 4, at), 4);
		assert_int_equal(pread(to, b, 4, at), 4);
		assert_memory_equal(a, b, 4);
		if (at == 4)
			at = HOLE - 8;
		if (at == HOLE + 8)
			at = SPARSE - 8;
	}
	(void)close(from);
	(void)close(to);
}

static void
copies_are_equal_and_keep_holes_however_they_are_made(void **state)
{
	const struct scratch *s = *state;
	int fd;

	scratch_file(s, "sparse", "head");
	fd = openat(s->dir, "sparse", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "tail", 4, HOLE + 4), 4);
	assert_int_equal(ftruncate(fd, SPARSE), 0);
	(void)close(fd);
	copy_and_compare(s, "best");
	disk_reset();
	disk_fail_name("ioctl", EOPNOTSUPP);
	disk_shorten(1000);
	copy_and_compare(s, "kernel");
	assert_non_null(strstr(disk_calls(), "copy_file_range"));
	assert_null(strstr(disk_calls(), "write"));
	disk_reset();
	disk_fail(2, EOPNOTSUPP, 0);	/* the clone, after the creation */
	disk_fail_name("copy_file_range", EXDEV);
	copy_and_compare(s, "hand");
	assert_non_null(strstr(disk_calls(), "pwrite"));
}

static void
a_copy_that_fails_says_so(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	int from, to;

	scratch_file(s, "f", "content");
	from = openat(s->dir, "f", O_RDONLY | O_CLOEXEC);
	to = fs_create(s->dir, "g", 0600, &e);
	disk_reset();
	disk_fail(1, EIO, 0);
	assert_int_equal(fs_copy_fd(from, to, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	disk_reset();
	disk_fail_name("ioctl", EOPNOTSUPP);
	disk_fail(2, ENOSPC, 0);
	assert_int_equal(fs_copy_fd(from, to, &e), -1);
	assert_int_equal(e.code, ERR_ROOM);
	(void)close(from);
	(void)close(to);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(copies_are_equal_and_keep_holes_however_they_are_made),
		FACT(a_copy_that_fails_says_so),
	};

	return cmocka_run_group_tests_name("fs_copy", tests, NULL, NULL);
}
