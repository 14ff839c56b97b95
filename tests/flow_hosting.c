/*
 * From the build machine to a host: publish in an order that is safe, and a server
 * that answers as devices and caches need it.
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

/* repo1 and repo2: the repository after its first and second release. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 100000, 1);
	lab_ok(master, "mkdelta release -q --notes '# One' repo t; cp -a repo repo1");
	lab_write(master, "t/etc/conf", "two\n");
	lab_ok(master, "mkdelta release -q repo t; mv repo repo2");
	lab_ok(master, "mkdelta init -q other && mkdelta release -q other t");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s'/repo[12] '%s/other' '%s/t' .", master->dir, master->dir,
	    master->dir);
	return 0;
}

#define CUT_HOST "\"$BIN\"/../tests/cut/delta-host "

/* The names that publish brought, in the order in which they came. */
static void
order_of_arrival(const char *repo)
{
	lab_ok(l, "rm -f log; CUT_MODE=kill CUT_AT=0 CUT_LOG=$PWD/log " CUT_HOST
	    "publish -q %s www", repo);
	lab_ok(l, "sed -n 's/^[0-9]* \\(linkat\\|renameat\\).*\\///p' log > order");
}

static void
objects_come_first_and_the_timestamp_last(void **state)
{
	(void)state;
	order_of_arrival("repo1");
	/* One class after the other: objects, roots, roles, snapshot, timestamp. */
	lab_ok(l, "awk '/^[0-9a-f]+\\.any/ {c = 1} /^[0-9]+\\.root/ {c = 2} "
	    "/^[0-9]+\\.(targets|stable)/ {c = 3} /^[0-9]+\\.snapshot/ {c = 4} "
	    "/timestamp/ {c = 5} {print c}' order > classes; sort -c -n classes && "
	    "uniq classes | tr -d '\\n'");
	assert_string_equal(l->out, "12345");
	lab_ok(l, "tail -n 1 order");
	assert_string_equal(l->out, "timestamp.json\n");
	/* Only what is new comes, in the same order. */
	order_of_arrival("repo2");
	lab_ok(l, "grep -c root order || true");
	assert_string_equal(l->out, "0\n");
	lab_ok(l, "tail -n 1 order");
	assert_string_equal(l->out, "timestamp.json\n");
}

static void
what_is_published_is_the_repository(void **state)
{
	(void)state;
	lab_ok(l, "delta-host publish repo1 www && delta-host publish repo2 www");
	lab_ok(l, "diff -r -x .lock -x .publish.lock repo2 www");
	lab_ok(l, "find www -name '*key*' -o -name '*.tmp' -o -name '*pending*'");
	assert_int_equal(l->out_len, 0);
	lab_ok(l, "find www -type f -not -perm -444 -not -name .publish.lock; "
	    "find www -type d -not -perm -555");
	assert_int_equal(l->out_len, 0);
}

static void
publishing_again_changes_nothing(void **state)
{
	static const char remember[] =
	    "find www -not -name .publish.lock -type f -printf '%p %i %T@ %s\\n' | sort";

	(void)state;
	lab_ok(l, "delta-host publish -q repo2 www");
	lab_ok(l, "%s > before", remember);
	lab_ok(l, "delta-host publish repo2 www");
	lab_must_say(l, "everything already");
	lab_ok(l, "%s > after; diff before after", remember);
	lab_ok(l, "delta-host publish --json --dry-run repo2 www");
	assert_int_equal(app_number(l, "copied"), 0);
}

static void
a_dry_run_says_what_would_come(void **state)
{
	(void)state;
	lab_ok(l, "delta-host publish -q repo1 www; find www -type f | sort > before");
	lab_ok(l, "delta-host publish --json --dry-run repo2 www");
	assert_true(app_number(l, "copied") > 3);
	lab_ok(l, "find www -type f | sort > after; diff before after");
}

static void
a_dry_run_does_not_make_the_destination(void **state)
{
	(void)state;
	lab_ok(l, "find . -not -name .lock | sort > /dev/shm/before.$$; "
	    "delta-host publish --json --dry-run repo1 new/; rc=$?; find . -not -name "
	    ".lock | sort | cmp - /dev/shm/before.$$ || rc=99; "
	    "rm /dev/shm/before.$$; exit $rc");
	assert_false(lab_exists(l, "new"));
	/* All of it is new: the same number that a real run copies. */
	lab_ok(l, "delta-host publish --json --dry-run repo1 new | grep -o "
	    "'\"copied\":[0-9]*\\|\"bytes\":[0-9]*' > would; "
	    "delta-host publish --json repo1 new | "
	    "grep -o '\"copied\":[0-9]*\\|\"bytes\":[0-9]*' > did; test -s did; "
	    "cmp would did");
	/* Nor would a real run make its parents. */
	lab_expect(l, 1, "delta-host publish --dry-run repo1 nowhere/new");
	assert_false(lab_exists(l, "nowhere"));
}

static void
one_in_the_other_is_refused_before_anything_is_made(void **state)
{
	static const char *const inside[] = { "repo1/sub", "repo1/targets/sub/",
		"./repo1/../repo1/sub", "link/sub", "repo1", "$PWD/repo1/sub", "." };

	(void)state;
	lab_ok(l, "ln -s repo1 link; find repo1 -not -name .lock | sort > before");
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
		lab_expect(l, 2, "delta-host publish repo1 %s", inside[i]);
		lab_must_say(l, "one lies in the other");
		lab_expect(l, 2, "delta-host publish --dry-run repo1 %s", inside[i]);
		lab_ok(l, "find repo1 -not -name .lock | sort | cmp - before");
	}
	/* A name that only begins alike is another folder. */
	lab_ok(l, "delta-host publish repo1 repo1x");
}

/* What a device gets from www: an update that works, to `a` or to `b`. */
static void
device_gets(unsigned a, unsigned b)
{
	lab_ok(l, "rm -rf dev; " DELTA_APPLY "update -q; " DELTA_APPLY "version");
	if (l->out[strlen("demo ")] != (char)('0' + a) &&
	    l->out[strlen("demo ")] != (char)('0' + b))
		fail_msg("runs %s", l->out);
}

/* Cut at each stride-th change of the disk: old or new, and run again complete. */
static unsigned
cut_publish(const char *mode, unsigned seed, bool first, unsigned stride)
{
	unsigned tried = 0;

	app_configure(l, "");
	lab_ok(l, "sed -i 's|^url = .*|url = file://%s/www|; s|^root = .*/repo/|"
	    "root = %s/repo1/|' app.conf", l->dir, l->dir);
	lab_ok(l, "mkdir base; %s", first ? "true" : "delta-host publish -q repo1 base");
	for (unsigned n = 1 + seed % stride;; n += stride, tried++) {
		int status = lab_run(l, "rm -rf www stash; cp -a base www; mkdir stash; "
		    "CUT_MODE=%s CUT_SEED=%u CUT_AT=%u CUT_STASH=$PWD/stash " CUT_HOST
		    "publish -q repo2 www", mode, seed, n);

		if (lab_exists(l, "www/metadata/timestamp.json"))
			device_gets(first ? 2 : 1, 2);
		else
			assert_true(first);
		if (status == 0)
			break;
		assert_int_equal(status, 137);
		lab_ok(l, "delta-host publish -q repo2 www && "
		    "diff -r -x .lock -x .publish.lock repo2 www");
	}
	return tried;
}

static void
a_killed_publish_is_no_harm_and_is_run_again(void **state)
{
	(void)state;
	assert_in_range(cut_publish("kill", 0, false, 3), 15, 1000);
}

static void
nor_is_one_whose_power_is_cut(void **state)
{
	(void)state;
	assert_in_range(cut_publish("power", 0, false, 3), 15, 1000);
}

static void
nor_is_a_first_one(void **state)
{
	(void)state;
	assert_in_range(cut_publish("power", 7, true, 5), 15, 1000);
}

static void
another_repository_is_refused(void **state)
{
	(void)state;
	lab_ok(l, "delta-host publish -q repo2 www; cp -a www before");
	lab_expect(l, 5, "delta-host publish -q other www");
	lab_must_say(l, "another repository");
	lab_ok(l, "diff -r before www");
	/* An older copy of the same one is refused too. */
	lab_expect(l, 5, "delta-host publish -q repo1 www");
	lab_must_say(l, "timestamp");
	lab_ok(l, "diff -r before www");
}

static void
a_damaged_object_never_leaves(void **state)
{
	(void)state;
	lab_ok(l, "for f in repo2/targets/2/*.delta; do printf x | "
	    "dd of=$f bs=1 seek=20 conv=notrunc status=none; done");
	lab_expect(l, 4, "delta-host publish -q repo2 www");
	lab_must_say(l, "mkdelta verify");
	assert_false(lab_exists(l, "www/metadata/timestamp.json"));
}

static void
what_is_no_repository_is_named(void **state)
{
	(void)state;
	lab_ok(l, "mkdir empty");
	lab_expect(l, 2, "delta-host publish empty www");
	lab_must_say(l, "no repository");
	lab_expect(l, 2, "delta-host publish nowhere www");
	lab_must_say(l, "nowhere");
}

/* The head of the answer, into l->out; `more` are options of curl. */
static void
ask(const char *path, const char *more)
{
	lab_ok(l, "curl -s -o body -D - %s 'http://127.0.0.1:%d/%s'", more, l->port,
	    path);
}

static void
each_class_is_cached_as_it_may_be(void **state)
{
	static const char *const immutable[] = { "metadata/1.root.json",
		"metadata/3.snapshot.json", "$(cd www; ls targets/2/*.delta)",
		"$(cd www; ls targets/1/*.tar.zst)" };

	(void)state;
	lab_ok(l, "delta-host publish -q repo2 www");
	lab_serve(l, "www", NULL);
	ask("metadata/timestamp.json", "");
	lab_must_say(l, "200 OK");
	lab_must_say(l, "Cache-Control: public, max-age=60\r");
	lab_must_say(l, "ETag:");
	for (size_t i = 0; i < sizeof immutable / sizeof *immutable; i++) {
		lab_ok(l, "curl -s -o body -D - \"http://127.0.0.1:%d/%s\"", l->port,
		    immutable[i]);
		lab_must_say(l, "200 OK");
		lab_must_say(l, "immutable\r");
		lab_must_say(l, "max-age=31536000");
		lab_must_say(l, "Accept-Ranges: bytes");
		/* Lengths are signed: nothing is compressed on the way. */
		assert_false(lab_said(l, "Content-Encoding"));
	}
	/* The next root is asked for at each look: no cache may keep this answer. */
	ask("metadata/2.root.json", "");
	lab_must_say(l, "404");
	lab_must_say(l, "Cache-Control: public, max-age=10\r");
	assert_false(lab_said(l, "immutable"));
}

static void
ranges_are_served_and_folders_are_not(void **state)
{
	static const char *const hidden[] = { "", "metadata/", "targets/", "targets/1/",
		".publish.lock", "metadata/.publish.tmp", "metadata/../.publish.lock",
		"secret.txt", "metadata/link.json", "targets/1/link" };

	(void)state;
	lab_ok(l,
	    "delta-host publish -q repo2 www; echo s > www/secret.txt; "
	    "echo > www/metadata/.publish.tmp; ln -s /etc/passwd www/metadata/link.json; "
	    "ln -s /etc/passwd www/targets/1/link; ln -s /etc/passwd www/metadata/9.x.json");
	lab_serve(l, "www", NULL);
	lab_ok(l, "curl -s -D head -r 10-19 -o part \"http://127.0.0.1:%d/$(cd www; "
	    "ls targets/1/*.tar.zst)\"; grep '206 Partial' head; tail -c +11 "
	    "www/targets/1/*.tar.zst | head -c 10 | cmp - part", l->port);
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		ask(hidden[i], "--path-as-is");
		lab_must_say(l, " 404 ");
	}
	ask("metadata/9.x.json", "");
	assert_false(lab_said(l, "200 OK"));	/* links are not followed */
	ask("metadata/timestamp.json", "-X PUT -d x");
	assert_true(lab_said(l, " 403 ") || lab_said(l, " 405 "));
	lab_ok(l, "cmp repo2/metadata/timestamp.json www/metadata/timestamp.json");
}

static void
several_products_lie_side_by_side(void **state)
{
	(void)state;
	lab_ok(l, "mkdir www; delta-host publish -q repo2 www/one && "
	    "delta-host publish -q other www/two");
	lab_serve(l, "www", NULL);
	lab_ok(l, "cp -a repo2 repo");
	app_configure(l, "");
	lab_ok(l, "sed -i 's|^url = .*|&/one|' app.conf; " DELTA_APPLY "update");
	app_runs(l, 2);
	ask("two/metadata/timestamp.json", "");
	lab_must_say(l, "max-age=60");
	/* The other product's metadata are not this one's. */
	lab_ok(l, "sed -i 's|/one$|/two|' app.conf");
	lab_expect(l, 4, DELTA_APPLY "update");
}

static void
a_device_meanwhile_sees_the_old_state_or_the_new(void **state)
{
	(void)state;
	lab_ok(l, "delta-host publish -q repo1 www; cp -a repo1 repo");
	lab_serve(l, "www", NULL);
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 1);
	/* All of 2 is there but the timestamp: it does not exist yet. */
	lab_ok(l, "cp www/metadata/timestamp.json old; delta-host publish -q repo2 www; "
	    "cp www/metadata/timestamp.json new; cp old www/metadata/timestamp.json");
	lab_ok(l, DELTA_APPLY "update");
	app_runs(l, 1);
	lab_ok(l, "cp new www/metadata/timestamp.json; " DELTA_APPLY "update");
	app_runs(l, 2);
}

static void
nginx_accepts_the_configuration_with_tls(void **state)
{
	(void)state;
	lab_ok(l, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	    "-keyout tls.key -out tls.crt -days 2 -subj /CN=localhost "
	    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 2> /dev/null");
	lab_ok(l, "delta-host publish -q repo2 www; cp -a repo2 repo; mkdir n; "
	    "delta-host config nginx --root $PWD/www --listen 127.0.0.1:%d --server-name "
	    "localhost --tls-cert $PWD/tls.crt --tls-key $PWD/tls.key > n/site.conf",
	    lab_free_port());
	lab_ok(l,
	    "printf 'pid n/pid; error_log n/log; events {}\\nhttp { access_log off; "
	    "include site.conf; }\\n' > n/nginx.conf; nginx -t -q -p $PWD -c n/nginx.conf "
	    "-e $PWD/n/log");
	assert_false(lab_said(l, "warn"));
}

static void
words_that_would_end_the_configuration_are_refused(void **state)
{
	(void)state;
	lab_expect(l, 2, "delta-host config nginx --root '/srv\"; }'");
	lab_expect(l, 2, "delta-host config nginx --server-name 'x; deny all'");
	lab_expect(l, 2, "delta-host config nginx --tls-cert a");
	lab_must_say(l, "--tls-key");
	lab_expect(l, 2, "delta-host config apache");
	lab_must_say(l, "only nginx");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(objects_come_first_and_the_timestamp_last),
		FLOW(what_is_published_is_the_repository),
		FLOW(publishing_again_changes_nothing),
		FLOW(a_dry_run_says_what_would_come),
		FLOW(a_dry_run_does_not_make_the_destination),
		FLOW(one_in_the_other_is_refused_before_anything_is_made),
		FLOW(a_killed_publish_is_no_harm_and_is_run_again),
		FLOW(nor_is_one_whose_power_is_cut),
		FLOW(nor_is_a_first_one),
		FLOW(another_repository_is_refused),
		FLOW(a_damaged_object_never_leaves),
		FLOW(what_is_no_repository_is_named),
		FLOW(each_class_is_cached_as_it_may_be),
		FLOW(ranges_are_served_and_folders_are_not),
		FLOW(several_products_lie_side_by_side),
		FLOW(a_device_meanwhile_sees_the_old_state_or_the_new),
		FLOW(nginx_accepts_the_configuration_with_tls),
		FLOW(words_that_would_end_the_configuration_are_refused),
	};

	return cmocka_run_group_tests_name("hosting", tests, open_master, close_master);
}
