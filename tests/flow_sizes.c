/*
 * What an update takes: room, memory and blocks of the disk; and attributes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

static int
open_lab(void **state)
{
	(void)state;
	l = lab_open();
	lab_ok(l, "mkdelta init -q repo");
	lab_fill(l, "t/bin/app", 20000, 1);
	app_configure(l, "");
	return 0;
}

static void
sparse_is_sparse(void)
{
	lab_ok(l, "cmp t/sparse dev/demo/current/sparse");
	lab_ok(l, "b=$(stat -c %%b dev/demo/current/sparse); echo $b blocks; "
	    "[ $b -lt 400 ]");
}

/* Neither way of building it fills 50 MB of holes. */
static void
a_sparse_file_stays_sparse(void **state)
{
	(void)state;
	lab_ok(l, "truncate -s 50M t/sparse && "
	    "printf x | dd of=t/sparse bs=1 seek=30000001 conv=notrunc status=none && "
	    "mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "update");
	sparse_is_sparse();
	lab_ok(l, "printf y | dd of=t/sparse bs=1 seek=40000003 conv=notrunc status=none "
	    "&& mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "* 1 > 2");
	lab_ok(l, DELTA_APPLY "update");
	sparse_is_sparse();
	/* Not touched, and taken over by copy. */
	lab_ok(l, "echo > t/new && mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "--set app.reuse=copy update");
	sparse_is_sparse();
	app_runs(l, 3);
}

static void
note_is(const char *value)
{
	lab_ok(l, "getfattr --only-values -n user.note dev/demo/current/bin/app");
	assert_string_equal(l->out, value);
	lab_ok(l, DELTA_APPLY "verify");
}

/* Of a file that stays, a file that changes, and when only it changes. */
static void
user_attributes_go_all_the_way(void **state)
{
	(void)state;
	if (lab_run(l, "setfattr -n user.note -v one t/bin/app") != 0) {
		print_message("skipped: no user attributes on this file system\n");
		skip();
	}
	lab_ok(l, "mkdelta release -q --xattrs repo t");
	lab_ok(l, DELTA_APPLY "update");
	note_is("one");
	lab_ok(l, "echo more >> t/bin/app && mkdelta release -q --xattrs repo t");
	lab_ok(l, DELTA_APPLY "update");
	note_is("one");
	lab_ok(l, "setfattr -n user.note -v two t/bin/app && "
	    "mkdelta release -q --xattrs repo t");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "* 2 > 3");
	lab_ok(l, DELTA_APPLY "update");
	note_is("two");
	/* The old release has its own, and verify looks at them. */
	lab_ok(l, "getfattr --only-values -n user.note dev/demo/releases/2/bin/app");
	assert_string_equal(l->out, "one");
	lab_ok(l, "setfattr -n user.note -v three dev/demo/current/bin/app");
	lab_expect(l, 4, DELTA_APPLY "verify");
	lab_must_say(l, "xattr");
}

/* The copies of a release's own venv need room besides what the release does. */
static void
copies_count_before_the_first_byte(void **state)
{
	uint64_t before, with;
	char root[300];

	(void)state;
	lab_ok(l, "mkdelta release -q repo t");
	lab_ok(l, "mkdir -p dev/demo");
	(void)snprintf(root, sizeof root, "%s/dev/demo", l->dir);
	if (mount("none", root, "tmpfs", 0, "size=48m,mode=0755") == -1)
		skip();
	lab_serve(l, "repo", NULL);
	app_configure(l, "[persist]\ncopy = venv\n");
	(void)lab_run(l, DELTA_APPLY "update && mkdir dev/demo/current/venv && "
	    "echo more >> t/bin/app && mkdelta release -q repo t");
	(void)lab_run(l, DELTA_APPLY "--json plan");
	before = app_number(l, "room-bytes");
	(void)lab_run(l, "head -c 30000000 /dev/urandom > dev/demo/current/venv/lib");
	(void)lab_run(l, DELTA_APPLY "--json plan");
	with = app_number(l, "room-bytes");
	lab_log_clear(l);
	(void)lab_run(l, DELTA_APPLY "update; echo is $?; " DELTA_APPLY "version");
	assert_int_equal(umount(root), 0);
	lab_must_say(l, "is 7");
	lab_must_say(l, "free");
	lab_must_say(l, "demo 1 ");
	assert_int_equal(app_object_bytes(l), 0);
	if (with < before + 30000000)
		fail_msg("%llu without, %llu with", (unsigned long long)before,
		    (unsigned long long)with);
}

/* KiB at the peak of one update; the sanitizers' own memory is no measure. */
static uint64_t
peak(const char *what)
{
	lab_ok(l, "/usr/bin/time -f 'peak\": %%M' -o peak " DELTA_APPLY "%s", what);
	lab_ok(l, "sed 's/^/\"/' peak");
	return app_number(l, "peak");
}

static void
memory_does_not_grow_with_the_tree(void **state)
{
	uint64_t full, delta;

	(void)state;
	if (access("/usr/bin/time", X_OK) == -1) {
		print_message("skipped: no /usr/bin/time\n");
		skip();
	}
	if (lab_run(l, "nm $(command -v delta-apply) | grep -q __asan_init") == 0) {
		print_message("skipped: a sanitizer's memory would be measured\n");
		skip();
	}
	lab_ok(l, "head -c 45000000 /dev/urandom > t/large; for i in 1 2 3 4 5; do "
	    "head -c 3000000 /dev/urandom > t/f$i; done; mkdelta release -q repo t");
	full = peak("update");
	lab_ok(l, "for f in large f1 f2; do printf changed | "
	    "dd of=t/$f bs=1 seek=2000000 conv=notrunc status=none; done; "
	    "mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "* 1 > 2");
	delta = peak("update");
	app_runs(l, 2);
	/* 16 MiB of the decoder's own, the libraries' code and TLS beside it. */
	if (full > 32 * 1024 || delta > 32 * 1024)
		fail_msg("%llu KiB by full, %llu KiB by delta", (unsigned long long)full,
		    (unsigned long long)delta);
}

/* The delta of much new text declares 4.6 MB, the full 4.0 MB: a limit between
 * them takes the dearer way, less than both takes none. */
static void
a_limit_of_memory_leads_another_way(void **state)
{
	(void)state;
	lab_ok(l, "head -c 300000 /dev/urandom > t/other && mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "update");
	lab_ok(l, "seq 400000 > t/text && mkdelta release -q repo t");
	lab_ok(l, DELTA_APPLY "plan");
	lab_must_say(l, "* 1 > 2");
	lab_ok(l, DELTA_APPLY "--set app.memory=4M plan");
	lab_must_say(l, "* full > 2");
	lab_must_say(l, "more memory than app.memory");
	lab_expect(l, 5, DELTA_APPLY "--set app.memory=1M update");
	lab_must_say(l, "app.memory");
	app_runs(l, 1);
	lab_ok(l, DELTA_APPLY "--set app.memory=4M update");
	lab_must_say(l, "download the full");
	app_runs(l, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_sparse_file_stays_sparse),
		FLOW(user_attributes_go_all_the_way),
		FLOW(copies_count_before_the_first_byte),
		FLOW(a_limit_of_memory_leads_another_way),
		FLOW(memory_does_not_grow_with_the_tree),
	};

	return cmocka_run_group_tests_name("flow_sizes", tests, NULL, NULL);
}
