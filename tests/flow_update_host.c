/*
 * A whole update from a host that lies, breaks off, or shows old and new side by
 * side: the device never ends worse than before, and once the host is well the update
 * succeeds.  What hosts do to refresh and get is in flow_bad_host.c.
 *
 * HOST_ALL=1: every boundary and every subset, not samples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/app.h"
#include "tests/lab/tuf_host.h"

#define PAGE "<html><body>Please log in to the network of this hotel</body></html>"

static struct lab *l;
static struct tuf_host *host;
static char folder[300];

static int
setup(void **state)
{
	(void)state;
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo && mkdir -p 1/bin && seq 3000 > 1/bin/app && "
	    "mkdelta release -q repo 1 && cp -a repo repo-1 && cp -a 1 2 && "
	    "seq 3050 > 2/bin/app && head -c 3000 /dev/urandom > 2/new && "
	    "mkdelta release -q repo 2 && cp -a repo repo-2");
	app_configure(l, "[net]\nconnect-timeout = 2\nlow-speed = 1000\n"
	    "low-speed-time = 1\ntotal-timeout = 5\n");
	lab_ok(l, "mkdir dev && cp -a repo-1 at-1 && " DELTA_APPLY
	    "-q --url file://$PWD/at-1 update && cp -a dev dev-1");
	(void)snprintf(folder, sizeof folder, "%s/repo", l->dir);
	host = tuf_host_open(NULL, folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tuf_host_close(host);
	lab_close(l);
	return 0;
}

static void
begin(void)
{
	lab_ok(l, "rm -rf dev && cp -a dev-1 dev");
	tuf_host_honest(host);
}

static int
update(void)
{
	return lab_run(l, DELTA_APPLY "--url http://127.0.0.1:%d update",
	    tuf_host_port(host));
}

/* One of the statuses, and a tree that was signed, whole. */
static void
not_worse(const char *what, const char *statuses)
{
	char status[16];

	(void)snprintf(status, sizeof status, " %d ", l->status);
	if (strstr(statuses, status) == NULL)
		fail_msg("%s: status %d, not one of%s: %s", what, l->status, statuses,
		    l->err);
	if (lab_run(l, DELTA_APPLY "verify && " DELTA_APPLY "version | "
	    "grep -Ex 'demo (1 1|2 2)' && test ! -e dev/state/switching") != 0)
		fail_msg("%s: %s%s", what, l->out, l->err);
	if (strstr(statuses, " 0 ") == NULL)
		lab_must_say(l, "demo 1 1");
}

static void
then_well(const char *what)
{
	tuf_host_honest(host);
	if (update() != 0)
		fail_msg("%s, and afterwards: %s", what, l->err);
	lab_ok(l, DELTA_APPLY "version | grep -Fx 'demo 2 2'");
}

static const struct {
	const char *name, *text;
	enum host_lie kind;
	int status;
} lies[] = {
	{ "404", PAGE, LIE_STATUS, 404 },
	{ "403", PAGE, LIE_STATUS, 403 },
	{ "416", PAGE, LIE_STATUS, 416 },
	{ "429", PAGE, LIE_STATUS, 429 },
	{ "500", PAGE, LIE_STATUS, 500 },
	{ "503", PAGE, LIE_STATUS, 503 },
	{ "204", "", LIE_STATUS, 204 },
	{ "206 unasked", NULL, LIE_RANGE, 0 },
	{ "a page with 200", PAGE, LIE_INSTEAD, 200 },
	{ "nothing with 200", "", LIE_INSTEAD, 200 },
	{ "JSON of another kind", "{\"signatures\":[],\"signed\":{}}", LIE_INSTEAD, 200 },
	{ "a byte too many", "x", LIE_MORE, 0 },
	{ "a circle of redirects", "", LIE_REDIRECT, 302 },
	{ "a redirect to a file", "file:///etc/passwd", LIE_REDIRECT, 302 },
	{ "half of it", NULL, LIE_CUT, 0 },
	{ "half of the length", NULL, LIE_SHORT, 0 },
	{ "a length of 2^40", NULL, LIE_HUGE, 0 },
	{ "no end", NULL, LIE_ENDLESS, 0 },
	{ "chunks without end", NULL, LIE_CHUNKS, 0 },
	{ "headers without end", NULL, LIE_HEADERS, 0 },
	{ "gzip that nobody asked for", "\037\213\010\001", LIE_GZIP, 0 },
	{ "silence before the answer", NULL, LIE_HANG_UP, 0 },
};

/* Whatever is said instead of this file, and of all that would do as well. */
static void
each_lie_about(const char *file, const char *too)
{
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		char what[100];

		begin();
		(void)snprintf(what, sizeof what, "%s: %s", file, lies[i].name);
		tuf_host_lie(host, file, lies[i].kind, lies[i].status, lies[i].text);
		if (too != NULL)
			tuf_host_lie(host, too, LIE_STATUS, 404, "");
		(void)update();
		/* All of a file is all of it, even if it is called a part. */
		not_worse(what, lies[i].kind == LIE_RANGE ? " 0 3 4 " : " 3 4 ");
		then_well(what);
	}
}

static void
lies_about_the_timestamp(void **state)
{
	(void)state;
	each_lie_about("*/timestamp.json", NULL);
}

static void
lies_about_the_snapshot(void **state)
{
	(void)state;
	each_lie_about("*.snapshot.json", NULL);
}

static void
lies_about_the_platform_s_role(void **state)
{
	(void)state;
	each_lie_about("*.stable.any.json", NULL);
}

static void
lies_about_the_delta(void **state)
{
	(void)state;
	each_lie_about("*.delta", "*.tar.zst");
}

static void
lies_about_the_full(void **state)
{
	(void)state;
	each_lie_about("*.tar.zst", "*.delta");
}

static void
slow_hosts_are_given_up(void **state)
{
	static const char *const files[] = { "*/timestamp.json", "*.delta" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		begin();
		tuf_host_lie(host, files[i / 2], i % 2 ? LIE_DRIP : LIE_STALL, 0, "");
		tuf_host_lie(host, "*.tar.zst", LIE_STATUS, 404, "");
		(void)lab_run(l, "timeout 40 " DELTA_APPLY "--url http://127.0.0.1:%d update",
		    tuf_host_port(host));
		not_worse(files[i / 2], " 3 ");
		then_well(files[i / 2]);
	}
}

static size_t
size_of(const char *pattern)
{
	lab_ok(l, "stat -c %%s $(ls %s | tail -n 1)", pattern);
	return strtoul(l->out, NULL, 10);
}

/* What came is kept; what a host makes of the wish for the rest must not matter. */
static void
cut_at_every_boundary(const char *lie, const char *pattern)
{
	size_t n = size_of(pattern), step = getenv("HOST_ALL") != NULL ? 1 : n / 4 + 1;

	for (size_t at = 0; at < n; at += step) {
		char text[24], what[100];

		begin();
		(void)snprintf(text, sizeof text, "%zu", at);
		(void)snprintf(what, sizeof what, "%s cut at %zu", lie, at);
		tuf_host_lie(host, lie, LIE_CUT_AT, 200, text);
		tuf_host_lie(host, strcmp(lie, "*.delta") == 0 ? "*.tar.zst" : "*.delta",
		    LIE_STATUS, 404, "");
		(void)update();
		not_worse(what, " 3 4 ");
		switch (at / step % 4) {
		case 0:		/* the whole file for a part */
			tuf_host_honest(host);
			tuf_host_lie(host, lie, LIE_MORE, 200, "");
			break;
		case 1:		/* another part than was asked for */
			tuf_host_honest(host);
			tuf_host_lie(host, lie, LIE_RANGE, 206, "");
			break;
		case 2:
			tuf_host_honest(host);
			tuf_host_lie(host, lie, LIE_STATUS, 416, PAGE);
			break;
		}
		(void)update();
		not_worse(what, " 0 3 4 ");
		then_well(what);
	}
}

static void
metadata_are_cut_at_every_boundary(void **state)
{
	(void)state;
	cut_at_every_boundary("*/timestamp.json", "repo/metadata/timestamp.json");
	cut_at_every_boundary("*.stable.any.json", "repo/metadata/*.stable.any.json");
}

static void
objects_are_cut_at_every_boundary(void **state)
{
	(void)state;
	cut_at_every_boundary("*.delta", "repo/targets/2/*.delta");
	cut_at_every_boundary("*.tar.zst", "repo/targets/2/*.tar.zst");
}

/* The device has seen release 2 offered; the host shows the time before. */
static void
a_stale_host_takes_nothing_back(void **state)
{
	(void)state;
	begin();
	lab_ok(l, DELTA_APPLY "--url file://$PWD/repo-2 check; test $? = 8");
	lab_ok(l, "rm -r repo && cp -a repo-1 repo");
	(void)update();
	not_worse("all of it stale", " 4 ");
	lab_ok(l, "rm -r repo && cp -a repo-2 repo && "
	    "cp repo-1/metadata/timestamp.json repo/metadata/");
	(void)update();
	not_worse("a stale timestamp", " 4 ");
	lab_ok(l, "rm -r repo && cp -a repo-2 repo");
	then_well("stale");
}

/* What publishing release 2 brought, in the order in which it came. */
static void
news(char names[16][300], size_t *n)
{
	char *rest, *line;

	lab_ok(l, "cd repo-2 && find targets metadata -type f | while read -r f; do "
	    "cmp -s $f ../repo-1/$f || echo $f; done | sort -r | grep -v timestamp; "
	    "echo metadata/timestamp.json");
	rest = l->out;
	for (*n = 0; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; ++*n) {
		assert_true(*n < 16);
		(void)snprintf(names[*n], 300, "%s", line);
	}
	assert_in_range(*n, 6, 10);
}

static void
a_node_that_has_any_part_of_the_news_does_no_harm(void **state)
{
	char names[16][300], copy[6000], what[64];
	size_t n, len;
	unsigned step = getenv("HOST_ALL") != NULL ? 1 : 9, tried = 0;

	(void)state;
	news(names, &n);
	for (unsigned set = 0; set < 1u << n; set++) {
		/* Prefixes always. */
		if ((set & (set + 1)) != 0 && set % step != 0)
			continue;
		begin();
		len = (size_t)snprintf(copy, sizeof copy,
		    "rm -rf repo && cp -a repo-1 repo && mkdir -p repo/targets/2");
		for (size_t i = 0; i < n; i++)
			if (set >> i & 1)
				len += (size_t)snprintf(copy + len, sizeof copy - len,
				    " && cp repo-2/%s repo/%s", names[i], names[i]);
		lab_ok(l, "%s", copy);
		(void)snprintf(what, sizeof what, "set %x", set);
		(void)lab_run(l, DELTA_APPLY "--url file://$PWD/repo update");
		not_worse(what, " 0 3 4 ");
		/* Without the timestamp nothing is new. */
		if ((set >> (n - 1) & 1) == 0)
			lab_must_say(l, "demo 1 1");
		lab_ok(l, DELTA_APPLY "--url file://$PWD/repo-2 update && "
		    DELTA_APPLY "version | grep -Fx 'demo 2 2'");
		tried++;
	}
	lab_ok(l, "rm -rf repo && cp -a repo-2 repo");
	print_message("# figure: parts of a publication seen: %u of %u\n", tried, 1u << n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lies_about_the_timestamp),
		cmocka_unit_test(lies_about_the_snapshot),
		cmocka_unit_test(lies_about_the_platform_s_role),
		cmocka_unit_test(lies_about_the_delta),
		cmocka_unit_test(lies_about_the_full),
		cmocka_unit_test(slow_hosts_are_given_up),
		cmocka_unit_test(metadata_are_cut_at_every_boundary),
		cmocka_unit_test(objects_are_cut_at_every_boundary),
		cmocka_unit_test(a_stale_host_takes_nothing_back),
		cmocka_unit_test(a_node_that_has_any_part_of_the_news_does_no_harm),
	};

	return cmocka_run_group_tests_name("update_host", tests, setup, teardown);
}
