#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/patch/untar.h"
#include "apply/patch/zread.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "mkdelta/pack.h"
#include "mkdelta/scan.h"
#include "tests/lab/lab.h"

/* Odd names, every type, and enough content for many small frames. */
static void
make_tree(struct lab *l)
{
	lab_ok(l, "mkdir -p tree/bin tree/empty 'tree/a b' && cd tree && "
		  "printf tool > bin/tool && chmod 4755 bin/tool && "
		  "ln bin/tool 'a b/hard' && ln -s ../tool bin/link && : > zero && "
		  "ln -s $(printf 't%%.0s' $(seq 180)) longlink && "
		  "printf n > \"$(printf 'new\\nline')\" && "
		  "printf u > \"$(printf '\\303\\244\\377')\" && "
		  "d=$(printf 'd%%.0s' $(seq 120)) && mkdir -p $d/$d && "
		  "printf p > $d/$d/prefix && printf q > $d/$d/$d && "
		  "printf r > \"$(printf '\\303\\244%%.0s' $(seq 120))\" && "
		  "printf s > \"$(printf '\\377%%.0s' $(seq 120))\" && "
		  "truncate -s 300000 sparse && chmod 500 empty");
	lab_fill(l, "tree/large", 1000000, 1);
	lab_fill(l, "tree/large2", 65536, 2);
	for (int i = 0; i < 40; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "tree/file%d", i);
		lab_fill(l, name, (size_t)i * 997, (unsigned)i);
	}
}

static int
open_tree(struct lab *l)
{
	char path[512];
	struct err e = ERR_INIT;
	int dir;

	(void)snprintf(path, sizeof path, "%s/tree", l->dir);
	dir = fs_open_dir(path, &e);
	assert_int_not_equal(dir, -1);
	return dir;
}

/* Pack `tree` into the file `name`; its descriptor. */
static int
pack(struct lab *l, const char *name, const struct pack_options *want,
    struct pack_result *r)
{
	struct err e = ERR_INIT;
	int dir = open_tree(l), at = fs_open_dir(l->dir, &e), fd;
	struct listing *list = scan_tree(dir, NULL, &e);

	if (list == NULL)
		fail_msg("%s", e.text);
	fd = fs_create(at, name, 0644, &e);
	assert_int_not_equal(fd, -1);
	if (pack_tree(dir, list, want, fd, r, &e) == -1)
		fail_msg("%s", e.text);
	listing_free(list);
	(void)close(dir);
	(void)close(at);
	return fd;
}

static void
gnu_tar_unpacks_the_artifact(void **state)
{
	struct lab *l = lab_open();
	struct pack_options want = { .level = 3, .frame_bytes = 65536 };
	struct pack_result r;

	(void)state;
	make_tree(l);
	(void)close(pack(l, "full.tar.zst", &want, &r));
	lab_ok(l, "mkdir got && umask 0 && "
		  "tar --zstd -xpf full.tar.zst -C got --warning=no-unknown-keyword");
	assert_string_equal(l->err, "");
	assert_true(lab_same_tree(l, "tree", "got"));
	lab_ok(l, "test got/bin/tool -ef 'got/a b/hard'");
	lab_ok(l, "zstd -qdc full.tar.zst | wc -c");
	assert_int_equal(strtoull(l->out, NULL, 10), r.unpacked_bytes);
	lab_ok(l, "mkdir got2 && bsdtar -xpf full.tar.zst -C got2");
	assert_true(lab_same_tree(l, "tree", "got2"));
	pack_result_clear(&r);
	lab_close(l);
}

static void
packing_again_gives_the_same_bytes(void **state)
{
	struct lab *l = lab_open();
	struct pack_result first, r;

	(void)state;
	make_tree(l);
	for (unsigned jobs = 1; jobs <= 7; jobs += 2) {
		struct pack_options want = { .level = 1, .jobs = jobs,
			.frame_bytes = 20000 };
		char name[32];

		(void)snprintf(name, sizeof name, "full%u", jobs);
		(void)close(pack(l, name, &want, &r));
		if (jobs == 1) {
			first = r;
			lab_ok(l, "find tree -exec touch -h {} +");
			continue;
		}
		assert_true(sha256_equal(&first.sha256, &r.sha256));
		assert_int_equal(first.n, r.n);
		pack_result_clear(&r);
	}
	lab_ok(l, "sha256sum < full1 | cut -c1-64");
	{
		char hex[SHA256_HEX_MAX];

		assert_memory_equal(l->out, sha256_hex(&first.sha256, hex), 64);
	}
	pack_result_clear(&first);
	lab_close(l);
}

/* Each frame alone gives its bytes of the tar, and all of them give it all. */
static void
frames_stand_alone(void **state)
{
	struct lab *l = lab_open();
	struct pack_options want = { .level = 1, .frame_bytes = 40000 };
	struct pack_result r;
	uint64_t offset = 0, plain = 0;
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	make_tree(l);
	fd = pack(l, "full.tar.zst", &want, &r);
	lab_ok(l, "zstd -qd full.tar.zst");
	assert_true(r.n > 20);
	for (size_t i = 0; i < r.n; i++) {
		const struct pack_frame *f = &r.frames[i];
		struct zread *z = zread_open(fd, f->offset, f->bytes, 23, &e);
		uint8_t *data = malloc(f->plain_bytes + 1), *packed = malloc(f->bytes);
		struct sha256 id;
		size_t got;

		assert_int_equal(f->offset, offset);
		assert_int_equal(zread_some(z, data, f->plain_bytes + 1, &got, &e), 0);
		assert_int_equal(got, f->plain_bytes);
		assert_true(got <= 40000 / 4 * 5 + 8192);
		assert_int_equal(fs_pread(fd, packed, f->bytes, f->offset, &e), 0);
		assert_int_equal(sha256_of(packed, f->bytes, &id, &e), 0);
		assert_true(sha256_equal(&id, &f->sha256));
		offset += f->bytes;
		plain += f->plain_bytes;
		zread_close(z);
		free(data);
		free(packed);
	}
	assert_int_equal(plain, r.unpacked_bytes);
	assert_int_equal(r.index.offset, offset);
	assert_int_equal(r.index.offset + r.index.bytes, r.bytes);
	pack_result_clear(&r);
	(void)close(fd);
	lab_close(l);
}

static uint64_t
varint(const uint8_t **p, const uint8_t *end)
{
	uint64_t v;
	size_t n = varint_load(*p, (size_t)(end - *p), &v);

	assert_int_not_equal(n, 0);
	*p += n;
	return v;
}

/* Read the index as docs/format.md tells, and find each content by it. */
static void
index_finds_every_content(void **state)
{
	struct lab *l = lab_open();
	struct pack_options want = { .level = 1, .frame_bytes = 40000 };
	struct pack_result r;
	struct err e = ERR_INIT;
	struct buf tar = BUF_INIT(1 << 26);
	const uint8_t *p, *end;
	uint8_t *index, tail[8];
	uint64_t n, entry = 0, at = 0, seen = 0;
	struct listing *list;
	int fd, dir;

	(void)state;
	make_tree(l);
	fd = pack(l, "full.tar.zst", &want, &r);
	dir = open_tree(l);
	list = scan_tree(dir, NULL, &e);
	assert_int_equal(zread_all(fd, 23, &tar, &e), 0);

	assert_int_equal(fs_pread(fd, tail, 8, r.bytes - 8, &e), 0);
	assert_memory_equal(tail + 4, "dfi1", 4);
	assert_int_equal(le32_load(tail), r.index.bytes);
	index = malloc(r.index.bytes);
	assert_int_equal(fs_pread(fd, index, r.index.bytes, r.index.offset, &e), 0);
	assert_int_equal(le32_load(index), 0x184d2a5b);
	assert_int_equal(le32_load(index + 4), r.index.bytes - 8);
	assert_memory_equal(index + 8, "dfi1", 4);
	p = index + 12;
	end = index + r.index.bytes - 8;
	n = varint(&p, end);
	assert_int_equal(n, r.n);
	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(varint(&p, end), r.frames[i].bytes);
		assert_int_equal(varint(&p, end), r.frames[i].plain_bytes);
		assert_memory_equal(p, r.frames[i].sha256.bytes, 32);
		p += 32;
	}
	for (n = varint(&p, end); n > 0; n--, seen++) {
		const struct entry *x;
		struct sha256 id;

		entry += varint(&p, end);
		at += varint(&p, end) * 512;
		x = &list->entries[entry];
		assert_true(at + x->size <= tar.len);
		assert_int_equal(sha256_of(tar.data + at, x->size, &id, &e), 0);
		assert_true(sha256_equal(&id, &x->sha256));
		at += (x->size + 511) / 512 * 512;
	}
	assert_ptr_equal(p, end);
	for (size_t i = 0; i < list->n; i++)
		if (list->entries[i].size > 0 && listing_group_first(list, i) == i)
			seen--;
	assert_int_equal(seen, 0);
	free(index);
	buf_free(&tar);
	listing_free(list);
	pack_result_clear(&r);
	(void)close(fd);
	(void)close(dir);
	lab_close(l);
}

static void
untar_gives_every_content_of_the_listing(void **state)
{
	struct lab *l = lab_open();
	struct pack_options want = { .level = 1, .frame_bytes = 40000 };
	struct pack_result r;
	struct untar_entry x;
	struct err e = ERR_INIT;
	int fd, dir, rc;
	size_t n = 0, files = 0;
	struct listing *list;
	struct untar *u;

	(void)state;
	make_tree(l);
	fd = pack(l, "full.tar.zst", &want, &r);
	dir = open_tree(l);
	list = scan_tree(dir, NULL, &e);
	u = untar_open(fd, r.bytes, r.unpacked_bytes, &e);
	while ((rc = untar_next(u, &x, &e)) == 1) {
		long i = listing_find(list, x.path);
		struct hash *h = hash_new(HASH_SHA256, &e);
		struct sha256 id;
		uint8_t block[1000];
		size_t got = 1;

		assert_int_not_equal(i, -1);
		assert_int_equal(i, n++);
		while (x.is_file && got > 0) {
			assert_int_equal(untar_read(u, block, sizeof block, &got, &e), 0);
			assert_int_equal(hash_add(h, block, got, &e), 0);
		}
		assert_int_equal(hash_end(h, id.bytes, &e), 0);
		if (x.is_file) {
			files++;
			assert_int_equal(x.size, list->entries[i].size);
			assert_true(sha256_equal(&id, &list->entries[i].sha256));
		}
		hash_free(h);
	}
	if (rc == -1)
		fail_msg("%s", e.text);
	assert_int_equal(n, list->n);
	assert_int_equal(files, list->files);
	untar_close(u);
	listing_free(list);
	pack_result_clear(&r);
	(void)close(fd);
	(void)close(dir);
	lab_close(l);
}

static void
a_file_that_changed_since_the_scan_is_named(void **state)
{
	static const char *const changes[] = {
		"printf More >> tree/f", "printf xxxx > tree/f", "printf x > tree/f",
		"rm tree/f && ln -s /etc/passwd tree/f", "rm tree/f"
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct lab *l = lab_open();
		struct pack_result r;
		struct err e = ERR_INIT;
		struct listing *list;
		int dir, fd;

		lab_ok(l, "mkdir tree && printf some > tree/f");
		dir = open_tree(l);
		list = scan_tree(dir, NULL, &e);
		lab_ok(l, "%s", changes[i]);
		fd = fs_create(dir, "out", 0644, &e);
		assert_int_equal(pack_tree(dir, list, NULL, fd, &r, &e), -1);
		assert_non_null(strchr(e.text, 'f'));
		assert_null(r.frames);
		(void)close(fd);
		(void)close(dir);
		listing_free(list);
		lab_close(l);
	}
}

/* Header fields as they are documented, where no tool would notice. */
static void
headers_hold_no_time_and_no_owner(void **state)
{
	struct lab *l = lab_open();
	struct pack_result r;
	struct err e = ERR_INIT;
	struct buf tar = BUF_INIT(1 << 20);
	int fd;

	(void)state;
	lab_ok(l,
	    "mkdir tree && printf some > tree/f && chmod 755 tree && chmod 640 tree/f");
	fd = pack(l, "full", NULL, &r);
	assert_int_equal(zread_all(fd, 23, &tar, &e), 0);
	assert_int_equal(tar.len, 512 + 512 + 512 + 1024);
	assert_string_equal((char *)tar.data, "./");
	assert_string_equal((char *)tar.data + 512, "f");
	assert_string_equal((char *)tar.data + 512 + 100, "0000640");
	assert_string_equal((char *)tar.data + 512 + 108, "0000000");
	assert_string_equal((char *)tar.data + 512 + 124, "00000000004");
	assert_string_equal((char *)tar.data + 512 + 136, "00000000000");
	assert_string_equal((char *)tar.data + 512 + 265, "");
	assert_int_equal(r.memory_bytes, tar.len + (1 << 20));
	buf_free(&tar);
	pack_result_clear(&r);
	(void)close(fd);
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gnu_tar_unpacks_the_artifact),
		cmocka_unit_test(packing_again_gives_the_same_bytes),
		cmocka_unit_test(frames_stand_alone),
		cmocka_unit_test(index_finds_every_content),
		cmocka_unit_test(untar_gives_every_content_of_the_listing),
		cmocka_unit_test(a_file_that_changed_since_the_scan_is_named),
		cmocka_unit_test(headers_hold_no_time_and_no_owner),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
