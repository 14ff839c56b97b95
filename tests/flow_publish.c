/*
 * Publishing over rsync and rclone: the same order and promises as to a folder, a
 * publisher that was killed anywhere, and two at once.
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

/* Each kind of destination, as a word for publish and the folder behind it. */
static const char *const dests[] = { "$PWD/www", "rsync:$PWD/www",
	"rclone::local:$PWD/www" };
enum { DESTS = 3, RSYNC = 1, RCLONE = 2 };

static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo");
	lab_fill(master, "t/bin/app", 100000, 1);
	lab_ok(master, "mkdelta release -q --notes '# One' repo t; cp -a repo repo1");
	lab_write(master, "t/etc/conf", "two\n");
	lab_ok(master, "mkdelta release -q repo t; cp -a repo repo2");
	/* Another job's second release, on the same first one. */
	lab_ok(master, "cp -a repo.keys twin.keys; cp -a repo1 twin; echo other > t/etc/conf; "
	    "mkdelta release -q twin t --keys twin.keys");
	lab_ok(master, "mkdelta init -q other && mkdelta release -q other t");
	return 0;
}

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s'/repo[12] '%s'/twin '%s'/other .", master->dir, master->dir,
	    master->dir);
	lab_write(l, "path/rclone", "#!/bin/sh\n%s\n",
	    "n=$(cat calls 2> /dev/null || echo 0); n=$((n + 1)); echo $n > calls\n"
	    "[ \"$n\" = \"$KILL_AT\" ] && kill -9 $PPID && exit 137\n"
	    "printf '%s ' \"$@\" >> words; echo >> words\n"
	    "[ \"$n\" != \"$DO_AT\" ] || (unset DO_AT KILL_AT; sh -c \"$DO\") > do.log 2>&1\n"
	    "exec /usr/bin/$(basename $0) \"$@\"");
	lab_ok(l, "chmod +x path/rclone; ln path/rclone path/rsync");
	return 0;
}

/* With a front that counts calls: KILL_AT=n kills the publisher at its n-th. */
#define SPIED "PATH=$PWD/path:$PATH "

static void
each_kind_gets_the_repository(void **state)
{
	(void)state;
	for (int i = 0; i < DESTS; i++) {
		lab_ok(l, "rm -rf www; delta-host publish --json repo1 %s", dests[i]);
		assert_true(app_number(l, "copied") > 8);
		lab_ok(l, "delta-host publish -q --dry-run repo2 %s && cmp "
		    "repo1/metadata/timestamp.json www/metadata/timestamp.json", dests[i]);
		lab_ok(l, "delta-host publish -q repo2 %s && diff -r -x .lock -x .publish.lock "
		    "repo2 www", dests[i]);
		lab_ok(l, "delta-host publish repo2 %s", dests[i]);
		lab_must_say(l, "everything already");
		lab_ok(l, "find www -type f -not -perm -444 -not -name .publish.lock; "
		    "find www -name '.*' -not -name .publish.lock; ls -d $TMPDIR/delta-host.* "
		    "/tmp/delta-host.$$.* 2> /dev/null || true");
		assert_int_equal(l->out_len, 0);
	}
}

static void
objects_go_first_and_the_timestamp_last(void **state)
{
	(void)state;
	lab_ok(l, SPIED "delta-host publish -q repo1 rclone::local:$PWD/www; "
	    "grep -o '^copyto\\|^copy\\|^check\\|^cat\\|^lsf\\|Content-Type: [a-z/-]*\\|"
	    "Cache-Control: public, max-age=[0-9]*' words | tr '\\n' ' '");
	/* Listings and fulls, notes; root; can names be created? roles, snapshot; each
	 * read back, names that were not created once more; timestamp. */
	assert_string_equal(l->out, "lsf cat "
	    "copy Cache-Control: public, max-age=31536000 Content-Type: application/zstd "
	    "copy Cache-Control: public, max-age=31536000 Content-Type: text/markdown check "
	    "copy Cache-Control: public, max-age=31536000 Content-Type: application/json check "
	    "copy Cache-Control: public, max-age=31536000 Content-Type: application/json "
	    "copy Cache-Control: public, max-age=31536000 Content-Type: application/json check "
	    "copy Cache-Control: public, max-age=31536000 Content-Type: application/json check "
	    "check cat copyto Cache-Control: public, max-age=60 Content-Type: "
	    "application/json cat ");
}

static void
other_bytes_are_never_replaced(void **state)
{
	(void)state;
	for (int i = 0; i < DESTS; i++) {
		lab_ok(l, "rm -rf www before; delta-host publish -q repo2 %s; rm -f "
		    "www/.publish.lock; cp -a www before", dests[i]);
		lab_expect(l, 5, "delta-host publish -q other %s", dests[i]);
		lab_expect(l, 5, "delta-host publish -q repo1 %s", dests[i]);
		/* The same number, signed by another job. */
		lab_expect(l, 5, "delta-host publish -q twin %s", dests[i]);
		lab_ok(l, "diff -r -x .publish.lock before www");
		/* A role that differs, with the same length. */
		lab_ok(l, "rm -rf www; delta-host publish -q repo1 %s; "
		    "f=$(basename repo2/metadata/3.snapshot.json); "
		    "tr 0 1 < repo2/metadata/$f > www/metadata/$f", dests[i]);
		lab_expect(l, 5, "delta-host publish -q repo2 %s", dests[i]);
		lab_must_say(l, "other bytes");
		lab_ok(l, "cmp www/metadata/timestamp.json repo1/metadata/timestamp.json");
	}
}

static void
device_gets(unsigned a, unsigned b)
{
	lab_ok(l, "rm -rf dev; " DELTA_APPLY "update -q; " DELTA_APPLY "version");
	if (l->out[strlen("demo ")] != (char)('0' + a) &&
	    l->out[strlen("demo ")] != (char)('0' + b))
		fail_msg("runs %s", l->out);
}

/* PUBLISH_ALL: every call.  rclone takes its time. */
static int
stride(int dest)
{
	return getenv("PUBLISH_ALL") != NULL ? 1 : dest == RCLONE ? 6 : 3;
}

/* The publisher dies at each program that it runs. */
static void
killed_at_each_call_it_is_no_harm(void **state)
{
	(void)state;
	app_configure(l, "");
	lab_ok(l, "sed -i \"s|^url = .*|url = file://$PWD/www|; s|^root = .*/repo/|root = "
	    "$PWD/repo1/|\" app.conf");
	for (int i = RSYNC; i < DESTS; i++) {
		int n = 2, status;

		for (;; n += stride(i)) {
			lab_ok(l, "rm -rf www calls; delta-host publish -q repo1 $PWD/www");
			status = lab_run(l, "KILL_AT=%d " SPIED "delta-host publish -q repo2 %s",
			    n, dests[i]);
			device_gets(1, 2);
			if (status == 0)
				break;
			assert_int_equal(status, 137);
			lab_ok(l, "delta-host publish -q repo2 %s && diff -r -x .lock -x "
			    ".publish.lock repo2 www", dests[i]);
		}
		assert_in_range(n, 9, 40);
	}
}

/* The whole job of another one runs between two calls of the first. */
static void
of_two_at_once_one_replaces_nothing(void **state)
{
	(void)state;
	for (int i = RSYNC; i < DESTS; i++) {
		int n = 2, status, lost = 0;

		for (;; n += stride(i)) {
			lab_ok(l, "rm -rf www calls; delta-host publish -q repo1 $PWD/www");
			status = lab_run(l, "DO_AT=%d DO='delta-host publish -q twin %s; echo "
			    "status $?' " SPIED "delta-host publish -q repo2 %s", n, dests[i],
			    dests[i]);
			if (status == 0)
				break;
			assert_int_equal(status, 5);
			lost++;
			/* What the winner has is whole: a device takes it. */
			lab_ok(l, "grep -q 'status 0' do.log && cd twin && for f in $(find "
			    "metadata targets -type f); do cmp $f ../www/$f || exit; done");
		}
		/* Later it is the other one that loses. */
		lab_ok(l, "cat do.log 2> /dev/null; cmp www/metadata/timestamp.json "
		    "repo2/metadata/timestamp.json");
		assert_in_range(lost, 1, 40);
	}
}

static void
what_a_killed_upload_left_is_finished(void **state)
{
	(void)state;
	for (int i = RSYNC; i < DESTS; i++) {
		lab_ok(l, "rm -rf www; mkdir -p www/targets/1; f=$(cd repo1; ls "
		    "targets/1/*.tar.zst); head -c 1000 repo1/$f > www/$f; mkdir www/metadata; "
		    "head -c 100 repo1/metadata/2.snapshot.json > www/metadata/2.snapshot.json");
		/* rsync itself never leaves such. */
		if (i == RCLONE)
			lab_ok(l, "delta-host publish -q repo1 %s && diff -r -x .lock repo1 www",
			    dests[i]);
	}
	lab_ok(l, "echo no > www/metadata/3.snapshot.json");
	lab_expect(l, 5, "delta-host publish -q repo2 %s", dests[RCLONE]);
	lab_must_say(l, "other bytes");
	lab_ok(l, "grep no www/metadata/3.snapshot.json");
}

static void
a_listed_object_that_is_nowhere_is_refused(void **state)
{
	(void)state;
	lab_ok(l, "mkdir away; mv repo2/targets/1/*.tar.zst away");
	for (int i = 0; i < DESTS; i++) {
		/* It is on the host already: a machine that pulled has no more. */
		lab_ok(l, "rm -rf www; delta-host publish -q repo1 %s && delta-host publish -q "
		    "repo2 %s", dests[i], dests[i]);
		lab_ok(l, "rm -rf www");
		lab_expect(l, 4, "delta-host publish -q repo2 %s", dests[i]);
		lab_must_say(l, "neither here nor at the destination");
		assert_false(lab_exists(l, "www/metadata/timestamp.json"));
	}
}

static void
secrets_do_not_go_on_command_lines(void **state)
{
	(void)state;
	lab_expect(l, 2, "delta-host publish repo1 "
	    "rclone::s3,access_key_id=a,secret_access_key=b:bucket/x");
	lab_must_say(l, "RCLONE_");
	lab_expect(l, 2, "delta-host publish repo1 rclone:nothing");
	lab_expect(l, 2, "delta-host publish repo1 s3://bucket/x");
	lab_expect(l, 3, "delta-host publish repo1 rclone:nothing:bucket");
	lab_expect(l, 2, "PATH=$(dirname $(command -v delta-host)) delta-host publish repo1 "
	    "rclone::local:$PWD/www");
	lab_must_say(l, "is not installed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(each_kind_gets_the_repository),
		FLOW(objects_go_first_and_the_timestamp_last),
		FLOW(other_bytes_are_never_replaced),
		FLOW(killed_at_each_call_it_is_no_harm),
		FLOW(of_two_at_once_one_replaces_nothing),
		FLOW(what_a_killed_upload_left_is_finished),
		FLOW(a_listed_object_that_is_nowhere_is_refused),
		FLOW(secrets_do_not_go_on_command_lines),
	};

	return cmocka_run_group_tests_name("publish", tests, open_master, close_master);
}
