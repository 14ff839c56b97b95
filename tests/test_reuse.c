#include <sys/stat.h>
#include <sys/xattr.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"

#include "apply/reuse.h"

#include "tests/lab/device.h"
#include "tests/lab/disk.h"

/* old/ is the tree that is here, new/ the one under construction. */
struct site {
	struct lab_device *l;
	struct listing *listing;	/* of old/ as it was made */
	struct record rec;
	struct owners owners;
	struct reuse *reuse;
	int old, new;
};

static struct site *
site_of(const char *make, enum reuse_mode mode, const char *below)
{
	struct site *s = calloc(1, sizeof *s);
	struct err e = ERR_INIT;

	assert_non_null(s);
	s->l = lab_device_open(SWAP_SYMLINK, below);
	s->l->conf.reuse = mode;
	lab_device_sh(s->l, "mkdir old new && cd old && { %s\n}", make);
	s->listing = lab_device_record(s->l, "old", 1, &s->rec);
	owners_of(&s->l->conf, &s->owners);
	s->reuse = reuse_new(&s->l->conf, &s->owners, &e);
	s->old = fs_open_dir_at(s->l->fd, "old", &e);
	s->new = fs_open_dir_at(s->l->fd, "new", &e);
	assert_true(s->reuse != NULL && s->old != -1 && s->new != -1);
	return s;
}

static void
site_close(struct site *s)
{
	reuse_free(s->reuse);
	listing_free(s->listing);
	record_clear(&s->rec);
	(void)close(s->old);
	(void)close(s->new);
	lab_device_close(s->l);
	free(s);
}

static struct entry *
entry_at(struct site *s, const char *path)
{
	long i = listing_find(s->listing, path);

	assert_true(i >= 0);
	return &s->listing->entries[i];
}

/* Entry `path` of the listing from old/`from`. */
static enum reuse_how
reuse(struct site *s, const char *from, const char *path, struct err *e)
{
	int fd = fs_open_file(s->old, from, NULL, e);
	enum reuse_how how;

	if (fd == -1)
		fail_msg("%s", e->text);
	how = reuse_file(s->reuse, fd, s->new, entry_at(s, path), e);
	(void)close(fd);
	return how;
}

static struct stat
stat_of(int dir, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

/* Neither link nor clone may be seen where a copy is right; both are fine where
 * the filesystem can clone. */
static void
must_copy(struct site *s, const char *path)
{
	struct err e = ERR_INIT;
	enum reuse_how how = reuse(s, path, path, &e);

	if (how == REUSED_NOT)
		fail_msg("%s", e.text);
	assert_true(how == REUSED_COPY || how == REUSED_CLONE);
	assert_int_not_equal(stat_of(s->old, path).st_ino, stat_of(s->new, path).st_ino);
}

static void
a_copy_has_content_mode_and_time(void **state)
{
	struct site *s = site_of("echo content > f && chmod 640 f && "
	    "touch -d @1234567890 f", REUSE_COPY, NULL);
	struct reuse_counts counts;

	(void)state;
	must_copy(s, "f");
	lab_device_sh(s->l, "cmp old/f new/f && [ \"$(stat -c '%%a %%Y' new/f)\" = '640 "
	    "1234567890' ]");
	reuse_counts(s->reuse, &counts);
	assert_int_equal(counts.copies, 1);
	assert_int_equal(counts.copied_bytes, 8);
	site_close(s);
}

static void
a_copy_ignores_the_umask(void **state)
{
	struct site *s = site_of("echo x > f && chmod 664 f", REUSE_COPY, NULL);
	mode_t before = umask(0777);

	(void)state;
	must_copy(s, "f");
	(void)umask(before);
	assert_int_equal(stat_of(s->new, "f").st_mode & 07777, 0664);
	site_close(s);
}

static void
a_copy_of_zeros_takes_no_room(void **state)
{
	struct site *s = site_of("truncate -s 8M f && printf end >> f && "
	    "printf mid | dd of=f bs=1 seek=3000001 conv=notrunc status=none",
	    REUSE_COPY, NULL);

	(void)state;
	must_copy(s, "f");
	lab_device_sh(s->l, "cmp old/f new/f");
	assert_true(stat_of(s->new, "f").st_blocks < 200);
	site_close(s);
}

static void
changed_content_is_not_reused(void **state)
{
	static const enum reuse_mode modes[] = { REUSE_AUTO, REUSE_REFLINK,
		REUSE_HARDLINK, REUSE_COPY };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct site *s =
		    site_of("echo right > f && echo right > g", modes[i], NULL);
		struct err e = ERR_INIT;

		lab_device_sh(s->l, "echo wrong > old/f; echo longer > old/g");
		assert_int_equal(reuse(s, "f", "f", &e), REUSED_NOT);
		assert_int_equal(e.code, ERR_TRUST);
		assert_non_null(strstr(e.text, "modified"));
		assert_int_equal(reuse(s, "g", "g", &e), REUSED_NOT);
		assert_int_equal(e.code, ERR_TRUST);
		lab_device_sh(s->l, "[ -z \"$(ls -A new)\" ]");
		site_close(s);
	}
}

static void
root_links_its_own_files(void **state)
{
	struct site *s = site_of("echo x > f && chmod 644 f", REUSE_HARDLINK, NULL);
	struct err e = ERR_INIT;

	(void)state;
	if (geteuid() != 0) {
		site_close(s);
		skip();
	}
	assert_int_equal(reuse(s, "f", "f", &e), REUSED_LINK);
	assert_int_equal(stat_of(s->old, "f").st_ino, stat_of(s->new, "f").st_ino);
	site_close(s);
}

static void
only_strictly_equal_files_of_root_are_linked(void **state)
{
	static const char *const spoil[] = { "chown 1234 f", "chgrp 1234 f",
		"chmod 664 f", "chmod 646 f", "chmod 600 f", "chmod 755 f",
		"setfattr -n user.a -v 1 f" };

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		struct site *s =
		    site_of("echo x > f && chmod 644 f", REUSE_HARDLINK, NULL);

		lab_device_sh(s->l,
		    "cd old && { %s || setfattr --version >/dev/null 2>&1 || "
		    "chmod 755 f; }",
		    spoil[i]);
		must_copy(s, "f");
		assert_int_equal(stat_of(s->new, "f").st_mode & 07777, 0644);
		assert_int_equal(stat_of(s->new, "f").st_uid, 0);
		site_close(s);
	}
}

static void
world_writable_sources_are_never_linked_even_if_listed_so(void **state)
{
	struct site *s = site_of("echo x > f && chmod 666 f", REUSE_HARDLINK, NULL);

	(void)state;
	must_copy(s, "f");
	site_close(s);
}

static void
two_entries_never_share_an_inode_by_reuse(void **state)
{
	struct site *s =
	    site_of("echo x > f && chmod 644 f && cp f g", REUSE_HARDLINK, NULL);
	struct err e = ERR_INIT;

	(void)state;
	(void)reuse(s, "f", "f", &e);
	assert_int_equal(reuse(s, "f", "g", &e), REUSED_COPY);
	assert_int_not_equal(stat_of(s->new, "f").st_ino, stat_of(s->new, "g").st_ino);
	site_close(s);
}

static void
another_owner_for_the_tree_means_no_links(void **state)
{
	struct site *s = site_of("echo x > f && chmod 644 f", REUSE_HARDLINK, NULL);

	(void)state;
	if (geteuid() != 0) {
		site_close(s);
		skip();
	}
	s->owners.uid = s->owners.gid = 1234;
	s->owners.change = true;
	must_copy(s, "f");
	assert_int_equal(stat_of(s->new, "f").st_uid, 1234);
	assert_int_equal(stat_of(s->old, "f").st_uid, 0);
	site_close(s);
}

static void
another_filesystem_means_a_copy(void **state)
{
	struct site *s = site_of("echo x > f && chmod 644 f", REUSE_HARDLINK, NULL);
	struct lab_device *shm;
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	if (access("/dev/shm", W_OK) != 0) {
		site_close(s);
		skip();
	}
	shm = lab_device_open(SWAP_SYMLINK, "/dev/shm");
	fd = fs_open_file(s->old, "f", NULL, &e);
	if (stat_of(shm->fd, "app").st_dev != stat_of(s->old, "f").st_dev)
		assert_int_equal(reuse_file(s->reuse, fd, shm->fd, entry_at(s, "f"), &e),
		    REUSED_COPY);
	(void)close(fd);
	lab_device_close(shm);
	site_close(s);
}

static void
too_many_links_mean_a_copy(void **state)
{
	struct site *s = site_of("echo x > f && chmod 644 f", REUSE_HARDLINK, NULL);
	long max = fpathconf(s->old, _PC_LINK_MAX);

	(void)state;
	if (max <= 0 || max > 70000 || geteuid() != 0) {
		site_close(s);
		skip();
	}
	lab_device_sh(s->l, "mkdir many");
	for (long i = 1; i < max; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "many/%ld", i);
		if (linkat(s->old, "f", s->l->fd, name, 0) == -1)
			break;
	}
	must_copy(s, "f");
	site_close(s);
}

static void
a_link_that_is_refused_means_a_copy(void **state)
{
	static const int refusals[] = { EMLINK, EXDEV, EPERM };

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct site *s = site_of("echo x > f && chmod 644 f", REUSE_HARDLINK,
		    NULL);

		disk_reset();
		disk_fail_name("linkat", refusals[i]);
		must_copy(s, "f");
		assert_non_null(strstr(disk_calls(), "linkat"));
		disk_reset();
		site_close(s);
	}
}

static void
own_files_get_a_second_name_once(void **state)
{
	struct site *s = site_of("echo x > f && chmod 644 f && cp f g", REUSE_COPY, NULL);
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	lab_device_sh(s->l, "chmod 600 old/f");
	fd = fs_open_file(s->old, "f", NULL, &e);
	assert_int_equal(reuse_own(s->reuse, fd, s->new, entry_at(s, "f"), 1700000000,
			     &e),
	    REUSED_LINK);
	assert_int_equal(stat_of(s->new, "f").st_mode & 07777, 0644);
	assert_int_equal(stat_of(s->new, "f").st_mtime, 1700000000);
	assert_int_equal(reuse_own(s->reuse, fd, s->new, entry_at(s, "g"), 1700000000,
			     &e),
	    REUSED_COPY);
	(void)close(fd);
	site_close(s);
}

/* new/ with f linked to old/ and noted. */
static struct site *
linked_site(void)
{
	struct site *s = site_of("echo right > f && chmod 644 f", REUSE_HARDLINK, NULL);
	struct err e = ERR_INIT;

	if (reuse(s, "f", "f", &e) != REUSED_LINK) {
		site_close(s);
		return NULL;
	}
	lab_device_sh(s->l, "mkdir new/.delta");
	if (reuse_note(s->reuse, s->new, s->listing, NULL, &e) == -1)
		fail_msg("%s", e.text);
	return s;
}

static void
linked_files_are_looked_at_again(void **state)
{
	static const struct {
		const char *touch;
		bool good;
	} cases[] = {
		{ ":", true },
		{ "touch old/f", true },
		{ "ln old/f old/g", true },
		{ "rm old/f", true },
		{ "echo wrong > old/f", false },
		{ "echo longer >> old/f", false },
		{ "chmod 600 old/f", false },
		{ "rm new/f", false },
		{ "echo wrong > old/f; rm new/.delta/linked", false },
		{ "rm new/.delta/linked", true },
		{ "echo bad > new/.delta/linked", true },
		{ "echo wrong > old/f; echo bad > new/.delta/linked", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct site *s = linked_site();
		struct err e = ERR_INIT;
		int rc;

		if (s == NULL)
			skip();
		lab_device_sh(s->l, "%s", cases[i].touch);
		rc = reuse_recheck_tree(s->new, s->listing, NULL, &e);
		if (rc != (cases[i].good ? 0 : -1))
			fail_msg("%s: %d %s", cases[i].touch, rc, e.text);
		if (rc == -1)
			assert_int_equal(e.code, ERR_TRUST);
		site_close(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_has_content_mode_and_time),
		cmocka_unit_test(a_copy_ignores_the_umask),
		cmocka_unit_test(a_copy_of_zeros_takes_no_room),
		cmocka_unit_test(changed_content_is_not_reused),
		cmocka_unit_test(root_links_its_own_files),
		cmocka_unit_test(only_strictly_equal_files_of_root_are_linked),
		cmocka_unit_test(
		    world_writable_sources_are_never_linked_even_if_listed_so),
		cmocka_unit_test(two_entries_never_share_an_inode_by_reuse),
		cmocka_unit_test(another_owner_for_the_tree_means_no_links),
		cmocka_unit_test(another_filesystem_means_a_copy),
		cmocka_unit_test(too_many_links_mean_a_copy),
		cmocka_unit_test(a_link_that_is_refused_means_a_copy),
		cmocka_unit_test(own_files_get_a_second_name_once),
		cmocka_unit_test(linked_files_are_looked_at_again),
	};

	return cmocka_run_group_tests_name("reuse", tests, NULL, NULL);
}
