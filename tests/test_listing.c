#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/listing.h"

#define H1 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define H2 "1111111111111111111111111111111111111111111111111111111111111111"
#define ROOT "#mtree\n. type=dir mode=0755\n"

static struct listing *
parse(const char *text, bool reduced, struct err *e)
{
	return listing_parse(text, strlen(text), reduced, e);
}

static void
assert_same_text(const struct listing *l, const char *text)
{
	struct buf out = BUF_INIT(LISTING_TEXT_MAX);
	struct err e = ERR_INIT;

	assert_int_equal(listing_emit(l, &out, &e), 0);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
}

static const char good[] =
    ROOT "./bin type=dir mode=0755\n"
	 "./bin/alias type=link mode=0777 link=tool\\040box\n"
	 "# xattr security.capability AQAAAgAgAAAAAAAAAAAAAAAAAAA=\n"
	 "# xattr user.empty\n"
	 "./bin/tool type=file mode=4755 uid=0 gid=7 uname=root gname=a\\134b "
	 "nlink=2 tags=link-1 size=12 sha256digest=" H1 "\n"
	 "./bin-2 type=file mode=0600 nlink=2 tags=link-2 size=0 sha256digest=" H2 "\n"
	 "# xattr security.capability AQAAAgAgAAAAAAAAAAAAAAAAAAA=\n"
	 "# xattr user.empty\n"
	 "./lib type=file mode=4755 uid=0 gid=7 uname=root gname=a\\134b "
	 "nlink=2 tags=link-1 size=12 sha256digest=" H1 "\n"
	 "./z type=file mode=0600 nlink=2 tags=link-2 size=0 sha256digest=" H2 "\n"
	 "./\\303\\244\\012\\043\\075 type=file mode=0000 size=9223372036854775807 "
	 "sha256digest=" H2 "\n";

/* "bin" < "bin-2" < "bin/tool": paths are compared as bytes, '-' before '/'. */
static char *
good_text(void)
{
	char *text = strdup(good), *a, *b;
	char line[512];
	size_t n;

	assert_non_null(text);
	a = strstr(text, "./bin/alias");
	b = strstr(text, "./bin-2");
	n = (size_t)(strchr(b, '\n') + 1 - b);
	memcpy(line, b, n);
	memmove(a + n, a, (size_t)(b - a));
	memcpy(a, line, n);
	/* groups are numbered in order of appearance: bin-2 is now the first */
	for (char *t = text; (t = strstr(t, "tags=link-")) != NULL; t += 11)
		t[10] = t[10] == '1' ? '2' : '1';
	return text;
}

static void
parse_reads_every_kind_of_entry(void **state)
{
	struct err e = ERR_INIT;
	char *text = good_text();
	struct listing *l = parse(text, false, &e);
	const struct entry *x;

	(void)state;
	if (l == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(l->n, 8);
	assert_int_equal(l->files, 3);
	assert_true(l->content_bytes == (uint64_t)INT64_MAX + 12);
	x = &l->entries[listing_find(l, "bin/tool")];
	assert_int_equal(x->mode, 04755);
	assert_int_equal(x->gid, 7);
	assert_string_equal(x->gname, "a\\b");
	assert_int_equal(x->nlink, 2);
	assert_string_equal(x->xattrs->name, "security.capability");
	assert_int_equal(x->xattrs->size, 20);
	assert_int_equal(x->xattrs->next->size, 0);
	assert_string_equal(l->entries[listing_find(l, "bin/alias")].link, "tool box");
	assert_int_not_equal(listing_find(l, "\303\244\n#="), -1);
	assert_int_equal(listing_find(l, "."), 0);
	assert_int_equal(listing_find(l, "bin/none"), -1);
	assert_int_equal(listing_group_first(l, (size_t)listing_find(l, "z")),
	    listing_find(l, "bin-2"));
	assert_same_text(l, text);
	listing_free(l);
	free(text);
}

static const char *const malformed[] = {
	"",
	"#mtree",
	"#mtree\n",
	"#mtree v2\n. type=dir mode=0755\n",
	"#mtree\n. type=dir mode=0755",
	"#mtree\n. type=dir mode=755\n",
	"#mtree\n. type=dir mode=00755\n",
	"#mtree\n. mode=0755 type=dir\n",
	"#mtree\n. type=dir  mode=0755\n",
	"#mtree\n. type=dir mode=0755 \n",
	"#mtree\n. type=dir mode=0755\r\n",
	"#mtree\n. type=dir mode=0755 mode=0755\n",
	"#mtree\n. type=dir mode=0755 time=1\n",
	"#mtree\n. type=dir mode=0755 size=0\n",
	"#mtree\n. type=dir mode=17777\n",
	"#mtree\n. type=dir mode=0788\n",
	"#mtree\n. type=dir mode=\n",
	"#mtree\n. type=dir\n",
	"#mtree\n. mode=0755\n",
	"#mtree\n. type=dir mode=0755 nonsense\n",
	"#mtree\n. type=link mode=0777 link=x\n",
	"#mtree\n./a type=dir mode=0755\n",
	"#mtree\n\n. type=dir mode=0755\n",
	"#mtree\n# comment\n. type=dir mode=0755\n",
	ROOT "\n",
	ROOT "/set type=file\n",
	ROOT "./a type=fifo mode=0644\n",
	ROOT "./a type=char mode=0644\n",
	ROOT "./a type=file mode=0644 size=1\n",
	ROOT "./a type=file mode=0644 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 size=01 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 size=-1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 size=9223372036854775808 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 size=1 sha256digest=" H1 "0\n",
	ROOT "./a type=file mode=0644 size=1 sha256digest="
	     "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n",
	ROOT "a type=dir mode=0755\n",
	ROOT "./ type=dir mode=0755\n",
	ROOT ". type=dir mode=0755\n",
	ROOT "./. type=dir mode=0755\n",
	ROOT "./.. type=dir mode=0755\n",
	ROOT "./a/../b type=dir mode=0755\n",
	ROOT "./a type=dir mode=0755\n./a/../b type=dir mode=0755\n",
	ROOT "./a type=dir mode=0755\n./a/./b type=dir mode=0755\n",
	ROOT "./a type=dir mode=0755\n./a//b type=dir mode=0755\n",
	ROOT ".//etc type=dir mode=0755\n",
	ROOT "./a/ type=dir mode=0755\n",
	ROOT "./a/b type=dir mode=0755\n",
	ROOT "./a type=link mode=0777 link=/\n./a/b type=dir mode=0755\n",
	ROOT "./b type=dir mode=0755\n./a type=dir mode=0755\n",
	ROOT "./a type=dir mode=0755\n./a type=dir mode=0755\n",
	ROOT "./a type=link mode=0777\n",
	ROOT "./a type=link mode=0777 link=\n",
	ROOT "./a type=link mode=0755 link=x\n",
	ROOT "./a type=dir mode=0755 link=x\n",
	ROOT "./\\141 type=dir mode=0755\n",
	ROOT "./\\000 type=dir mode=0755\n",
	ROOT "./\\1 type=dir mode=0755\n",
	ROOT "./\\400 type=dir mode=0755\n",
	ROOT "./\\s type=dir mode=0755\n",
	ROOT "./a\\ type=dir mode=0755\n",
	ROOT "./a\tb type=dir mode=0755\n",
	ROOT "./\303\244 type=dir mode=0755\n",
	ROOT "./a=b type=dir mode=0755\n",
	ROOT "./a#b type=dir mode=0755\n",
	ROOT "./a type=dir mode=0755 uid=1\n",
	ROOT "./a type=dir mode=0755 gid=1\n",
	ROOT "./a type=dir mode=0755 uname=root\n",
	ROOT "./a type=dir mode=0755 uid=1 gid=4294967296\n",
	ROOT "./a type=dir mode=0755 uid=1 gid=1 uname=\n",
	ROOT "./a type=dir mode=0755 nlink=2 tags=link-1\n",
	ROOT "./a type=file mode=0644 nlink=1 tags=link-1 size=1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 nlink=2 tags=link-1 size=1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 nlink=2 tags=link-2 size=1 sha256digest=" H1 "\n"
	     "./b type=file mode=0644 nlink=2 tags=link-2 size=1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 nlink=3 tags=link-1 size=1 sha256digest=" H1 "\n"
	     "./b type=file mode=0644 nlink=3 tags=link-1 size=1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 nlink=2 tags=link-1 size=1 sha256digest=" H1 "\n"
	     "./b type=file mode=0644 nlink=2 tags=link-1 size=1 sha256digest=" H2 "\n",
	ROOT "./a type=file mode=0644 nlink=2 tags=link-1 size=1 sha256digest=" H1 "\n"
	     "./b type=file mode=0600 nlink=2 tags=link-1 size=1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 nlink=2 tags=link-0 size=1 sha256digest=" H1 "\n"
	     "./b type=file mode=0644 nlink=2 tags=link-0 size=1 sha256digest=" H1 "\n",
	ROOT "./a type=file mode=0644 nlink=2 tags=x-1 size=1 sha256digest=" H1 "\n"
	     "./b type=file mode=0644 nlink=2 tags=x-1 size=1 sha256digest=" H1 "\n",
	ROOT "# xattr user.a\n",
	ROOT "# xattr\n./a type=dir mode=0755\n",
	ROOT "# xattr \n./a type=dir mode=0755\n",
	ROOT "# xattr user.a \n./a type=dir mode=0755\n",
	ROOT "# xattr user.a AA\n./a type=dir mode=0755\n",
	ROOT "# xattr user.a A===\n./a type=dir mode=0755\n",
	ROOT "# xattr user.a AB==\n./a type=dir mode=0755\n",
	ROOT "# xattr user.a AA==AAAA\n./a type=dir mode=0755\n",
	ROOT "# xattr user.a A*==\n./a type=dir mode=0755\n",
	ROOT "# xattr user.b\n# xattr user.a\n./a type=dir mode=0755\n",
	ROOT "# xattr user.a\n# xattr user.a\n./a type=dir mode=0755\n",
};

static void
parse_refuses_every_malformed_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
		struct err e = ERR_INIT;
		struct listing *l = parse(malformed[i], false, &e);

		if (l != NULL)
			fail_msg("accepted: %s", malformed[i]);
		assert_int_equal(e.code, ERR_FORMAT);
	}
}

static void
parse_refuses_a_nul_byte(void **state)
{
	static const char text[] = ROOT "./a\0 type=dir mode=0755\n";
	struct err e = ERR_INIT;

	(void)state;
	assert_null(listing_parse(text, sizeof text - 1, false, &e));
	assert_int_equal(e.code, ERR_FORMAT);
}

static void
parse_refuses_every_cut_and_flipped_bit_or_reads_it_back_alike(void **state)
{
	char *text = good_text();
	size_t n = strlen(text);

	(void)state;
	for (size_t i = 0; i < n * 8; i++) {
		struct err e = ERR_INIT;
		struct listing *l;

		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		if ((l = listing_parse(text, n, false, &e)) != NULL)
			assert_same_text(l, text);
		listing_free(l);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
	}
	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		char *part = malloc(i + 1);
		struct listing *l;

		memcpy(part, text, i);
		part[i] = '\0';
		if ((l = listing_parse(part, i, false, &e)) != NULL)
			assert_same_text(l, part);
		listing_free(l);
		free(part);
	}
	free(text);
}

static void
parse_bounds_names_and_paths(void **state)
{
	char text[8192], name[300];
	struct err e = ERR_INIT;
	struct listing *l;

	(void)state;
	for (int n = 255; n <= 256; n++) {
		memset(name, 'x', sizeof name);
		name[n] = '\0';
		(void)snprintf(text, sizeof text, ROOT "./%s type=dir mode=0755\n", name);
		l = parse(text, false, &e);
		assert_int_equal(l != NULL, n == 255);
		listing_free(l);
	}
}

static void
finish_refuses_what_is_no_tree(void **state)
{
	static const char *const paths[] = { "/etc", "a/../b", "..", "a//b", "b/c", "" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct err e = ERR_INIT;
		struct listing *l = listing_new(&e);
		struct entry x = { .path = (char []){ "." }, .type = ENTRY_DIR };

		assert_int_equal(listing_add(l, &x, &e), 0);
		x.path = (char []){ "a" };
		assert_int_equal(listing_add(l, &x, &e), 0);
		x.path = strdup(paths[i]);
		assert_int_equal(listing_add(l, &x, &e), 0);
		free(x.path);
		assert_int_equal(listing_finish(l, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		listing_free(l);
	}
}

/* What libarchive's mtree reader says about the text, as `bsdtar -tvf` prints it. */
static void
bsdtar_reads_the_listing(void **state)
{
	char line[256], name[] = "/tmp/listing.XXXXXX";
	char *text = good_text(), full[128];
	struct buf seen = BUF_INIT(65536);
	struct err e = ERR_INIT;
	int fd = mkstemp(name);
	FILE *f;

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	(void)snprintf(full, sizeof full, "LC_ALL=C bsdtar -tvf - < %s 2>&1", name);
	assert_non_null(f = popen(full, "r"));
	while (fgets(line, sizeof line, f) != NULL)
		assert_int_equal(buf_add_text(&seen, line, &e), 0);
	assert_int_equal(pclose(f), 0);
	(void)unlink(name);
	assert_non_null(strstr(buf_text(&seen), "drwxr-xr-x"));
	assert_non_null(strstr(buf_text(&seen), "-rwsr-xr-x"));
	assert_non_null(strstr(buf_text(&seen), "./bin/alias -> tool box\n"));
	assert_non_null(strstr(buf_text(&seen), "9223372036854775807"));
	assert_non_null(strstr(buf_text(&seen), "\\303\\244\\n#=\n"));
	buf_free(&seen);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_reads_every_kind_of_entry),
		cmocka_unit_test(parse_refuses_every_malformed_line),
		cmocka_unit_test(parse_refuses_a_nul_byte),
		cmocka_unit_test(
		    parse_refuses_every_cut_and_flipped_bit_or_reads_it_back_alike),
		cmocka_unit_test(parse_bounds_names_and_paths),
		cmocka_unit_test(finish_refuses_what_is_no_tree),
		cmocka_unit_test(bsdtar_reads_the_listing),
	};

	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
