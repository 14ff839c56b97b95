/*
 * A device far behind: the chain it takes and what that costs on the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "tests/lab/fixture.h"

enum { RELEASES = 12, HOPS_MAX = 4 };

/* Each release changes one file of ten and a little of the program. */
static int
open_master(void **state)
{
	char path[40];

	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 300000, 1);
	for (unsigned i = 1; i <= RELEASES; i++) {
		(void)snprintf(path, sizeof path, "t/lib/part%u", i % 10);
		lab_fill(master, path, 20000, 100 + i);
		lab_flip(master, "t/bin/app", (long)i * 1000);
		lab_ok(master, "mkdelta release -q --version v1.%u repo t && "
		    "cp -a repo/metadata then%u", i, i);
	}
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' '%s/t' .", master->dir, master->dir);
	lab_serve(l, "repo", NULL);
	lab_write(l, "app.conf", "[app]\nname = demo\nroot = %s/dev/demo\n"
	    "url = http://127.0.0.1:%d\nstate = %s/dev/state\nrun = %s/dev/run\n"
	    "[trust]\nroot = %s/repo/metadata/1.root.json\n[net]\nretries = 0\n",
	    l->dir, l->port, l->dir, l->dir, l->dir);
	return 0;
}

/* Release i, when it was the newest; then the repository of today. */
static void
install(unsigned i)
{
	lab_ok(l, "mv repo/metadata now && cp -a '%s/then%u' repo/metadata && " DELTA_APPLY
	    "update --to %u && rm -r repo/metadata && mv now repo/metadata", master->dir,
	    i, i);
}

/* The number behind `"key": ` in what the last command printed. */
static uint64_t
printed(const char *key)
{
	char text[64];
	const char *at;

	(void)snprintf(text, sizeof text, "\"%s\": ", key);
	if ((at = strstr(l->out, text)) == NULL)
		fail_msg("no %s in %s", key, l->out);
	return strtoull(at + strlen(text), NULL, 10);
}

/* Body bytes of the objects that the access log holds. */
static uint64_t
sent_objects(void)
{
	lab_ok(l, "awk '$0 ~ \"/targets/\" { n += $4 } END { print n + 0 }' "
	    "nginx/access.log");
	return strtoull(l->out, NULL, 10);
}

static void
twelve_is_reached_by_the_cheapest_chain(void **state)
{
	uint64_t bytes, full;
	unsigned hops;

	(void)state;
	install(1);
	lab_ok(l, DELTA_APPLY "plan --json");
	bytes = printed("download-bytes");
	full = printed("full-bytes");
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	hops = lab_requests(l, ".delta 200");
	assert_int_equal(sent_objects(), bytes);
	assert_true(bytes > 0 && bytes < full);
	assert_true(hops >= 1 && hops <= HOPS_MAX);
	assert_int_equal(lab_requests(l, "/targets/"), hops);
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/12"));
	lab_ok(l, DELTA_APPLY "verify");
	print_message("# figure: 1 to 12: %u hops, %llu bytes of %llu\n", hops,
	    (unsigned long long)bytes, (unsigned long long)full);
}

static void
every_old_release_reaches_the_newest_in_few_hops(void **state)
{
	(void)state;
	for (unsigned i = 2; i < RELEASES; i += 3) {
		lab_ok(l, "rm -rf dev");
		install(i);
		lab_log_clear(l);
		lab_ok(l, DELTA_APPLY "update");
		assert_true(lab_requests(l, ".delta 200") <= HOPS_MAX);
		assert_int_equal(lab_requests(l, ".tar.zst "), 0);
		assert_true(lab_same_tree(l, "t", "dev/demo/releases/12"));
	}
}

static void
never_full_takes_deltas_or_nothing(void **state)
{
	(void)state;
	install(1);
	lab_ok(l, DELTA_APPLY "--set device.never-full=yes plan");
	assert_false(lab_said(l, "* full > "));
	lab_ok(l, "rm repo/targets/*/*.delta");
	lab_log_clear(l);
	assert_int_not_equal(lab_run(l, DELTA_APPLY "--set device.never-full=yes update"),
	    0);
	assert_int_equal(lab_requests(l, ".tar.zst "), 0);
	lab_ok(l, DELTA_APPLY "version");
	lab_must_say(l, "demo 1 v1.1");
	lab_ok(l, DELTA_APPLY "verify");
	lab_ok(l, DELTA_APPLY "update");
	assert_int_equal(lab_requests(l, ".tar.zst 20"), 1);
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/12"));
}

static void
verify_proves_every_path(void **state)
{
	(void)state;
	lab_ok(l, "cp -a '%s/repo.keys' .", master->dir);
	lab_ok(l, "mkdelta verify repo");
	lab_ok(l, "mv repo/targets/12/*.from-11.delta away");
	lab_expect(l, 4, "mkdelta verify repo");
	lab_must_say(l, "from-11.delta");
}

static void
a_missing_delta_leads_to_the_next_path(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update --to 5");
	lab_log_clear(l);
	/* The one that the plan begins with. */
	lab_ok(l, DELTA_APPLY "plan");
	lab_ok(l, DELTA_APPLY "plan --json");
	lab_ok(l, "rm repo/targets/12/*.delta");
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_requests(l, ".delta 404") >= 1);
	assert_true(lab_same_tree(l, "t", "dev/demo/releases/12"));
	lab_ok(l, DELTA_APPLY "verify");
}

static void
an_idle_run_is_two_requests_and_writes_nothing(void **state)
{
	(void)state;
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "sleep 0.02; touch mark; sleep 0.02");
	lab_log_clear(l);
	lab_ok(l, DELTA_APPLY "update");
	assert_true(lab_requests(l, "") <= 2);
	assert_true(lab_sent_bytes(l) <= 1024);
	lab_ok(l, "find dev -path dev/run -prune -o -cnewer mark "
	    "-print > touched; cat touched; test ! -s touched");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(twelve_is_reached_by_the_cheapest_chain),
		FLOW(every_old_release_reaches_the_newest_in_few_hops),
		FLOW(never_full_takes_deltas_or_nothing),
		FLOW(verify_proves_every_path),
		FLOW(a_missing_delta_leads_to_the_next_path),
		FLOW(an_idle_run_is_two_requests_and_writes_nothing),
	};

	return cmocka_run_group_tests_name("far", tests, open_master, close_master);
}
