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

static void
a_full_installs_every_kind_of_entry(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	mode_t mask = umask(0777);
	struct run run;

	(void)state;
	lab_run_open(l, 0, 41, &run);
	lab_run_full(l, &run, 41);
	lab_run_stage(&run);
	(void)umask(mask);
	lab_same(l, 41);
	lab_no_staging(l);
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
		struct lab_device *l = lab_sources(i == 0 ? SWAP_EXCHANGE : SWAP_SYMLINK);
		struct run run;

		l->conf.reuse = modes[i];
		lab_install(l, 41);
		lab_run_open(l, 41, 42, &run);
		lab_run_delta(l, &run, 41, 42);
		lab_run_stage(&run);
		lab_same(l, 42);
		lab_same(l, 41);
		lab_no_staging(l);
		lab_run_close(&run);
		lab_device_close(l);
	}
}

static void
reused_files_keep_their_time_and_room(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "touch -d @1600000000 app/releases/41/lib/one");
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_stage(&run);
	lab_device_sh(l,
	    "cd app/releases && [ $(stat -c %%Y 42/lib/one) = 1600000000 ] && "
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
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_device_sh(l, "cp -a src/43 src/44 && echo last >> src/44/bin/tool && "
	    "cp src/44/moved-too src/44/again");
	lab_install(l, 41);
	lab_run_open(l, 41, 44, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_delta(l, &run, 42, 43);
	lab_run_delta(l, &run, 43, 44);
	lab_run_stage(&run);
	lab_same(l, 44);
	lab_device_sh(l, "! [ -e app/releases/42 ] && ! [ -e app/releases/43 ] && "
	    "[ $(stat -c %%Y app/releases/44/linked) = 1700000044 ] && "
	    "[ $(stat -c %%h app/releases/44/linked) = 1 ]");
	lab_no_staging(l);
	lab_run_close(&run);
	lab_device_close(l);
}

static void
a_chain_may_begin_with_a_full(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_run_open(l, 0, 43, &run);
	lab_run_full(l, &run, 41);
	lab_run_delta(l, &run, 41, 42);
	lab_run_delta(l, &run, 42, 43);
	lab_run_stage(&run);
	lab_same(l, 43);
	lab_device_sh(l, "! [ -e app/releases/41 ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
the_same_tree_may_come_with_a_new_number(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_device_sh(l, "cp -a src/41 src/50");
	lab_install(l, 41);
	lab_run_open(l, 41, 50, &run);
	lab_run_stage(&run);
	lab_same(l, 50);
	lab_run_close(&run);
	lab_device_close(l);
}

static void
allowed_powers_arrive(void **state)
{
	static char word[] = "setuid";
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	l->conf.allow.items[l->conf.allow.n++] = word;
	lab_device_sh(l, "chmod 4755 src/42/bin/tool");
	lab_install(l, 41);
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_stage(&run);
	lab_same(l, 42);
	lab_device_sh(l, "[ -u app/releases/42/bin/tool ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
a_tree_with_persist_paths_is_still_a_source(void **state)
{
	static char turns[] = "lib", venv[] = "turns";
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct err e = ERR_INIT;
	struct run run;

	(void)state;
	l->conf.persist.items[l->conf.persist.n++] = turns;
	l->conf.persist_copy.items[l->conf.persist_copy.n++] = venv;
	lab_run_open(l, 0, 41, &run);
	lab_run_full(l, &run, 41);
	lab_run_stage(&run);
	lab_run_close(&run);
	assert_int_equal(live_switch(&l->dev, 0, 41, &e), 0);
	lab_device_sh(l, "cd app/current && [ -L lib ] && echo mine > lib/one && "
	    "echo venv > turns/mine");
	lab_run_open(l, 41, 43, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_delta(l, &run, 42, 43);
	lab_run_stage(&run);
	lab_same(l, 43);
	lab_device_sh(l, "cd app/releases/43 && [ $(cat lib/one) = mine ] && "
	    "[ $(cat turns/mine) = venv ] && [ $(cat .delta/seed/lib/three) = third ]");
	lab_run_close(&run);
	lab_device_close(l);
}

static void
an_unlisted_tree_gives_what_it_has_by_hash(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	struct run run;

	(void)state;
	lab_install(l, 41);
	lab_device_sh(l, "rm app/current/.delta/record.json; echo own > app/current/own; "
	    "touch -d @1600000000 app/current/lib/one");
	lab_run_open(l, 41, 42, &run);
	record_clear(&run.plan.from_record);
	memset(&run.plan.from_record, 0, sizeof run.plan.from_record);
	lab_run_full(l, &run, 42);
	lab_run_stage(&run);
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
	lab_run_stage(&run);
	lab_run_close(&run);
	if (live_switch(&l->dev, 0, 41, &e) == -1)
		return 3;
	lab_run_open(l, 41, 42, &run);
	lab_run_delta(l, &run, 41, 42);
	lab_run_stage(&run);
	lab_run_close(&run);
	lab_same(l, 42);
	return 0;
}

static void
an_unprivileged_applier_builds_closed_folders(void **state)
{
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
	int status = -1;
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
	struct lab_device *l = lab_sources(SWAP_SYMLINK);
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
	lab_run_stage(&run);
	lab_same(l, 41);
	lab_device_sh(l,
	    "cd app/releases/41 && [ -z \"$(find . -path './.delta/[lpr]*' -prune "
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
		cmocka_unit_test(allowed_powers_arrive),
		cmocka_unit_test(a_tree_with_persist_paths_is_still_a_source),
		cmocka_unit_test(an_unlisted_tree_gives_what_it_has_by_hash),
		cmocka_unit_test(an_unprivileged_applier_builds_closed_folders),
		cmocka_unit_test(another_owner_gets_the_whole_tree),
	};

	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
