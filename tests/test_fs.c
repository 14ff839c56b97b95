#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
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
#include "manifest/base/fs_resolve.h"

#include "tests/lab/scratch.h"

static void
safe_paths_have_only_plain_components(void **state)
{
	static const char *const good[] = { "a", "a/b", "...", ".a/..b", "a b/\xc3\xa9" };
	static const char *const bad[] = { "", ".", "..", "/", "/a", "a/", "a//b",
		"a/.", "./a", "a/../b", "..", "../a" };
	char longest[4098];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(fs_rel_is_safe(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(fs_rel_is_safe(bad[i]));
	memset(longest, 'x', sizeof longest);
	longest[4096] = '\0';
	assert_true(fs_rel_is_safe(longest));
	longest[4096] = 'x';
	longest[4097] = '\0';
	assert_false(fs_rel_is_safe(longest));
}

static void
both_resolvers(const struct scratch *s, void (*check)(const struct scratch *))
{
	fs_resolve_by_walk(false);
	check(s);
	fs_resolve_by_walk(true);
	check(s);
	fs_resolve_by_walk(false);
}

static void
open_good(const struct scratch *s)
{
	struct err e = ERR_INIT;
	struct stat st;
	int fd = fs_open_file(s->dir, "d/e/f", &st, &e);
	char got[3];

	assert_int_not_equal(fd, -1);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(fs_pread(fd, got, 3, 0, &e), 0);
	assert_memory_equal(got, "abc", 3);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fs_pread(fd, got, 3, 1, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	(void)close(fd);
	fd = fs_open_dir_at(s->dir, "d/e", &e);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	fd = fs_open_dir_at(s->dir, ".", &e);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_int_equal(fs_open_file(s->dir, "d/none", NULL, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_int_equal(fs_open_file(s->dir, "none/f", NULL, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_int_equal(fs_open_dir_at(s->dir, "d/e/f", &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
}

static void
files_open_beneath_a_folder(void **state)
{
	const struct scratch *s = *state;

	scratch_dir(s, "d");
	scratch_dir(s, "d/e");
	scratch_file(s, "d/e/f", "abc");
	both_resolvers(s, open_good);
}

static void
refuse_links(const struct scratch *s)
{
	static const char *const through[] = { "out/passwd", "in/f", "d/up/d/f" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof through / sizeof *through; i++) {
		assert_int_equal(fs_open_file(s->dir, through[i], NULL, &e), -1);
		assert_int_equal(e.sys, ELOOP);
		assert_int_equal(e.code, ERR_POLICY);
		assert_int_equal(fs_open_dir_at(s->dir, through[i], &e), -1);
		assert_int_equal(e.sys, ELOOP);
		assert_int_equal(fs_open_beneath(s->dir, through[i],
		    O_RDONLY, 0, &e), -1);
		assert_int_equal(e.sys, ELOOP);
	}
	assert_int_equal(fs_open_dir_at(s->dir, "in", &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_int_equal(fs_open_file(s->dir, "last", NULL, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_int_equal(fs_open_file(s->dir, "d/../d/f", NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(fs_open_file(s->dir, "/etc/passwd", NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
}

static void
symlinks_on_the_way_are_never_followed(void **state)
{
	const struct scratch *s = *state;

	scratch_dir(s, "d");
	scratch_file(s, "d/f", "abc");
	scratch_link(s, "/etc", "out");
	scratch_link(s, "d", "in");
	scratch_link(s, "..", "d/up");
	scratch_link(s, "d/f", "last");
	both_resolvers(s, refuse_links);
}

static void
what_is_no_regular_file_is_refused_without_waiting(void **state)
{
	const struct scratch *s = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct err e = ERR_INIT;
	int fd;

	assert_int_equal(mkfifoat(s->dir, "fifo", 0600), 0);
	scratch_dir(s, "dir");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* A path through the descriptor: sun_path is short. */
	(void)snprintf(address.sun_path, sizeof address.sun_path,
	    "/proc/self/fd/%d/socket", s->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(fs_open_file(s->dir, "fifo", NULL, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_int_equal(fs_open_file(s->dir, "dir", NULL, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_int_equal(fs_open_file(s->dir, "socket", NULL, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	(void)close(fd);
}

static void
stat_tells_there_from_not_there_from_cannot_say(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	struct stat st;

	scratch_file(s, "f", "x");
	scratch_dir(s, "d");
	scratch_link(s, "nowhere", "dangling");
	scratch_link(s, "d", "in");
	assert_int_equal(fs_stat_at(s->dir, "f", &st, &e), 1);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(fs_stat_at(s->dir, ".", &st, &e), 1);
	assert_int_equal(fs_stat_at(s->dir, "dangling", &st, &e), 1);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fs_stat_at(s->dir, "none", &st, &e), 0);
	assert_int_equal(fs_stat_at(s->dir, "none/below", &st, &e), 0);
	assert_int_equal(fs_stat_at(s->dir, "f/below", &st, &e), 0);
	assert_int_equal(fs_stat_at(s->dir, "d/x/../y", &st, &e), -1);
	assert_int_equal(fs_stat_at(s->dir, "in/x", &st, &e), -1);
	assert_int_equal(e.sys, ELOOP);
}

static void
link_targets_are_read_within_a_limit(void **state)
{
	const struct scratch *s = *state;
	struct buf out = BUF_INIT(20), tight = BUF_INIT(4);
	struct err e = ERR_INIT;

	scratch_link(s, "releases/42", "current");
	scratch_file(s, "f", "x");
	assert_int_equal(buf_add_text(&out, "old", &e), 0);
	assert_int_equal(fs_read_link(s->dir, "current", &out, &e), 0);
	assert_string_equal(buf_text(&out), "releases/42");
	assert_int_equal(fs_read_link(s->dir, "current", &tight, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(fs_read_link(s->dir, "f", &out, &e), -1);
	assert_int_equal(fs_read_link(s->dir, "none", &out, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	buf_free(&out);
	buf_free(&tight);
}

static void
small_files_are_read_whole_and_large_ones_refused(void **state)
{
	const struct scratch *s = *state;
	struct buf exact = BUF_INIT(5), tight = BUF_INIT(4), wide = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	char path[300];

	scratch_file(s, "f", "hello");
	scratch_file(s, "empty", "");
	assert_int_equal(fs_read_file(s->dir, "f", &exact, &e), 0);
	assert_string_equal(buf_text(&exact), "hello");
	assert_int_equal(fs_read_file(s->dir, "f", &tight, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(fs_read_file(s->dir, "empty", &wide, &e), 0);
	assert_string_equal(buf_text(&wide), "");
	assert_int_equal(fs_read_file(s->dir, "f", &wide, &e), 0);
	(void)snprintf(path, sizeof path, "%s/f", s->path);
	assert_int_equal(fs_read_path(path, &wide, &e), 0);
	assert_string_equal(buf_text(&wide), "hellohello");
	assert_int_equal(fs_read_path("/nonexistent/x", &wide, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	buf_free(&exact);
	buf_free(&tight);
	buf_free(&wide);
}

static void
long_input_is_read_through_a_pipe(void **state)
{
	struct buf out = BUF_INIT(60000);
	struct err e = ERR_INIT;
	char bytes[60000];
	int fds[2];

	(void)state;
	memset(bytes, 'p', sizeof bytes);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], bytes, sizeof bytes), sizeof bytes);
	(void)close(fds[1]);
	assert_int_equal(fs_read_fd(fds[0], &out, &e), 0);
	assert_int_equal(out.len, sizeof bytes);
	assert_memory_equal(out.data, bytes, sizeof bytes);
	(void)close(fds[0]);
	buf_free(&out);
}

static void
room_is_what_the_filesystem_says(void **state)
{
	const struct scratch *s = *state;
	uint64_t bytes = 0, inodes = 0;
	struct err e = ERR_INIT;

	assert_int_equal(fs_room(s->dir, &bytes, &inodes, &e), 0);
	assert_true(bytes > 0);
	assert_true(inodes > 0);
	assert_int_equal(fs_room(-1, &bytes, &inodes, &e), -1);
}

static void
real_paths_have_no_links_left(void **state)
{
	const struct scratch *s = *state;
	char path[300];
	char *real, *root;
	struct err e = ERR_INIT;

	scratch_dir(s, "d");
	scratch_link(s, "d", "in");
	(void)snprintf(path, sizeof path, "%s/in", s->path);
	root = fs_real_path(s->path, &e);
	real = fs_real_path(path, &e);
	assert_non_null(real);
	assert_memory_equal(real, root, strlen(root));
	assert_string_equal(real + strlen(root), "/d");
	free(real);
	free(root);
	assert_null(fs_real_path("/nonexistent/x", &e));
	assert_int_equal(e.code, ERR_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_paths_have_only_plain_components),
		SCRATCH_TEST(files_open_beneath_a_folder),
		SCRATCH_TEST(symlinks_on_the_way_are_never_followed),
		SCRATCH_TEST(what_is_no_regular_file_is_refused_without_waiting),
		SCRATCH_TEST(stat_tells_there_from_not_there_from_cannot_say),
		SCRATCH_TEST(link_targets_are_read_within_a_limit),
		SCRATCH_TEST(small_files_are_read_whole_and_large_ones_refused),
		cmocka_unit_test(long_input_is_read_through_a_pipe),
		SCRATCH_TEST(room_is_what_the_filesystem_says),
		SCRATCH_TEST(real_paths_have_no_links_left),
	};

	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
