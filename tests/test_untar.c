#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/untar.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "mkdelta/encode/zwrite.h"
#include "tests/lab/lab.h"

/* `in.tar` of the lab as one zstd frame: `in.zst`, open, its size in *bytes. */
static int
compress(struct lab *l, unsigned window_log, uint64_t *bytes)
{
	struct buf tar = BUF_INIT(1 << 26), out = BUF_INIT(1 << 26);
	struct err e = ERR_INIT;
	int at = fs_open_dir(l->dir, &e), fd;

	assert_int_equal(fs_read_file(at, "in.tar", &tar, &e), 0);
	assert_int_equal(zwrite_frame(tar.data, tar.len, 1, window_log, &out, &e), 0);
	assert_int_equal(fs_unlink(at, "in.zst", &e), 0);
	fd = fs_create(at, "in.zst", 0600, &e);
	assert_int_not_equal(fd, -1);
	assert_int_equal(fs_write(fd, out.data, out.len, &e), 0);
	*bytes = out.len;
	buf_free(&tar);
	buf_free(&out);
	(void)close(at);
	return fd;
}

/* Walk to the end: 0, or -1 with the error.  Paths are appended to seen. */
static int
walk(int fd, uint64_t bytes, struct buf *seen, struct err *e)
{
	struct untar *u = untar_open(fd, bytes, UINT64_MAX, e);
	struct untar_entry x;
	struct err ignored = ERR_INIT;
	int rc = -1;

	while (u != NULL && (rc = untar_next(u, &x, e)) == 1) {
		uint8_t block[512];
		size_t got = 1;

		assert_int_equal(buf_addf(seen, &ignored, "%s%s\n", x.path,
				     x.is_file ? "" : " -"), 0);
		while (x.is_file && got > 0)
			if (untar_read(u, block, sizeof block, &got, e) == -1) {
				untar_close(u);
				return -1;
			}
	}
	untar_close(u);
	return rc;
}

static int
walk_tar(struct lab *l, struct buf *seen, struct err *e)
{
	uint64_t bytes;
	int fd = compress(l, 20, &bytes), rc;

	buf_reset(seen);
	rc = walk(fd, bytes, seen, e);
	(void)close(fd);
	return rc;
}

static void
paths_come_in_a_listings_form(void **state)
{
	struct lab *l = lab_open();
	struct buf seen = BUF_INIT(4096);
	struct err e = ERR_INIT;

	(void)state;
	lab_ok(l, "mkdir -p t/d && printf 1 > t/d/f && ln t/d/f t/e && ln -s x t/s && "
		  "tar --sort=name -cf in.tar -C t .");
	if (walk_tar(l, &seen, &e) == -1)
		fail_msg("%s", e.text);
	assert_string_equal(buf_text(&seen), ". -\nd -\nd/f\ne -\ns -\n");
	lab_ok(l, "tar --sort=name -cf in.tar -C t d e s");
	assert_int_equal(walk_tar(l, &seen, &e), 0);
	assert_string_equal(buf_text(&seen), "d -\nd/f\ne -\ns -\n");
	buf_free(&seen);
	lab_close(l);
}

static void
holes_are_read_as_zeros(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	uint8_t block[4096];
	struct untar_entry x;
	uint64_t bytes, at = 0;
	struct untar *u;
	size_t got;
	int fd;

	(void)state;
	lab_ok(l, "mkdir t && truncate -s 100000 t/f && printf end >> t/f && "
		  "tar --sparse -cf in.tar -C t f");
	fd = compress(l, 20, &bytes);
	u = untar_open(fd, bytes, UINT64_MAX, &e);
	assert_int_equal(untar_next(u, &x, &e), 1);
	assert_int_equal(x.size, 100003);
	while (untar_read(u, block, sizeof block, &got, &e) == 0 && got > 0)
		for (size_t i = 0; i < got; i++, at++)
			assert_int_equal(block[i], at < 100000 ? 0 : "end"[at - 100000]);
	assert_int_equal(at, 100003);
	untar_close(u);
	(void)close(fd);
	lab_close(l);
}

static void
unsafe_paths_are_refused(void **state)
{
	static const char *const names[] = { "/etc/x", "../x", "a/../../x", "a//b",
		"a/./b", ".." };
	struct lab *l = lab_open();
	struct buf seen = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct err e = ERR_INIT;

		lab_ok(l,
		    "python3 -c 'import tarfile; t = tarfile.open(\"in.tar\", \"w\"); "
		    "t.addfile(tarfile.TarInfo(\"%s\")); t.close()'",
		    names[i]);
		assert_int_equal(walk_tar(l, &seen, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		assert_string_equal(buf_text(&seen), "");
	}
	buf_free(&seen);
	lab_close(l);
}

static void
other_formats_and_filters_are_refused(void **state)
{
	static const char *const makers[] = {
		"bsdtar --format cpio -cf in.tar t", "bsdtar --format zip -cf in.tar t",
		"bsdtar --format ar -cf in.tar t/f", "bsdtar --format 7zip -cf in.tar t",
		"bsdtar --format mtree -cf in.tar t", "tar -czf in.tar t",
		"tar --zstd -cf in.tar t", "head -c 5000 /dev/urandom > in.tar",
		"printf garbage > in.tar"
	};
	struct lab *l = lab_open();
	struct buf seen = BUF_INIT(4096);

	(void)state;
	lab_ok(l, "mkdir t && printf 1 > t/f");
	for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
		struct err e = ERR_INIT;

		lab_ok(l, "%s", makers[i]);
		assert_int_equal(walk_tar(l, &seen, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	buf_free(&seen);
	lab_close(l);
}

static void
damage_and_cuts_are_refused_or_harmless(void **state)
{
	struct lab *l = lab_open();
	struct buf seen = BUF_INIT(1 << 20);
	uint64_t bytes;
	int fd;

	(void)state;
	lab_ok(l, "mkdir t");
	lab_fill(l, "t/f", 20000, 1);
	lab_fill(l, "t/g", 20000, 2);
	lab_ok(l, "tar -cf in.tar -C t .");
	fd = compress(l, 20, &bytes);
	for (uint64_t cut = 0; cut < bytes; cut += 501) {
		struct err e = ERR_INIT;

		buf_reset(&seen);
		assert_int_equal(walk(fd, cut, &seen, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	for (uint64_t at = 0; at < bytes; at += 307) {
		struct err e = ERR_INIT;

		lab_flip(l, "in.zst", (long)at);
		buf_reset(&seen);
		if (walk(fd, bytes, &seen, &e) == -1)
			assert_int_equal(e.code, ERR_FORMAT);
		lab_flip(l, "in.zst", (long)at);
	}
	(void)close(fd);
	buf_free(&seen);
	lab_close(l);
}

static void
a_window_over_the_limit_is_refused(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct buf seen = BUF_INIT(4096);
	struct stat st;
	int at, fd;

	(void)state;
	lab_ok(l, "mkdir t && head -c 40000000 /dev/zero > t/f && tar -cf - -C t f | "
		  "zstd -q -1 --zstd=wlog=24 -o in.zst");
	at = fs_open_dir(l->dir, &e);
	fd = fs_open_file(at, "in.zst", &st, &e);
	assert_int_equal(walk(fd, (uint64_t)st.st_size, &seen, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, "zstd"));
	(void)close(fd);
	(void)close(at);
	buf_free(&seen);
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_come_in_a_listings_form),
		cmocka_unit_test(holes_are_read_as_zeros),
		cmocka_unit_test(unsafe_paths_are_refused),
		cmocka_unit_test(other_formats_and_filters_are_refused),
		cmocka_unit_test(damage_and_cuts_are_refused_or_harmless),
		cmocka_unit_test(a_window_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests_name("untar", tests, NULL, NULL);
}
