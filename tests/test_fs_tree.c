#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/buf.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_tree.h"

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

struct notes {
	struct buf seen;
	const char *skip, *stop;
};

static int
note(void *arg, const struct fs_visit *v, struct err *e)
{
	struct notes *n = arg;
	struct stat st;

	assert_int_equal(fstatat(v->parent, v->name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(st.st_ino == v->st->st_ino);
	assert_int_equal(buf_addf(&n->seen, e, "%s%s", n->seen.len == 0 ? "" : " ",
	    v->path), 0);
	if (n->stop != NULL && strcmp(v->path, n->stop) == 0)
		return err_set(e, ERR_POLICY, "stopped");
	if (n->skip != NULL && strcmp(v->path, n->skip) == 0)
		return FS_WALK_SKIP;
	return FS_WALK_ON;
}

static void
plant(const struct scratch *s)
{
	scratch_dir(s, "t");
	scratch_dir(s, "t/b");
	scratch_dir(s, "t/b/c");
	scratch_file(s, "t/b/c/f", "deep");
	scratch_file(s, "t/b-1", "1");
	scratch_file(s, "t/B", "2");
	scratch_file(s, "t/a", "3");
	scratch_link(s, "b", "t/to-b");
	scratch_link(s, "/etc", "t/to-etc");
}

static void
walked(const struct scratch *s, const char *skip, const char *stop, int rc,
    const char *wanted)
{
	struct notes n = { BUF_INIT(10000), skip, stop };
	struct err e = ERR_INIT;
	int dir = openat(s->dir, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(fs_walk(dir, note, &n, &e), rc);
	assert_string_equal(buf_text(&n.seen), wanted);
	if (rc == -1)
		assert_string_equal(e.text, "stopped");
	/* The same again: the descriptor's offset is not used up. */
	buf_reset(&n.seen);
	assert_int_equal(fs_walk(dir, note, &n, &e), rc);
	assert_string_equal(buf_text(&n.seen), wanted);
	buf_free(&n.seen);
	(void)close(dir);
}

static void
a_walk_sees_all_in_byte_order_and_follows_no_link(void **state)
{
	const struct scratch *s = *state;

	plant(s);
	walked(s, NULL, NULL, 0, ". B a b b/c b/c/f b-1 to-b to-etc");
	walked(s, "b", NULL, 0, ". B a b b-1 to-b to-etc");
	walked(s, ".", NULL, 0, ".");
	walked(s, NULL, "b/c", -1, ". B a b b/c");
}

static int
ignore(void *arg, const struct fs_visit *v, struct err *e)
{
	(void)arg;
	(void)v;
	(void)e;
	return FS_WALK_ON;
}

/* `depth` folders in each other, made and removed one descriptor at a time. */
static void
nest(const struct scratch *s, int depth)
{
	int at = dup(s->dir);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_not_equal(next, -1);
		(void)close(at);
		at = next;
	}
	(void)close(at);
}

static void
a_walk_is_bounded_in_depth(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	nest(s, 256);
	assert_int_equal(fs_walk(s->dir, ignore, NULL, &e), 0);
	assert_int_equal(fs_remove_tree(s->dir, "d", &e), 0);
	nest(s, 257);
	assert_int_equal(fs_walk(s->dir, ignore, NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
}

static void
a_removed_tree_is_gone_and_what_it_linked_to_is_not(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	plant(s);
	scratch_dir(s, "kept");
	scratch_file(s, "kept/f", "kept");
	scratch_link(s, "../kept", "t/out");
	scratch_link(s, "../../kept", "t/b/out");
	scratch_link(s, "kept", "link");
	assert_int_equal(mkfifoat(s->dir, "t/fifo", 0600), 0);
	assert_int_equal(fs_remove_tree(s->dir, "t", &e), 0);
	assert_false(scratch_exists(s, "t"));
	assert_int_equal(fs_remove_tree(s->dir, "link", &e), 0);
	assert_false(scratch_exists(s, "link"));
	assert_true(scratch_holds(s, "kept/f", "kept"));
	assert_int_equal(fs_remove_tree(s->dir, "kept/f", &e), 0);
	assert_int_equal(scratch_count(s, "kept"), 0);
	assert_int_equal(fs_remove_tree(s->dir, "t", &e), 0);
	assert_int_equal(fs_remove_tree(s->dir, "none/t", &e), 0);
	assert_int_equal(fs_remove_tree(s->dir, ".", &e), -1);
	assert_int_equal(fs_remove_tree(s->dir, "..", &e), -1);
}

static void
a_link_in_the_way_is_not_removed_through(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	plant(s);
	assert_int_equal(fs_remove_tree(s->dir, "t/to-b/c", &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_true(scratch_exists(s, "t/b/c/f"));
}

/* Modes mean nothing to root: the test gives that up in a child. */
static int
as_nobody(const struct scratch *s, int (*act)(int dir))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		int dir;

		if (geteuid() == 0 && (fchown(s->dir, 65534, 65534) == -1 ||
		    setgid(65534) == -1 || setuid(65534) == -1))
			_exit(99);
		dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_exit(act(dir));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
remove_locked(int dir)
{
	struct err e = ERR_INIT;

	if (mkdirat(dir, "d", 0755) == -1 || mkdirat(dir, "d/ro", 0755) == -1 ||
	    mkdirat(dir, "d/ro/in", 0755) == -1 ||
	    mkdirat(dir, "d/none", 0755) == -1 ||
	    fchmodat(dir, "d/ro/in", 0, 0) == -1 ||
	    fchmodat(dir, "d/ro", 0500, 0) == -1 ||
	    fchmodat(dir, "d/none", 0, 0) == -1)
		return 2;
	if (unlinkat(dir, "d/ro/in", AT_REMOVEDIR) == 0)
		return 3;	/* the folder is not read-only after all */
	if (fs_remove_tree(dir, "d", &e) == -1)
		return 4;
	return faccessat(dir, "d", F_OK, 0) == -1 && errno == ENOENT ? 0 : 5;
}

static void
folders_without_write_permission_are_removed_by_their_owner(void **state)
{
	assert_int_equal(as_nobody(*state, remove_locked), 0);
}

/* A bind mount of `kept` at t/b, in a mount namespace of the child's own. */
static int
remove_mounted(const struct scratch *s)
{
	char from[300], at[300];
	struct err e = ERR_INIT;
	int dir;

	(void)snprintf(from, sizeof from, "%s/kept", s->path);
	(void)snprintf(at, sizeof at, "%s/t/b", s->path);
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount(from, at, NULL, MS_BIND, NULL) == -1)
		return 77;
	/* Anew: the old descriptor sees the old mounts. */
	dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs_remove_tree(dir, "t", &e) == 0)
		return 1;
	return e.code == ERR_POLICY ? 0 : 2;
}

static void
what_is_mounted_below_a_removed_tree_is_left_alone(void **state)
{
	const struct scratch *s = *state;
	int status;
	pid_t child;

	plant(s);
	scratch_dir(s, "kept");
	scratch_file(s, "kept/f", "kept");
	child = fork();
	if (child == 0)
		_exit(remove_mounted(s));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();		/* mounts are not ours to make */
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(scratch_holds(s, "kept/f", "kept"));
}

static void
a_failed_removal_is_told(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	unsigned total;

	plant(s);
	disk_reset();
	assert_int_equal(fs_remove_tree(s->dir, "t", &e), 0);
	total = disk_count();
	assert_true(total >= 9);
	for (unsigned n = 1; n <= total; n++) {
		plant(s);
		disk_reset();
		disk_fail(n, EROFS, 0);
		assert_int_equal(fs_remove_tree(s->dir, "t", &e), -1);
		assert_int_equal(e.sys, EROFS);
		disk_reset();
		assert_int_equal(fs_remove_tree(s->dir, "t", &e), 0);
	}
}

static void
mark(const struct scratch *s, const char *rel, mode_t mode, time_t at)
{
	const struct timespec both[2] = { { .tv_sec = at }, { .tv_sec = at } };

	if (mode != 0)
		assert_int_equal(fchmodat(s->dir, rel, mode, 0), 0);
	assert_int_equal(utimensat(s->dir, rel, both, AT_SYMLINK_NOFOLLOW), 0);
}

static void
same_marks(const struct scratch *s, const char *a, const char *b)
{
	struct stat x, y;

	assert_int_equal(fstatat(s->dir, a, &x, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(s->dir, b, &y, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(x.st_mode, y.st_mode);
	assert_int_equal(x.st_mtime, y.st_mtime);
	assert_int_equal(x.st_uid, y.st_uid);
	assert_int_equal(x.st_gid, y.st_gid);
	assert_true(x.st_ino != y.st_ino);
}

static void
a_copied_tree_is_the_same_tree(void **state)
{
	static const char *const all[] = { "", "/B", "/a", "/b", "/b/c", "/b/c/f",
		"/b-1", "/to-b", "/to-etc", "/twin" };
	const struct scratch *s = *state;
	struct buf target = BUF_INIT(100);
	struct err e = ERR_INIT;
	struct stat x, y;

	plant(s);
	assert_int_equal(linkat(s->dir, "t/a", s->dir, "t/twin", 0), 0);
	mark(s, "t/b/c/f", 04750, 1000000001);
	mark(s, "t/a", 0440, 1000000002);
	mark(s, "t/to-etc", 0, 1000000003);
	mark(s, "t/b/c", 0555, 1000000004);
	mark(s, "t/b", 01777, 1000000005);
	mark(s, "t", 0711, 1000000006);
	assert_int_equal(fs_copy_tree(s->dir, "t", s->dir, "u", &e), 0);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char a[32], b[32];

		(void)snprintf(a, sizeof a, "t%s", all[i]);
		(void)snprintf(b, sizeof b, "u%s", all[i]);
		same_marks(s, a, b);
	}
	assert_int_equal(scratch_count(s, "u"), 7);
	assert_true(scratch_holds(s, "u/b/c/f", "deep"));
	assert_int_equal(fs_read_link(s->dir, "u/to-etc", &target, &e), 0);
	assert_string_equal(buf_text(&target), "/etc");
	assert_int_equal(fs_stat_at(s->dir, "u/a", &x, &e), 1);
	assert_int_equal(fs_stat_at(s->dir, "u/twin", &y, &e), 1);
	assert_true(x.st_ino == y.st_ino);
	buf_free(&target);
}

static void
single_files_and_links_are_copied_too(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	scratch_file(s, "f", "x");
	scratch_link(s, "f", "l");
	assert_int_equal(fs_copy_tree(s->dir, "f", s->dir, "g", &e), 0);
	assert_true(scratch_holds(s, "g", "x"));
	assert_int_equal(fs_copy_tree(s->dir, "l", s->dir, "m", &e), 0);
	same_marks(s, "l", "m");
}

static void
a_copy_never_lands_on_something(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;

	plant(s);
	scratch_file(s, "u", "mine");
	assert_int_equal(fs_copy_tree(s->dir, "t", s->dir, "u", &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_int_equal(fs_copy_tree(s->dir, "t/a", s->dir, "u", &e), -1);
	assert_true(scratch_holds(s, "u", "mine"));
	assert_int_equal(fs_copy_tree(s->dir, "none", s->dir, "v", &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_int_equal(mkfifoat(s->dir, "t/fifo", 0600), 0);
	assert_int_equal(fs_copy_tree(s->dir, "t", s->dir, "v", &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_false(scratch_exists(s, "v"));
}

/* ENOSPC at each call of the copy: it fails, says so, and takes back its part. */
static void
a_failed_copy_leaves_nothing(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	unsigned total;
	int failures = 0;

	plant(s);
	disk_reset();
	assert_int_equal(fs_copy_tree(s->dir, "t", s->dir, "u", &e), 0);
	total = disk_count();
	assert_int_equal(fs_remove_tree(s->dir, "u", &e), 0);
	for (unsigned n = 1; n <= total; n++) {
		disk_reset();
		disk_fail(n, ENOSPC, 0);
		assert_int_equal(fs_copy_tree(s->dir, "t", s->dir, "u", &e), -1);
		assert_int_equal(e.code, ERR_ROOM);
		failures++;
		disk_reset();
		assert_false(scratch_exists(s, "u"));
	}
	assert_true(failures > 20);
	assert_int_equal(scratch_count(s, "t"), 6);
}

static void
each_copied_file_is_synced(void **state)
{
	const struct scratch *s = *state;
	struct err e = ERR_INIT;
	unsigned syncs = 0;

	plant(s);
	disk_reset();
	assert_int_equal(fs_copy_tree(s->dir, "t", s->dir, "u", &e), 0);
	for (const char *p = disk_calls(); (p = strstr(p, "fsync")) != NULL; p++)
		syncs++;
	assert_int_equal(syncs, 4 + 3);		/* files and folders */
	disk_reset();
	assert_int_equal(fs_sync_tree(s->dir, &e), 0);
	assert_string_equal(disk_calls(), "syncfs");
	disk_fail_name("syncfs", EIO);
	assert_int_equal(fs_sync_tree(s->dir, &e), -1);
	assert_int_equal(e.code, ERR_IO);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_walk_sees_all_in_byte_order_and_follows_no_link),
		FACT(a_walk_is_bounded_in_depth),
		FACT(a_removed_tree_is_gone_and_what_it_linked_to_is_not),
		FACT(a_link_in_the_way_is_not_removed_through),
		FACT(folders_without_write_permission_are_removed_by_their_owner),
		FACT(what_is_mounted_below_a_removed_tree_is_left_alone),
		FACT(a_failed_removal_is_told),
		FACT(a_copied_tree_is_the_same_tree),
		FACT(single_files_and_links_are_copied_too),
		FACT(a_copy_never_lands_on_something),
		FACT(a_failed_copy_leaves_nothing),
		FACT(each_copied_file_is_synced),
	};

	return cmocka_run_group_tests_name("fs_tree", tests, NULL, NULL);
}
