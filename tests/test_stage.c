#include <sys/stat.h>
#include <sys/wait.h>

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"

#include "apply/stage.h"

#include "tests/lab/release.h"

/* A tree with one of everything, in src/41; run in the scratch folder. */
static const char make_41[] =
    "mkdir -p src/41 && cd src/41 && mkdir -p bin lib/empty lib/deep/er turns/into tmp "
    ".delta/hooks && seq 1 40000 > bin/tool && chmod 755 bin/tool && ln -s tool bin/alias "
    "&& ln -s ../../../etc/passwd bin/escape && echo one > lib/one && ln lib/one lib/uno "
    "&& ln lib/one lib/deep/er/eins && : > lib/zero && chmod 555 lib/deep && "
    "seq 5 9000 > lib/moved && echo was-file > kind && ln -s kind linked && "
    "echo content > turns/into/file && echo mode > changes-mode && chmod 600 changes-mode "
    "&& truncate -s 3M sparse && echo end >> sparse && echo hook > .delta/hooks/stop && "
    "chmod 755 .delta/hooks/stop && printf odd > \"$(printf 'a b\\nc\\303\\244\\\\#=')\" && "
    "echo same > dup1 && echo same > dup2 && "
    "echo long > $(printf 'n%.0s' $(seq 255)) && chmod 1755 tmp";

/* src/42: the same, in every entry of another kind or place. */
static const char make_42[] =
    "cp -a src/41 src/42 && cd src/42 && chmod 755 lib/deep && "
    "(seq 1 20000; echo changed; seq 20001 41000) > bin/tool && ln -sfn ../lib bin/alias "
    "&& rm lib/uno && ln lib/zero lib/nil && mv lib/moved moved && cp moved moved-too && "
    "rm kind && mkdir kind && echo inside > kind/file && rm linked && echo was-link > "
    "linked && rm -r turns && ln -s nowhere turns && chmod 640 changes-mode && rmdir "
    "lib/empty && : > lib/empty && echo more >> sparse && rm dup2 && ln dup1 dup2 && "
    "chmod 500 lib/deep && seq 7 3000 > brand-new && cp brand-new brand-new-again";

static const char make_43[] =
    "cp -a src/42 src/43 && cd src/43 && seq 2 40000 > bin/tool && echo third > lib/three "
    "&& echo four >> moved && rm brand-new";

static struct lab_device *
device(enum swap_mode swap)
{
	struct lab_device *l = lab_device_open(swap, NULL);

	lab_device_sh(l, "%s", make_41);
	lab_device_sh(l, "%s", make_42);
	lab_device_sh(l, "%s", make_43);
	return l;
}

static void
must_stage(struct run *run)
{
	struct err e = ERR_INIT;

	if (step_stage(run, &e) != STEP_DONE)
		fail_msg("stage: %s", e.text);
	if (step_verify(run, &e) != STEP_DONE)
		fail_msg("verify: %s", e.text);
}

static void
nothing_is_left(struct lab_device *l)
{
	lab_device_sh(l, "[ -z \"$(find . -path ./src -prune -o -name '.staging-*' "
	    "-print)\" ]");
}

static void
a_full_installs_every_kind_of_entry(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	mode_t mask = umask(0777);
	struct run run;

	(void)state;
	lab_run_open(l, 0, 41, &run);
	lab_run_full(l, &run, 41);
	must_stage(&run);
	(void)umask(mask);
	lab_same(l, 41);
	nothing_is_left(l);
	/* new files have the release's time, holes are holes */
	lab_device_sh(l, "[ $(stat -c %%Y app/releases/41/bin/tool) = 1700000041 ] && "
	    "[ $(stat -c %%Y app/releases/41/bin) = 1700000041 ] && "
	    "[ $(stat -c %%b app/releases/41/sparse) -lt 100 ] && "
	    "[ app/releases/41/lib/one -ef app/releases/41/lib/deep/er/eins ] && "
	    "! [ app/releases/41/dup1 -ef app/releases/41/dup2 ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
a_delta_turns_every_kind_into_another(void **state)
{
	static const enum reuse_mode modes[] = { REUSE_AUTO, REUSE_COPY, REUSE_HARDLINK };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct lab_device *l = device(i == 0 ? SWAP_EXCHANGE : SWAP_SYMLINK);
		struct run run;

		l->conf.reuse = modes[i];
		lab_install(l, 41);
		lab_run_open(l, 41, 42, &run);
		lab_run_delta(l, &run, 41, 42);
		must_stage(&run);
		lab_same(l, 42);
		lab_same(l, 41);
		nothing_is_left(l);
		lab_run_close(&run);
		lab_device_close(l);
	}
}

static void
reused_files_keep_their_time_and_room(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "touch -d @1600000000 app/releases/41/lib/one");
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	must_stage(&run);
	lab_device_sh(l, "cd app/releases && [ $(stat -c %%Y 42/lib/one) = 1600000000 ] && "
	    "[ $(stat -c %%Y 42/bin/tool) = 1700000042 ]");
	if (geteuid() == 0)	/* nothing here can clone: links */
		lab_device_sh(l, "cd app/releases && { [ 41/lib/one -ef 42/lib/one ] || "
		    "cp --reflink=always 41/lib/one ../x; } && "
		    "! [ 41/changes-mode -ef 42/changes-mode ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
a_chain_builds_the_trees_between(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_device_sh(l, "cp -a src/43 src/44 && echo last >> src/44/bin/tool && "
	    "cp src/44/moved-too src/44/again");
	lab_install(l, 41);
	lab_run_open(l, 41, 44, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_delta(l, &run, 42, 43);
	lab_run_delta(l, &run, 43, 44);
	must_stage(&run);
	lab_same(l, 44);
	lab_device_sh(l, "! [ -e app/releases/42 ] && ! [ -e app/releases/43 ] && "
	    "[ $(stat -c %%Y app/releases/44/linked) = 1700000044 ] && "
	    "[ $(stat -c %%h app/releases/44/linked) = 1 ]");
	nothing_is_left(l);
	lab_run_close(&run);
	lab_device_close(l);
}

static void
a_chain_may_begin_with_a_full(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_run_open(l, 0, 43, &run);
	lab_run_full(l, &run, 41);
	lab_run_delta(l, &run, 41, 42);
	lab_run_delta(l, &run, 42, 43);
	must_stage(&run);
	lab_same(l, 43);
	lab_device_sh(l, "! [ -e app/releases/41 ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
the_same_tree_may_come_with_a_new_number(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_device_sh(l, "cp -a src/41 src/50");
	lab_install(l, 41);
	lab_run_open(l, 41, 50, &run);
	must_stage(&run);
	lab_same(l, 50);
	lab_run_close(&run);
	lab_device_close(l);
}

/* The run wants another plan, and nothing is left behind. */
static void
must_plan_again(struct lab_device *l, struct run *run, const char *says)
{
	struct err e = ERR_INIT;

	assert_int_equal(step_stage(run, &e), STEP_AGAIN);
	assert_int_equal(e.code, ERR_TRUST);
	if (strstr(e.text, says) == NULL)
		fail_msg("says %s", e.text);
	nothing_is_left(l);
}

static void
a_modified_tree_is_no_source_and_falls_to_the_full(void **state)
{
	static const char *const spoil[] = {
		"sed -i s/777/778/ bin/tool",	/* what the delta reads */
		"echo eno > lib/one",		/* what is only reused */
		"rm lib/moved", "rm kind && mkdir kind", "rm bin/tool && ln -s alias bin/tool",
	};
	static const char *const named[] = { "bin/tool", "lib/one", "lib/moved", "",
		"bin/tool" };

	(void)state;
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		struct lab_device *l = device(SWAP_SYMLINK);
		struct run run, again;

		lab_install(l, 41);
		lab_device_sh(l, "cd app/current && { %s\n}", spoil[i]);
		lab_run_open(l, 41, 42, &run);
		lab_run_delta(l, &run, 41, 42);
		if (named[i][0] != '\0') {
			must_plan_again(l, &run, "the installed tree was modified");
			assert_true(run.tree_modified);
			assert_int_equal(run.n_bad, 0);
		}
		lab_run_close(&run);
		/* What preflight makes of it: the same live tree, a plan from nothing. */
		lab_run_open(l, 41, 42, &again);
		record_clear(&again.plan.from_record);
		memset(&again.plan.from_record, 0, sizeof again.plan.from_record);
		again.tree_modified = true;
		lab_run_full(l, &again, 42);
		must_stage(&again);
		lab_same(l, 42);
		lab_device_sh(l, "! [ app/releases/41/lib/deep/er/eins -ef "
		    "app/releases/42/lib/deep/er/eins ]");
		lab_run_close(&again);
		lab_device_close(l);
	}
}

static void
an_object_that_is_not_what_was_signed_is_left_out(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;
	struct err e = ERR_INIT;

	(void)state;
	lab_install(l, 41);
	for (int i = 0; i < 4; i++) {
		lab_run_open(l, 41, 42, &run);
		if (i == 0) {		/* no delta at all */
			lab_run_delta(l, &run, 41, 42);
			lab_run_spoil(l, &run, 0, "not a delta", 11);
		} else if (i == 1) {	/* a good delta to another tree */
			lab_run_delta(l, &run, 41, 43);
			run.plan.hops[0].to = run.plan.to.listing;
		} else if (i == 2) {	/* no full at all */
			lab_run_full(l, &run, 42);
			lab_run_spoil(l, &run, 0, "not a full", 10);
		} else {		/* the full of another release */
			lab_run_full(l, &run, 41);
			run.plan.hops[0].to = run.plan.to.listing;
			assert_int_equal(record_copy(&run.plan.trees[0], &run.plan.to,
			    &e), 0);
		}
		assert_int_equal(step_stage(&run, &e), STEP_AGAIN);
		assert_true(e.code == ERR_TRUST || e.code == ERR_FORMAT);
		assert_false(run.tree_modified);
		assert_int_equal(run.n_bad, 1);
		assert_true(sha256_equal(&run.bad[0], &run.plan.hops[0].object.sha256));
		nothing_is_left(l);
		lab_run_close(&run);
	}
	lab_same(l, 41);
	lab_device_close(l);
}

static void
leftovers_are_cleared_and_half_a_release_is_replaced(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "cd app/releases && mkdir -p .staging-42/tree/bin .staging-7/hop-0 "
	    "42/bin && echo half > 42/bin/tool && echo > .staging-42/tree/bin/tool");
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	must_stage(&run);
	lab_same(l, 42);
	nothing_is_left(l);
	/* A third time there is nothing to do: not even the objects are needed. */
	lab_device_sh(l, "rm -r state/spool && stat -c %%i app/releases/42 > inode");
	must_stage(&run);
	lab_device_sh(l, "stat -c %%i app/releases/42 | cmp - inode");
	/* One with a right record but a wrong file is not trusted either. */
	lab_run_close(&run);
	lab_device_sh(l, "echo x >> app/releases/42/linked");
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	must_stage(&run);
	lab_same(l, 42);
	lab_run_close(&run);
	lab_device_close(l);
}

static void
staging_that_a_power_cut_spoiled_is_built_again(void **state)
{
	static const char *const spoil[] = { "rm -r .staging-42", "rm -r .staging-42/tree/bin",
		": > .staging-42/tree/linked", "rm .staging-42/tree/.delta/record.json" };

	(void)state;
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		struct lab_device *l = device(SWAP_SYMLINK);
		struct err e = ERR_INIT;
		struct run run;

		lab_install(l, 41);
		lab_run_open(l, 41, 42, &run);
		lab_run_delta(l, &run, 41, 42);
		assert_int_equal(step_stage(&run, &e), STEP_DONE);
		lab_device_sh(l, "cd app/releases && [ $(stat -c %%a .staging-42) = 700 ] && "
		    "chmod -R u+w . && %s", spoil[i]);
		if (step_verify(&run, &e) != STEP_DONE)
			fail_msg("%s", e.text);
		lab_same(l, 42);
		nothing_is_left(l);
		lab_run_close(&run);
		lab_device_close(l);
	}
}

static void
what_runs_is_never_replaced(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct err e = ERR_INIT;
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "echo mine > app/current/linked");
	lab_run_open(l, 41, 41, &run);
	lab_run_full(l, &run, 41);
	assert_int_equal(step_verify(&run, &e), STEP_FAIL);
	assert_int_equal(e.code, ERR_POLICY);
	lab_device_sh(l, "[ $(cat app/current/linked) = mine ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
refused_entries_stop_the_update_before_they_exist(void **state)
{
	static const struct {
		const char *make;
		enum err_code code;
	} cases[] = {
		{ "chmod 4755 bin/tool", ERR_POLICY }, { "chmod 666 linked", ERR_POLICY },
		{ "chmod 2755 lib", ERR_POLICY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab_device *l = device(SWAP_SYMLINK);
		struct err e = ERR_INIT;
		struct run run;

		lab_device_sh(l, "cd src/42 && %s", cases[i].make);
		lab_install(l, 41);
		for (int full = 0; full < 2; full++) {
			lab_run_open(l, 41, 42, &run);
			if (full)
				lab_run_full(l, &run, 42);
			else
				lab_run_delta(l, &run, 41, 42);
			assert_int_equal(step_stage(&run, &e), STEP_FAIL);
			assert_int_equal(e.code, cases[i].code);
			nothing_is_left(l);
			lab_run_close(&run);
		}
		lab_device_close(l);
	}
}

static void
allowed_powers_arrive(void **state)
{
	static char word[] = "setuid";
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	l->conf.allow.items[l->conf.allow.n++] = word;
	lab_device_sh(l, "chmod 4755 src/42/bin/tool");
	lab_install(l, 41);
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	must_stage(&run);
	lab_same(l, 42);
	lab_device_sh(l, "[ -u app/releases/42/bin/tool ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
a_tree_with_persist_paths_is_still_a_source(void **state)
{
	static char turns[] = "lib", venv[] = "turns";
	struct lab_device *l = device(SWAP_SYMLINK);
	struct err e = ERR_INIT;
	struct run run;

	(void)state;
	l->conf.persist.items[l->conf.persist.n++] = turns;
	l->conf.persist_copy.items[l->conf.persist_copy.n++] = venv;
	lab_run_open(l, 0, 41, &run);
	lab_run_full(l, &run, 41);
	must_stage(&run);
	lab_run_close(&run);
	assert_int_equal(live_switch(&l->dev, 0, 41, &e), 0);
	lab_device_sh(l, "cd app/current && [ -L lib ] && echo mine > lib/one && "
	    "echo venv > turns/mine");
	lab_run_open(l, 41, 43, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_delta(l, &run, 42, 43);
	must_stage(&run);
	lab_same(l, 43);
	lab_device_sh(l, "cd app/releases/43 && [ $(cat lib/one) = mine ] && "
	    "[ $(cat turns/mine) = venv ] && [ $(cat .delta/seed/lib/three) = third ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
an_unlisted_tree_gives_what_it_has_by_hash(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "rm app/current/.delta/record.json; echo own > app/current/own; "
	    "touch -d @1600000000 app/current/lib/one");
	lab_run_open(l, 41, 42, &run);
	record_clear(&run.plan.from_record);
	memset(&run.plan.from_record, 0, sizeof run.plan.from_record);
	lab_run_full(l, &run, 42);
	must_stage(&run);
	lab_same(l, 42);
	/* Its time tells where it came from. */
	lab_device_sh(l, "[ $(stat -c %%Y app/releases/42/lib/one) = 1600000000 ]");
	lab_run_close(&run);
	lab_device_close(l);
}

/* The whole update as nobody, whom folders without write permission stop. */
static int
update_as_nobody(struct lab_device *l)
{
	struct run run;
	struct err e = ERR_INIT;

	if (setgroups(0, NULL) == -1 || setgid(65534) == -1 || setuid(65534) == -1)
		return 2;
	lab_run_open(l, 0, 41, &run);
	lab_run_full(l, &run, 41);
	must_stage(&run);
	lab_run_close(&run);
	if (live_switch(&l->dev, 0, 41, &e) == -1)
		return 3;
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	must_stage(&run);
	lab_run_close(&run);
	lab_same(l, 42);
	return 0;
}

static void
an_unprivileged_applier_builds_closed_folders(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0) {
		lab_device_close(l);
		skip();
	}
	lab_device_sh(l, "chmod 555 src/42 src/41 && chown -Rh 65534:65534 .");
	if ((child = fork()) == 0)
		_exit(update_as_nobody(l));
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	lab_device_sh(l, "[ $(stat -c %%a:%%u app/releases/42) = 555:65534 ] && "
	    "! [ app/releases/41/lib/one -ef app/releases/42/lib/one ]");
	lab_device_close(l);
}

static void
another_owner_gets_the_whole_tree(void **state)
{
	struct lab_device *l = device(SWAP_SYMLINK);
	struct run run;

	(void)state;
	if (geteuid() != 0) {
		lab_device_close(l);
		skip();
	}
	l->conf.owner_set = true;
	l->conf.owner_uid = 1234;
	l->conf.owner_gid = 4321;
	lab_run_open(l, 0, 41, &run);
	lab_run_full(l, &run, 41);
	must_stage(&run);
	lab_same(l, 41);
	lab_device_sh(l, "cd app/releases/41 && [ -z \"$(find . -path './.delta/[lpr]*' -prune "
	    "-o ! \\( -uid 1234 -gid 4321 \\) -print)\" ]");
	lab_run_close(&run);
	lab_device_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_installs_every_kind_of_entry),
		cmocka_unit_test(a_delta_turns_every_kind_into_another),
		cmocka_unit_test(reused_files_keep_their_time_and_room),
		cmocka_unit_test(a_chain_builds_the_trees_between),
		cmocka_unit_test(a_chain_may_begin_with_a_full),
		cmocka_unit_test(the_same_tree_may_come_with_a_new_number),
		cmocka_unit_test(a_modified_tree_is_no_source_and_falls_to_the_full),
		cmocka_unit_test(an_object_that_is_not_what_was_signed_is_left_out),
		cmocka_unit_test(leftovers_are_cleared_and_half_a_release_is_replaced),
		cmocka_unit_test(staging_that_a_power_cut_spoiled_is_built_again),
		cmocka_unit_test(what_runs_is_never_replaced),
		cmocka_unit_test(refused_entries_stop_the_update_before_they_exist),
		cmocka_unit_test(allowed_powers_arrive),
		cmocka_unit_test(a_tree_with_persist_paths_is_still_a_source),
		cmocka_unit_test(an_unlisted_tree_gives_what_it_has_by_hash),
		cmocka_unit_test(an_unprivileged_applier_builds_closed_folders),
		cmocka_unit_test(another_owner_gets_the_whole_tree),
	};

	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
