/*
 * flow_decoder.c - updates with a decoder that is missing, breaks, hangs or was taken
 * over (tests/rigs/liar.c): nothing of the device changes, and the next run is good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/app.h"
#include "tests/lab/fixture.h"

#define OURS "bin/delta-apply --config app.conf "

/* Release 1 runs, 2 is there: by a delta, and as a full.  The programs are copies. */
static int
open_first(void **state)
{
	(void)state;
	l = lab_open();
	lab_fill(l, "t/bin/app", 300000, 1);
	lab_write(l, "t/etc/conf", "one\n");
	lab_ok(l, "mkdelta init -q repo && mkdelta release -q repo t");
	app_configure(l, "");
	lab_ok(l, DELTA_APPLY "update");
	lab_fill(l, "more", 100000, 2);
	lab_ok(l, "cat more >> t/bin/app && echo two > t/etc/conf && cp t/etc/conf t/new &&"
	    " mkdelta release -q repo t && mkdir bin &&"
	    " cp $BIN/delta-apply bin/ && cp $BIN/delta-apply-decode bin/true");
	return 0;
}

static void
decoder_is(const char *command)
{
	lab_ok(l, "rm -f bin/delta-apply-decode bin/pid; %s", command);
}

static void
liar_says(const char *lie)
{
	decoder_is("cp $BIN/../tests/rigs/liar bin/delta-apply-decode");
	lab_write(l, "bin/lie", "%s\n", lie);
}

/* Every process that stood in for the decoder is gone. */
static void
nobody_is_left(void)
{
	lab_ok(l, "for i in 1 2 3 4 5 6 7 8 9 10; do left=; "
	    "for p in $(cat bin/pid 2> /dev/null); do "
	    "[ -d /proc/$p ] && left=$p; done; [ -z \"$left\" ] && exit 0; sleep 0.2; "
	    "done; echo $left is left; exit 1");
}

static void
nothing_changed(void)
{
	nobody_is_left();
	app_runs(l, 1);
	lab_ok(l, "grep -qx one dev/demo/current/etc/conf");
	lab_ok(l, "[ \"$(ls dev/demo/releases)\" = 1 ] && "
	    "! ls -A dev/demo/releases | grep staging");
}

static void
fails_with(int status, const char *say)
{
	lab_expect(l, status, OURS "update");
	lab_must_say(l, say);
	if (status == 4)
		lab_must_say(l, "2/any");	/* the object */
	assert_null(memchr(l->err, '\033', l->err_len));
	nothing_changed();
}

/* ---- it cannot be started ---- */

static void
a_missing_one_is_named_with_what_to_do(void **state)
{
	(void)state;
	decoder_is("true");
	fails_with(1, "delta-apply-decode is not there; install it beside delta-apply");
}

static void
one_that_is_no_program_is_named(void **state)
{
	(void)state;
	decoder_is("echo text > bin/delta-apply-decode");
	fails_with(1, "is no program; install it anew");
	decoder_is("(echo text; echo; head -c 4096 /dev/zero) > bin/delta-apply-decode;"
	    " chmod 755 bin/delta-apply-decode");
	fails_with(1, "cannot run it");
}

static void
one_that_others_may_change_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	decoder_is("cp bin/true bin/delta-apply-decode; chmod 757 bin/delta-apply-decode");
	fails_with(1, "others than root may change it");
	decoder_is("cp bin/true bin/delta-apply-decode; chown 1234 bin/delta-apply-decode");
	fails_with(1, "others than root may change it");
}

static void
one_that_ends_at_once_does_not_start(void **state)
{
	(void)state;
	decoder_is("printf '#!/bin/sh\\nexit 1\\n' > bin/delta-apply-decode;"
	    " chmod 755 bin/delta-apply-decode");
	fails_with(1, "does not start (exit status 1)");
}

/* ---- it breaks or lies ---- */

static const struct {
	const char *lie, *say;
} lies[] = {
	{ "killed", "the decoder broke down on it (killed by signal 9" },
	{ "crash", "the decoder broke down on it (killed by signal 11" },
	{ "exit", "the decoder broke down on it (exit status 3)" },
	{ "ends-the-talk", "the decoder broke down on it" },
	{ "without-end", "the decoder" },
	{ "no-bytes", "the decoder says what was not asked" },
	{ "nothing-behind", "the delta needs an output to come" },
	{ "a-folder", "entry 0 of the old tree is no file" },
	{ "repeat-what-is-not", "the delta needs an output to come" },
	{ "done-at-once", "0 bytes instead of" },
	{ "an-entry", "the decoder says what was not asked" },
	{ "ready-again", "the decoder says what was not asked" },
	{ "a-word-that-is-none", "the decoder says what was not asked" },
	{ "interrupted", "2/any" },
	{ "scratch", "the decoder says what was not asked" },
	{ "a-descriptor", "the decoder says what nobody understands" },
	{ "a-crumb", "the decoder says what nobody understands" },
	{ "a-mountain", "the decoder says what nobody understands" },
	{ "poison", "?[2J?gone" },
	{ "another-byte", "another hash than the signed listing" },
};
enum { LIES = sizeof lies / sizeof *lies };

static void
no_lie_changes_the_device(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIES; i++) {
		liar_says(lies[i].lie);
		fails_with(4, lies[i].say);
		lab_ok(l, "[ $(wc -l < bin/pid) -ge 3 ]");	/* all paths were tried */
	}
	print_message("# figure: lies of a decoder: %d, believed 0\n", (int)LIES);
}

static void
one_that_hangs_ends_with_the_applier(void **state)
{
	(void)state;
	liar_says("hangs");
	lab_expect(l, 1, OURS "update & p=$!; while [ ! -s bin/pid ]; do sleep 0.1; done;"
	    " sleep 0.5; kill -TERM $p; wait $p");
	lab_must_say(l, "interrupted");
	nobody_is_left();
	app_runs(l, 1);
	liar_says("hangs");
	lab_expect(l, 137, OURS "update & p=$!; while [ ! -s bin/pid ]; do sleep 0.1; done;"
	    " sleep 0.5; kill -KILL $p; wait $p");
	nobody_is_left();
	app_runs(l, 1);
}

/* ---- and a true one ---- */

static void
the_next_run_is_good(void **state)
{
	(void)state;
	liar_says("none");
	lab_ok(l, OURS "update");
	nobody_is_left();
	app_runs(l, 2);
	lab_ok(l, "cmp t/bin/app dev/demo/current/bin/app");
	decoder_is("mkdir -p libexec/delta-apply && mv bin/true libexec/delta-apply/"
	    "delta-apply-decode");
	lab_ok(l, "echo three > t/etc/conf && mkdelta release -q repo t");
	lab_ok(l, OURS "update");
	app_runs(l, 3);
}

/* A package is upgraded in the midst of a run: it ends with the decoder that it began
 * with, and the next begins with the new one. */
static void
one_that_is_replaced_during_a_run_decodes_to_its_end(void **state)
{
	(void)state;
	lab_write(l, "upgrade", "#!/bin/sh\nprintf '#!/bin/sh\\nexit 1\\n' > %s/bin/other;"
	    " chmod 755 %s/bin/other; mv %s/bin/other %s/bin/delta-apply-decode\n",
	    l->dir, l->dir, l->dir, l->dir);
	decoder_is("cp libexec/delta-apply/delta-apply-decode bin/; chmod 755 upgrade;"
	    " echo four > t/etc/conf && mkdelta release -q repo t");
	lab_ok(l, OURS "--set hooks.preflight=$PWD/upgrade update");
	app_runs(l, 4);
	lab_ok(l, "grep -q 'exit 1' bin/delta-apply-decode &&"
	    " echo five > t/etc/conf && mkdelta release -q repo t");
	lab_expect(l, 1, OURS "update");
	lab_must_say(l, "does not start (exit status 1)");
	app_runs(l, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_one_is_named_with_what_to_do),
		cmocka_unit_test(one_that_is_no_program_is_named),
		cmocka_unit_test(one_that_others_may_change_is_refused),
		cmocka_unit_test(one_that_ends_at_once_does_not_start),
		cmocka_unit_test(no_lie_changes_the_device),
		cmocka_unit_test(one_that_hangs_ends_with_the_applier),
		cmocka_unit_test(the_next_run_is_good),
		cmocka_unit_test(one_that_is_replaced_during_a_run_decodes_to_its_end),
	};

	return cmocka_run_group_tests_name("decoder", tests, open_first, close_lab);
}
