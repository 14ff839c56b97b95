/*
 * A release job on an empty machine: pull, release, publish.  What comes is verified,
 * is what the next release needs and no more, and a release of another job is noticed.
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

#define RELEASES "9"

/* repo: nine releases in it; t: the tree of the last. */
static int
open_master(void **state)
{
	(void)state;
	master = lab_open();
	lab_ok(master, "mkdelta init -q repo --channel stable --channel beta");
	lab_fill(master, "t/bin/app", 60000, 1);
	lab_ok(master, "for i in $(seq " RELEASES "); do echo $i > t/version; "
	    "mkdelta release -q repo t || exit; done");
	lab_ok(master, "mkdelta init -q other && mkdelta release -q other t");
	return 0;
}

/* www is served; root.json is what the job keeps of it; keys is what CI has. */
static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "cp -a '%s/repo' master; cp -a '%s/repo.keys' keys; rm keys/root-*; "
	    "cp -a '%s/t' '%s/other' . && cp master/metadata/1.root.json root.json && "
	    "delta-host publish -q master www", master->dir, master->dir, master->dir,
	    master->dir);
	lab_serve(l, "www", NULL);
	return 0;
}

#define PULL "delta-host pull --root root.json http://127.0.0.1:%d "

static void
the_whole_job_runs_on_an_empty_machine(void **state)
{
	(void)state;
	lab_ok(l, PULL "job", l->port);
	lab_ok(l, "echo new > t/version; CI=true mkdelta release -q job t --keys keys");
	lab_ok(l, "delta-host publish -q job www; mkdelta show job 10 --json");
	/* Deltas are those that the whole history would have got. */
	lab_ok(l, "CI=true mkdelta release -q master t --keys keys; for r in job master; do "
	    "(cd $r/targets/10; ls | sed 's/^[0-9a-f]*//' | sort) > $r.names; done; "
	    "cmp job.names master.names; cat job.names");
	lab_must_say(l, ".any.from-9.delta");
	lab_must_say(l, ".any.from-8.delta");
	lab_ok(l, "cp -a www repo; mkdelta verify repo");
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update -q");
	app_runs(l, 10);
}

static void
only_trees_that_deltas_begin_at_are_fetched(void **state)
{
	(void)state;
	lab_log_clear(l);
	lab_ok(l, PULL "--json job", l->port);
	/* Position 10: 9, 8, 7; listing and full of each. */
	assert_int_equal(app_number(l, "objects"), 6);
	lab_ok(l, "cd job/targets; ls");
	assert_string_equal(l->out, "7\n8\n9\n");
	assert_int_equal(lab_requests(l, "/targets/"), 6);
	lab_ok(l, "find job -name '*.part'");
	assert_int_equal(l->out_len, 0);
	/* Again: no object, and nothing on the disk changes. */
	lab_ok(l, "find job/targets job/metadata -type f -printf '%%p %%i %%T@\\n' | sort > "
	    "before");
	lab_log_clear(l);
	lab_ok(l, PULL "--json job", l->port);
	assert_int_equal(app_number(l, "objects"), 0);
	assert_int_equal(lab_requests(l, "/targets/"), 0);
	lab_ok(l, "find job/targets job/metadata -type f -not -name timestamp.json -printf "
	    "'%%p %%i %%T@\\n' | sort > after; grep -v timestamp before | cmp - after");
	/* One more by number; or everything. */
	lab_ok(l, PULL "--json --release 2 job", l->port);
	assert_int_equal(app_number(l, "objects"), 2);
	lab_ok(l, PULL "--all copy && diff -r www/targets copy/targets && "
	    "mkdelta verify copy", l->port);
}

static void
without_a_root_nothing_is_trusted(void **state)
{
	(void)state;
	lab_expect(l, 2, "delta-host pull http://127.0.0.1:%d job", l->port);
	lab_must_say(l, "--root");
	lab_ok(l, "cp other/metadata/1.root.json root.json");
	lab_expect(l, 4, PULL "job", l->port);
	lab_ok(l, "find job -name '*.tar.zst' -o -name '*.stable.json'");
	assert_int_equal(l->out_len, 0);
}

static void
bytes_that_are_not_signed_do_not_get_a_name(void **state)
{
	(void)state;
	lab_ok(l, "f=$(ls www/targets/9/*.tar.zst); cp $f good; printf x | "
	    "dd of=$f bs=1 seek=20 conv=notrunc status=none");
	lab_expect(l, 4, PULL "job", l->port);
	lab_must_say(l, "other bytes than were signed");
	lab_ok(l, "ls job/targets/9");
	assert_false(lab_said(l, ".tar.zst"));
	assert_false(lab_exists(l, "job/metadata/timestamp.json"));
	/* One that is short goes on where it ended, once the host has it. */
	lab_ok(l, "f=$(ls www/targets/9/*.tar.zst); cp good $f; h=$(basename $f | "
	    "cut -c 1-64); head -c 1000 good > job/.pull/$h.part");
	lab_log_clear(l);
	lab_ok(l, PULL "job", l->port);
	assert_int_equal(lab_requests(l, " 206 "), 1);
	/* A part that is wrong is no reason to fail: it is fetched anew. */
	lab_ok(l, "f=$(ls job/targets/9/*.tar.zst); h=$(basename $f | cut -c 1-64); rm $f; "
	    "head -c 1000 /dev/zero > job/.pull/$h.part; " PULL "job", l->port);
	/* And one that was damaged here is replaced. */
	lab_ok(l, "f=$(ls job/targets/9/*.tar.zst); printf x | dd of=$f bs=1 seek=20 "
	    "conv=notrunc status=none; " PULL "job; cmp $f good", l->port);
}

static void
a_release_of_another_job_is_noticed_before_signing(void **state)
{
	(void)state;
	lab_ok(l, PULL "a; " PULL "b", l->port, l->port);
	lab_ok(l, "echo one > t/version; mkdelta release -q a t --keys keys --before-signing "
	    "'delta-host pull --check http://127.0.0.1:%d a'; delta-host publish -q a www",
	    l->port);
	lab_ok(l, "find b/metadata b/.ready b/targets -type f 2> /dev/null | sort > before; "
	    "echo two > t/version");
	lab_expect(l, 5, "mkdelta release -q b t --keys keys --before-signing "
	    "'delta-host pull --check http://127.0.0.1:%d b'", l->port);
	lab_must_say(l, "has gone on");
	lab_must_say(l, "nothing was signed");
	lab_ok(l, "find b/metadata -type f | sort > after; grep metadata before | cmp - "
	    "after");
	/* Pulled again it goes on from there. */
	lab_ok(l, PULL "b && mkdelta release -q b t --keys keys --before-signing "
	    "'delta-host pull --check http://127.0.0.1:%d b' && delta-host publish -q b www",
	    l->port, l->port);
	lab_ok(l, "mkdelta list --json b | grep -c '\"release\": 11'");
}

static void
what_was_signed_over_an_old_state_is_refused(void **state)
{
	(void)state;
	lab_ok(l, PULL "a; " PULL "b; echo one > t/version; mkdelta release -q a t --keys "
	    "keys; delta-host publish -q a www; cp -a www published; echo two > t/version; "
	    "mkdelta release -q b t --keys keys", l->port, l->port);
	lab_expect(l, 5, "delta-host publish -q b www");
	lab_ok(l, "for f in $(cd published; find . -type f); do cmp published/$f www/$f || "
	    "exit; done");
	lab_expect(l, 5, PULL "b", l->port);
	lab_must_say(l, "does not have");
	/* Two more releases signed do not make it newer: the line parted. */
	lab_ok(l, "echo x > t/version; mkdelta release -q b t --keys keys");
	lab_expect(l, 5, "delta-host publish -q b www");
	lab_ok(l, "for f in $(cd published; find . -type f); do cmp published/$f www/$f || "
	    "exit; done");
}

/* Everything of 10 but its timestamp is on the host: the next job takes other names. */
static void
names_of_a_publish_that_died_are_not_used_again(void **state)
{
	(void)state;
	lab_ok(l, PULL "a; echo one > t/version; mkdelta release -q a t --keys keys; "
	    "cp www/metadata/timestamp.json old; delta-host publish -q a www; "
	    "cp old www/metadata/timestamp.json", l->port);
	lab_ok(l, PULL "b", l->port);
	lab_must_say(l, "nothing names");
	lab_ok(l, "echo two > t/version; mkdelta release -q b t --keys keys; "
	    "delta-host publish -q b www; cp -a www repo; mkdelta verify repo; "
	    "mkdelta show repo 10");
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update -q; cmp dev/demo/current/version t/version");
}

static void
expired_metadata_are_read_only_when_told(void **state)
{
	(void)state;
	if (lab_run(l, "faketime -f '+40d' delta-host --version") != 0)
		skip();	/* no faketime here, or not with sanitizers */
	lab_expect(l, 9, "faketime -f '+30d' " PULL "job", l->port);
	lab_must_say(l, "expired");
	lab_ok(l, "faketime -f '+30d' " PULL "--expired job; faketime -f '+30d' mkdelta "
	    "refresh -q job --keys keys; delta-host publish -q job www; rm -rf two; "
	    "faketime -f '+30d' " PULL "two", l->port, l->port);
}

static void
a_platform_and_a_channel_alone(void **state)
{
	(void)state;
	lab_ok(l, "mkdelta release -q master t --platform linux-arm64 --number 20 --keys keys "
	    "&& mkdelta promote -q master 9 --to beta --keys keys && "
	    "delta-host publish -q master www");
	lab_ok(l, PULL "--json --platform linux-arm64 job", l->port);
	assert_int_equal(app_number(l, "objects"), 2);
	lab_ok(l, PULL "--json --channel beta job2", l->port);
	assert_int_equal(app_number(l, "objects"), 2);
	lab_expect(l, 2, PULL "--channel nightly job3", l->port);
	lab_ok(l, PULL "--json --platform linux-armhf job4", l->port);
	assert_int_equal(app_number(l, "objects"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(the_whole_job_runs_on_an_empty_machine),
		FLOW(only_trees_that_deltas_begin_at_are_fetched),
		FLOW(without_a_root_nothing_is_trusted),
		FLOW(bytes_that_are_not_signed_do_not_get_a_name),
		FLOW(a_release_of_another_job_is_noticed_before_signing),
		FLOW(what_was_signed_over_an_old_state_is_refused),
		FLOW(names_of_a_publish_that_died_are_not_used_again),
		FLOW(expired_metadata_are_read_only_when_told),
		FLOW(a_platform_and_a_channel_alone),
	};

	return cmocka_run_group_tests_name("pull", tests, open_master, close_master);
}
