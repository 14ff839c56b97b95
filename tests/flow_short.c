/*
 * flow_short.c - memory, disk and time run out under `mkdelta diff` and `patch`: one
 * line that says so, nothing left over, and the next run succeeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/fixture.h"
#include "tests/lab/seed.h"

/* Images, streams, text, big enough that some of it goes to files without a name. */
static int
open_lab(void **state)
{
	char *golden = realpath("tests/golden", NULL);

	(void)state;
	if ((l = lab_open()) == NULL || golden == NULL)
		return -1;
	lab_ok(l, "for n in x86-64 gzipped zipped substitute repeat; do "
	    "tar -xJf %s/$n.tar.xz || exit 1; done", golden);
	free(golden);
	lab_fill(l, "old/large", 1 << 20, 1);
	lab_ok(l, "head -c 900000 old/large > new/large && head -c 70000 new/program >> "
	    "new/large && ln new/large new/hard && ln -s large new/link && "
	    "mkdelta diff old new good && mkdir work");
	return 0;
}

#define SHORT_TEST(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)

/* After a run that failed: no name that was not there before, one line that is ours. */
static void
must_be_clean(const char *what, bool ever)
{
	const char *line = l->err;

	if (strncmp(line, "mkdelta: ", 9) != 0 || strchr(line, '\n') == NULL)
		fail_msg("%s says: %s", what, line);
	/* Without any memory a folder cannot be looked through either. */
	if (ever)
		lab_ok(l, "rm -rf work/.mkdelta-*");
	lab_ok(l, "ls -A work && test -z \"$(ls -A work)\"");
}

static void
must_work_now(void)
{
	lab_ok(l, "cd work && mkdelta diff -q ../old ../new d && cmp d ../good && "
	    "mkdelta patch ../old d got && rm -rf d got");
}

/* ---- memory ---- */

/* The rig is compiled here: it is no part of what is installed. */
static bool
open_rig(void)
{
	char *source = realpath("tests/rigs/oom.c", NULL);
	bool is;

	assert_non_null(source);
	lab_ok(l, "cc -O1 -shared -fPIC -o oom.so %s", source);
	free(source);
	/* Sanitizers have their own malloc. */
	is = lab_run(l, "LD_PRELOAD=$PWD/oom.so OOM_LOG=$PWD/count mkdelta diff -q old new "
	    "work/d") == 0 && lab_exists(l, "count");
	lab_ok(l, "rm -f work/d");
	return is;
}

static unsigned long
requests(const char *command)
{
	char *text;
	unsigned long n;

	lab_ok(l, "cd work && LD_PRELOAD=$PWD/../oom.so OOM_LOG=$PWD/../count %s && "
	    "rm -rf d got", command);
	assert_non_null(text = lab_read(l, "count"));
	n = strtoul(text, NULL, 10);
	free(text);
	return n;
}

/* A request that is refused may not matter (a method that is left out); then all is
 * as it should be. */
static void
refuse_each(const char *command, const char *result, unsigned samples)
{
	unsigned long n = requests(command), step, failed = 0;

	assert_true(n > 100);
	step = getenv("MEMORY_ALL") != NULL ? 1 : n / samples + 1;
	for (unsigned long at = 1; at <= n; at += step == 1 ? 1 :
	    1 + seed_below(2 * step - 1)) {
		bool ever = seed_below(3) == 0;
		int status = lab_run(l, "cd work && LD_PRELOAD=$PWD/../oom.so OOM_AT=%lu "
		    "%s %s", at, ever ? "OOM_EVER=1" : "", command);

		seed_note("%s: request %lu of %lu", command, at, n);
		if (status == 0) {
			lab_ok(l, "cd work && %s && rm -rf d got", result);
			continue;
		}
		failed++;
		if (status != 1)
			fail_msg("%s, request %lu: status %d: %s", command, at, status,
			    l->err);
		must_be_clean(command, ever);
	}
	print_message("# figure: %s: %lu requests, %lu of the tried ones ended it\n",
	    command, n, failed);
	assert_true(failed > 20);
}

static void
memory_ends_in_diff(void **state)
{
	(void)state;
	if (!open_rig())
		skip();
	refuse_each("mkdelta diff -q -j1 ../old ../new d",
	    "rm -rf got && mkdelta patch -q ../old d got", 100);
	must_work_now();
}

static void
memory_ends_in_patch(void **state)
{
	(void)state;
	if (!open_rig())
		skip();
	refuse_each("mkdelta patch -q ../old ../good got", "diff -r got ../new", 150);
	must_work_now();
}

/* ---- disk ---- */

/* A file may have so many blocks of 512 bytes: what is beyond fails as on a full disk,
 * but with another word. */
static void
files_that_may_not_grow_are_named(void **state)
{
	(void)state;
	for (unsigned blocks = 1; blocks < 1900; blocks += 190) {
		int status = lab_run(l, "cd work && (trap '' XFSZ; ulimit -f %u; "
		    "mkdelta patch -q ../old ../good got)", blocks);

		if (status == 0)
			fail_msg("%u blocks are enough", blocks);
		lab_must_say(l, "File too large");
		if (!lab_said(l, ": program: ") && !lab_said(l, ": hard: ") &&
		    !lab_said(l, ": a.gz: ") && !lab_said(l, ": nested.zip: "))
			fail_msg("no file is named: %s", l->err);
		must_be_clean("patch", false);
	}
	lab_expect(l, 1, "cd work && (trap '' XFSZ; ulimit -f 1; "
	    "mkdelta diff -q ../old ../new d)");
	lab_must_say(l, ": d: ");
	must_be_clean("diff", false);
	must_work_now();
}

static bool
mount_small(unsigned kib)
{
	return lab_run(l, "mount -t tmpfs -o size=%uk,nr_inodes=40 none work", kib) == 0;
}

static void
a_full_filesystem_is_left_as_it_was(void **state)
{
	(void)state;
	if (geteuid() != 0 || !mount_small(64))
		skip();
	for (unsigned kib = 68; kib < 1100; kib += 128) {
		lab_expect(l, 7, "cd work && mkdelta patch -q ../old ../good got");
		lab_must_say(l, "No space left on device");
		must_be_clean("patch", false);
		lab_ok(l, "mount -o remount,size=%uk work", kib);
	}
	/* The delta itself, and files without a name. */
	lab_ok(l, "mount -o remount,size=4k work && printf %%5000s x > fresh && "
	    "openssl rand 3000000 > random && mkdir rest && cp random rest/f");
	lab_expect(l, 7, "mkdelta diff -q old rest work/d");
	lab_must_say(l, "work/d: ");
	must_be_clean("diff", false);
	lab_ok(l, "mount -o remount,size=100m work");
	must_work_now();
	lab_ok(l, "umount work");
}

/* ---- signals ---- */

/* After so long; a run that was done before is none that was interrupted. */
static bool
interrupt(const char *command, const char *signal, unsigned ms)
{
	int status = lab_run(l, "cd work && %s & p=$!; sleep %u.%03u; "
	    "kill -%s $p 2> kill.err; wait $p", command, ms / 1000, ms % 1000, signal);

	if (status == 0) {
		lab_ok(l, "rm -rf work/d work/got");
		return false;
	}
	/* Before it listens to signals it ends by them. */
	if (status < 128 && (status != 1 || !lab_said(l, "interrupted")))
		fail_msg("%s after %u ms of %s: status %d: %s", command, ms, signal,
		    status, l->err);
	lab_ok(l, "test -z \"$(ls -A work)\"");
	return true;
}

static void
interrupt_all(const char *command, unsigned slowest)
{
	static const char *const signals[] = { "INT", "TERM", "HUP" };
	unsigned hits = 0;

	for (unsigned i = 0; i < 15; i++)
		hits += interrupt(command, signals[i % 3],
		    20 + (unsigned)seed_below(slowest));
	print_message("# figure: %s: %u of 15 signals were in time\n", command, hits);
	assert_true(hits > 2);
}

static void
a_signal_leaves_nothing(void **state)
{
	(void)state;
	lab_ok(l, "openssl rand 12000000 > old/random && { head -c 6000000 old/random; "
	    "printf inserted; tail -c 5900000 old/random; openssl rand 3000000; } > "
	    "new/random && mkdelta diff -q -f old new good");
	interrupt_all("exec env --default-signal=INT mkdelta diff -q ../old ../new d", 600);
	interrupt_all("exec env --default-signal=INT mkdelta patch -q ../old ../good got", 150);
	must_work_now();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SHORT_TEST(memory_ends_in_diff),
		SHORT_TEST(memory_ends_in_patch),
		SHORT_TEST(files_that_may_not_grow_are_named),
		SHORT_TEST(a_full_filesystem_is_left_as_it_was),
		SHORT_TEST(a_signal_leaves_nothing),
	};

	seed_start();
	return cmocka_run_group_tests_name("short", tests, NULL, NULL);
}
