/*
 * trust, refresh and get: the TUF client alone, over a real host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/fixture.h"

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 100000, 1);
	for (int i = 1; i <= 3; i++)
		lab_ok(master, "echo %d > t/n; mkdelta release -q repo t", i);
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' .", master->dir);
	lab_serve(l, "repo", NULL);
	return 0;
}

static void
trust_refresh_get_are_a_tuf_client(void **state)
{
	(void)state;
	lab_expect(l, 2, "delta-apply refresh --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata", l->port);
	lab_expect(l, 2, "delta-apply trust repo/metadata/1.root.json");
	lab_must_say(l, "--metadata-dir is needed");
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json");
	lab_ok(l, "cmp m/root.json repo/metadata/1.root.json");
	lab_ok(l, "delta-apply refresh --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata", l->port);
	lab_ok(l, "cmp m/timestamp.json repo/metadata/timestamp.json");
	lab_ok(l, "delta-apply get --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata/ --targets-url http://127.0.0.1:%d/targets/ "
	    "--output out 3/any.tree.zst 3/any.from-1.delta", l->port, l->port);
	lab_ok(l, "cmp out/3/any.tree.zst repo/targets/3/*.any.tree.zst");
	lab_ok(l, "cmp out/3/any.from-1.delta repo/targets/3/*.any.from-1.delta");
	/* Asking again will not help, as 3 would promise: the name is wrong. */
	lab_expect(l, 2, "delta-apply get --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata --targets-url http://127.0.0.1:%d/targets "
	    "--output out 9/any.tree.zst", l->port, l->port);
	lab_must_say(l, "does not list it");
	lab_expect(l, 4,
	    "delta-apply trust --metadata-dir m2 repo/metadata/timestamp.json");
	assert_false(lab_exists(l, "m2/root.json"));
}

#define GET \
	"delta-apply get --metadata-dir m --metadata-url http://127.0.0.1:%d/metadata " \
	"--targets-url http://127.0.0.1:%d/targets --output out "

static void
names_that_lead_out_are_never_got(void **state)
{
	static const char *const names[] = { "../x", "/etc/x", "''", "a/../b",
		"3/../3/any.tree.zst", "./3/any.tree.zst", "3//any.tree.zst", "..", "." };

	(void)state;
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json");
	lab_write(l, "x", "untouched\n");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		lab_expect(l, 2, GET "%s", l->port, l->port, names[i]);
		lab_must_say(l, "does not list it");
		assert_int_equal(lab_requests(l, "/targets/"), 0);
		lab_ok(l, "test -z \"$(find out -mindepth 1)\"");
	}
	lab_ok(l, "grep -qx untouched x; test ! -e b");
}

static void
what_was_got_is_not_fetched_again(void **state)
{
	(void)state;
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json");
	lab_ok(l, GET "3/any.tree.zst 3/any.from-1.delta", l->port, l->port);
	assert_int_equal(lab_requests(l, "/targets/"), 2);
	lab_log_clear(l);
	lab_ok(l, GET "3/any.tree.zst 3/any.from-1.delta", l->port, l->port);
	assert_int_equal(lab_requests(l, "/targets/"), 0);
	/* One that was changed meanwhile comes anew, and only that. */
	lab_ok(l, "printf x >> out/3/any.tree.zst");
	lab_ok(l, GET "3/any.tree.zst 3/any.from-1.delta", l->port, l->port);
	assert_int_equal(lab_requests(l, "/targets/"), 1);
	assert_int_equal(lab_requests(l, "any.tree.zst"), 1);
	lab_ok(l, "cmp out/3/any.tree.zst repo/targets/3/*.any.tree.zst");
}

static void
a_refresh_with_nothing_new_is_two_requests(void **state)
{
	(void)state;
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json");
	for (int i = 0; i < 3; i++) {
		lab_log_clear(l);
		lab_ok(l, "delta-apply refresh --metadata-dir m --metadata-url "
		    "http://127.0.0.1:%d/metadata", l->port);
		assert_int_equal(lab_requests(l, "timestamp.json 200"), 1);
		assert_int_equal(lab_requests(l, "2.root.json 404"), 1);
		if (i > 0)
			assert_int_equal(lab_requests(l, ""), 2);
	}
}

static void
get_refuses_bytes_that_are_not_signed(void **state)
{
	(void)state;
	lab_ok(l, "delta-apply trust --metadata-dir m repo/metadata/1.root.json");
	lab_ok(l, "for f in repo/targets/3/*.tree.zst; do printf x | "
	    "dd of=$f bs=1 seek=9 conv=notrunc status=none; done");
	lab_expect(l, 4, "delta-apply get --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata --targets-url http://127.0.0.1:%d/targets "
	    "--output out 3/any.tree.zst", l->port, l->port);
	lab_ok(l, "test -z \"$(find out -type f)\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(trust_refresh_get_are_a_tuf_client),
		FLOW(names_that_lead_out_are_never_got),
		FLOW(what_was_got_is_not_fetched_again),
		FLOW(a_refresh_with_nothing_new_is_two_requests),
		FLOW(get_refuses_bytes_that_are_not_signed),
	};

	return cmocka_run_group_tests_name("get", tests, open_master, close_master);
}
