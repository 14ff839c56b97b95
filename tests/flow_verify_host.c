/*
 * delta-host verify: a host that is right, and each way in which it can be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 60000, 1);
	lab_ok(master, "for i in 1 2 3; do echo $i > t/version; mkdelta release -q --notes "
	    "\"# $i\" repo t || exit; done");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' . && delta-host publish -q repo www && "
	    "delta-host publish -q repo www/copy", master->dir);
	l->port = lab_free_port();
	return 0;
}

#define VERIFY "delta-host verify --root repo/metadata/1.root.json http://127.0.0.1:%d"

static void
what_publish_and_config_make_is_right(void **state)
{
	(void)state;
	lab_serve(l, "www", NULL);
	lab_ok(l, VERIFY " --json", l->port);
	lab_must_say(l, "\"verdict\": \"good\"");
	lab_must_say(l, "\"findings\": []");
	/* 3 releases: listing, full, notes of each; three deltas. */
	assert_int_equal(app_number(l, "objects"), 12);
	assert_true(app_number(l, "received") > app_number(l, "bytes"));
	lab_log_clear(l);
	lab_ok(l, VERIFY " --quick --json", l->port);
	lab_must_say(l, "\"verdict\": \"good\"");
	assert_true(app_number(l, "received") < app_number(l, "bytes"));
	/* The repository itself, and a host that speaks for itself. */
	lab_ok(l, "delta-host verify repo");
	lab_must_say(l, "as they should be");
	lab_ok(l, "delta-host verify http://127.0.0.1:%d/copy", l->port);
	lab_must_say(l, "vouches for itself");
}

struct fault {
	const char *nginx;		/* its configuration; %d is its port */
	int status;
	const char *verdict, *says;
};

static const struct fault faults[] = {
	{ "location ^~ /targets/ { max_ranges 0; add_header Cache-Control 'max-age=31536000'; }",
	    0, "warning", "ranges are not served" },
	{ "location ^~ /targets/ { etag off; add_header Cache-Control 'max-age=31536000'; }",
	    0, "warning", "no strong ETag" },
	{ "location ^~ /targets/ { }", 0, "warning", "this never changes" },
	{ "location ^~ /targets/ { types {} default_type text/html; }", 0, "warning",
	    "caches compress" },
	{ "location ^~ /targets/ { add_header Content-Encoding gzip; }", 1, "host",
	    "Content-Encoding: gzip" },
	{ "location = /metadata/timestamp.json { }", 0, "warning", "each cache guesses" },
	{ "location = /metadata/timestamp.json { add_header Cache-Control "
	    "'public, max-age=31536000, immutable'; }", 1, "host", "caches keep the old state" },
	{ "location = /metadata/timestamp.json { add_header Cache-Control max-age=7200; }", 0,
	    "warning", "old state for that long" },
	{ "location = /metadata/timestamp.json { add_header Age 900000; add_header "
	    "Cache-Control max-age=60; }", 1, "host", "a copy of days ago" },
	{ "location = /metadata/2.root.json { add_header Cache-Control max-age=604800 always; "
	    "return 404; }", 1, "host", "next root stays unseen" },
	{ "location = /metadata/4.snapshot.json { default_type text/plain; types {} }", 0,
	    "warning", "not application/json" },
	{ "location ^~ /targets/2/ { return 404; }", 3, "missing", "HTTP 404" },
	{ "location ^~ /targets/2/ { return 500; }", 3, "missing", "HTTP 500" },
	{ "location ^~ /targets/2/ { set $r ''; if ($http_range) { set $r 'bytes=5-9'; } "
	    "proxy_set_header Range $r; proxy_pass http://127.0.0.1:%d/copy/targets/2/; }", 1,
	    "host", "Content-Range is not that" },
	/* What a cache has of another copy. */
	{ "location ^~ /targets/2/ { if ($http_range) { rewrite ^ /bad$uri last; } }", 4,
	    "bytes", "other bytes than the whole" },
	{ "location ^~ /targets/2/ { rewrite ^ /bad$uri last; }", 4, "bytes",
	    "other bytes than signed" },
	{ "location ^~ /targets/2/ { rewrite ^ /short$uri last; }", 4, "bytes",
	    "another length than signed" },
	{ "location ^~ /targets/2/ { rewrite ^ /long$uri last; }", 4, "bytes",
	    "another length than signed" },
};

static void
each_fault_has_its_verdict(void **state)
{
	(void)state;
	lab_ok(l, "for c in bad short long; do mkdir www/$c; cp -r repo/targets "
	    "www/$c/targets; done; for f in www/bad/targets/2/*; do python3 -c \"import sys; "
	    "p = sys.argv[1]; d = open(p, 'rb').read(); open(p, 'wb').write(bytes(b ^ 1 for b "
	    "in d))\" $f; done; for f in www/short/targets/2/*; do truncate -s -1 $f; done; "
	    "for f in www/long/targets/2/*; do echo x >> $f; done; cd www; for f in targets/2/*; "
	    "do touch -r $f bad/$f short/$f long/$f; done");	/* the same ETag */
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		const struct fault *f = &faults[i];
		char *at, word[64], conf[512];

		(void)snprintf(conf, sizeof conf, "%s", f->nginx);
		if ((at = strstr(conf, "%d")) != NULL)
			(void)snprintf(at, sizeof conf - (size_t)(at - conf), "%d%s",
			    l->port, f->nginx + (at - conf) + 2);
		lab_serve(l, "www", conf);
		lab_expect(l, f->status, VERIFY " --json", l->port);
		(void)snprintf(word, sizeof word, "\"verdict\": \"%s\"", f->verdict);
		lab_must_say(l, word);
		lab_must_say(l, f->says);
		/* For people it is a line. */
		lab_expect(l, f->status, VERIFY, l->port);
		lab_must_say(l, f->says);
	}
}

static void
a_host_whose_metadata_are_wrong_is_not_trusted(void **state)
{
	(void)state;
	lab_serve(l, "www", NULL);
	lab_ok(l, "sed -i 's/stable/stabel/' www/metadata/1.stable.json "
	    "www/metadata/*.targets.json");
	lab_expect(l, 4, VERIFY, l->port);
	lab_ok(l, "rm www/metadata/*.targets.json");
	lab_expect(l, 3, VERIFY, l->port);
	lab_serve_stop(l);
	lab_expect(l, 3, VERIFY, l->port);
	lab_expect(l, 2, "delta-host verify nowhere");
	lab_expect(l, 2, "delta-host verify ftp://example.org/");
}

static void
a_repository_is_looked_at_likewise(void **state)
{
	(void)state;
	lab_ok(l, "rm repo/targets/2/*.notes.md");
	lab_expect(l, 3, "delta-host verify repo");
	lab_must_say(l, "is not there");
	lab_ok(l, "for f in repo/targets/3/*.tar.zst; do printf x | dd of=$f bs=1 seek=9 "
	    "conv=notrunc status=none; done");
	lab_expect(l, 4, "delta-host verify repo");
	lab_must_say(l, "other bytes than signed");
	lab_expect(l, 3, "delta-host verify --quick file://$PWD/repo");
}

static void
metadata_that_ended_say_so(void **state)
{
	(void)state;
	if (lab_run(l, "faketime -f '+40d' delta-host --version") != 0)
		skip();	/* no faketime here, or not with sanitizers */
	lab_serve(l, "www", NULL);
	lab_expect(l, 9, "faketime -f '+40d' " VERIFY, l->port);
	lab_ok(l, "faketime -f '+40d' " VERIFY " --expired", l->port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(what_publish_and_config_make_is_right),
		FLOW(each_fault_has_its_verdict),
		FLOW(a_host_whose_metadata_are_wrong_is_not_trusted),
		FLOW(a_repository_is_looked_at_likewise),
		FLOW(metadata_that_ended_say_so),
	};

	return cmocka_run_group_tests_name("verify_host", tests, open_master, close_master);
}
