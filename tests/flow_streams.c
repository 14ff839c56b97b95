/*
 * Compressed files in releases: a word changes inside, the device downloads a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"
#include "tests/lab/streams.h"

enum { TEXT = 400000, MAX = 8 << 20 };

static void
put(const char *rel, const struct buf *b)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", l->dir, rel);
	assert_non_null(f = fopen(path, "wb"));
	assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
	assert_int_equal(fclose(f), 0);
}

/* A text by GNU gzip, and with another one in a zip by zlib, in a zip. */
static void
fill(const char *word)
{
	struct buf plain = BUF_INIT(MAX), inner = BUF_INIT(MAX), outer = BUF_INIT(MAX);
	uint8_t *a = streams_text(TEXT, 1), *b = streams_text(TEXT, 2);
	struct err e = ERR_INIT;

	memcpy(a + TEXT / 3, word, strlen(word));
	assert_int_equal(buf_add(&plain, a, TEXT, &e), 0);
	lab_ok(l, "mkdir -p t/doc");
	put("t/doc/NEWS", &plain);
	lab_ok(l, "gzip -9nf t/doc/NEWS");
	streams_zip(&inner, "other", b, TEXT, false, &streams_usual);
	streams_zip(&inner, "text", a, TEXT, true, &streams_usual);
	streams_zip(&outer, "inner.jar", inner.data, inner.len, false, &streams_usual);
	put("t/app.jar", &outer);
	free(a);
	free(b);
	buf_free(&plain);
	buf_free(&inner);
	buf_free(&outer);
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	fill("one word");
	lab_ok(l, "mkdelta release -q repo t && cp -a t t1");
	fill("two more");
	lab_ok(l, "mkdelta release -q repo t");
	lab_serve(l, "repo", NULL);
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update --to 1");
	lab_log_clear(l);
	return 0;
}

static void
a_word_inside_of_compressed_files_costs_a_word(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_same_tree(l, "t", "dev/demo/current"));
	app_runs(l, 2);
	assert_int_equal(lab_requests(l, ".delta 200"), 1);
	assert_in_range(app_object_bytes(l), 100, 1500);
	lab_ok(l, "! find dev -name '.tmp.*' | grep .");
}

/* Who cannot make the same bytes again must know before the download. */
static void
what_zlib_has_to_make_is_signed(void **state)
{
	(void)state;
	lab_ok(l, "cat repo/metadata/*.stable.any.json repo/metadata/stable.any.json "
	    "2> /dev/null | grep -o 'deflate-6-8-0-15:[0-9a-f]*' | sort -u");
	lab_must_say(l, "deflate-6-8-0-15:");
	lab_ok(l, "cat repo/metadata/*.json | grep -o '\"scratch-bytes\": *[0-9]*' | sort -u");
}

/* What stays packed makes a delta large; who asks hears why. */
static void
what_stays_packed_is_said(void **state)
{
	struct buf text = BUF_INIT(MAX);
	uint8_t *a = streams_text(MAX / 8, 3);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_add(&text, a, MAX / 8, &e), 0);
	put("a", &text);
	lab_ok(l, "(cat a; echo) > b; for f in a b; do xz -6k $f; gzip -9nk $f; done");
	lab_ok(l, "mkdelta diff -v a.xz b.xz xz.delta 2>&1");
	lab_must_say(l, "0 of 1 changed streams can be made again, 1 would take more "
	    "than 8 MiB");
	lab_ok(l, "mkdelta diff -v a.gz b.gz gz.delta 2>&1");
	lab_must_say(l, "1 of 1 changed streams can be made again");
	free(a);
	buf_free(&text);
}

/* Room for what is inflated is part of the plan. */
static void
a_full_disk_is_known_before_the_download(void **state)
{
	uint64_t room;

	(void)state;
	lab_ok(l, DELTA_APPLY "plan --json");
	room = app_number(l, "room-bytes");
	assert_true(room > 3 * (uint64_t)TEXT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_word_inside_of_compressed_files_costs_a_word, open_lab, close_lab),
		cmocka_unit_test_setup_teardown(what_zlib_has_to_make_is_signed, open_lab,
		    close_lab),
		cmocka_unit_test_setup_teardown(what_stays_packed_is_said, open_lab,
		    close_lab),
		cmocka_unit_test_setup_teardown(a_full_disk_is_known_before_the_download,
		    open_lab, close_lab),
	};

	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
