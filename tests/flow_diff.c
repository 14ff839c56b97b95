/*
 * flow_diff.c - `mkdelta diff`, `patch` and `inspect` as a person uses them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

/* Two releases with each kind of entry and each kind of change. */
static void
make_trees(struct lab *l)
{
	lab_fill(l, "old/bin/app", 200000, 1);
	lab_fill(l, "old/keep", 5000, 2);
	lab_fill(l, "old/gone", 5000, 3);
	lab_ok(l, "cp -a old new && cd new && rm gone && mv keep kept && "
		  "ln -s ../bin/app link && ln kept hard && mkdir empty && "
		  "chmod 700 empty && "
		  "chmod 4755 bin/app && cp bin/app bin/copy && printf x >> bin/copy && "
		  ": > zero && printf n > \"$(printf 'new\\nline')\"");
	lab_fill(l, "new/fresh", 3000, 4);
}

/* Types, modes, sizes, link targets, contents and hard links are the same. */
static void
must_be_same(struct lab *l, const char *a, const char *b)
{
	lab_ok(l,
	    "for t in %s %s; do (cd $t && find . -printf '%%y %%m %%l %%n %%P\\n' | "
		  "LC_ALL=C sort && find . -type f -exec sha256sum {} + | LC_ALL=C sort) "
		  "> $t.facts; done; cmp %s.facts %s.facts", a, b, a, b);
}

static void
folders_go_there_and_back(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l, "mkdelta diff old new delta && mkdelta patch old delta got");
	must_be_same(l, "new", "got");
	lab_ok(l, "mkdelta diff new old back && mkdelta patch new back was");
	must_be_same(l, "old", "was");
	assert_false(lab_exists(l, ".mkdelta-patch"));
	lab_ok(l, "test \"$(ls -A | grep -c '^\\.mkdelta')\" = 0");
}

static void
single_files_go_there_and_back_with_their_mode(void **state)
{
	struct lab *l = *state;

	lab_fill(l, "a", 100000, 1);
	lab_ok(l, "head -c 60000 a > b && printf middle >> b && tail -c 39000 a >> b && "
		  "chmod 751 b && mkdelta diff a b delta && chmod 600 a && "
		  "mkdelta patch a delta c && cmp b c && "
		  "test \"$(stat -c %%a c)\" = 751");
	lab_ok(l, "test \"$(stat -c %%s delta)\" -lt 1000");
	lab_ok(l,
	    ": > none && mkdelta diff none a up && mkdelta patch none up a2 && cmp a a2");
	lab_ok(l,
	    "mkdelta diff a none down && mkdelta patch a down none2 && cmp none none2");
}

static void
empty_folders_go_there_and_back(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l, "mkdir none && mkdelta diff none old up && mkdelta patch none up got && "
	    "mkdelta diff old none down && mkdelta patch old down none2 && "
	    "mkdelta diff none none same && mkdelta patch none same none3");
	must_be_same(l, "old", "got");
	must_be_same(l, "none", "none2");
	must_be_same(l, "none", "none3");
}

static void
an_equal_pair_costs_less_than_100_bytes(void **state)
{
	struct lab *l = *state;

	lab_fill(l, "t/f", 100000, 1);
	lab_ok(l,
	    "cp -a t u && mkdelta diff t u delta && "
	    "test \"$(stat -c %%s delta)\" -lt 100");
	lab_ok(l, "mkdelta patch t delta v");
	must_be_same(l, "t", "v");
}

static void
a_wrong_old_side_is_refused_before_anything_is_written(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l, "mkdelta diff old new delta");
	lab_expect(l, 4, "mkdelta patch new delta got");
	lab_must_say(l, "made for another old tree");
	assert_false(lab_exists(l, "got"));
	lab_ok(l, "printf x >> old/keep");
	lab_expect(l, 4, "mkdelta patch old delta got");
	assert_false(lab_exists(l, "got"));
	lab_ok(l, "test \"$(ls -A | grep -c '^\\.mkdelta')\" = 0");
}

static void
a_damaged_delta_leaves_nothing(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l, "mkdelta diff old new delta && cp delta good");
	for (long at = -1; at > -1500; at -= 97) {
		lab_ok(l, "cp good delta");
		lab_flip(l, "delta", at);
		lab_expect(l, 4, "mkdelta patch old delta got");
		assert_false(lab_exists(l, "got"));
	}
	/* The header: what does not matter for the result may say what it likes. */
	for (long at = 0; at < 60; at += 3) {
		int status;

		lab_ok(l, "cp good delta");
		lab_flip(l, "delta", at);
		status = lab_run(l, "mkdelta patch old delta got");
		if (status == 0)
			lab_ok(l, "diff -r --no-dereference new got && rm -r got");
		else if (status != 4 && status != 7)
			fail_msg("byte %ld: status %d: %s", at, status, l->err);
		assert_false(lab_exists(l, "got"));
	}
	lab_expect(l, 4, "head -c 300 good > delta; mkdelta patch old delta got");
	lab_expect(l, 4, "mkdelta patch old old/keep got");
	lab_must_say(l, "not a delta");
	lab_ok(l, "test \"$(ls -A | grep -c '^\\.mkdelta')\" = 0");
}

static void
what_stands_there_is_replaced_by_force_only(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "printf one > a && printf two > b && mkdelta diff a b delta && "
		  "printf mine > c && cp delta keep");
	lab_expect(l, 2, "mkdelta diff a b delta");
	lab_expect(l, 2, "mkdelta patch a delta c");
	lab_ok(l, "test \"$(cat c)\" = mine && cmp delta keep");
	lab_ok(l, "mkdelta diff --force a b delta && cmp delta keep && "
		  "mkdelta patch --force a delta c && cmp b c");
	lab_expect(l, 2, "mkdelta diff a . d2");
	lab_expect(l, 1, "mkdelta diff nowhere a d2");
	lab_expect(l, 2, "mkdelta diff a b");
}

static void
threads_and_names_do_not_matter(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l,
	    "mkdelta diff -j1 old new d1 && mkdelta diff -j3 old new d3 && cmp d1 d3 && "
		  "cp -a old x && cp -a new y && mkdelta diff x y d4 && cmp d1 d4");
}

static void
a_temporary_folder_that_is_missing_is_named(void **state)
{
	struct lab *l = *state;

	lab_ok(l, ": > a");
	lab_fill(l, "b", 6 << 20, 1);
	lab_expect(l, 1, "TMPDIR=$PWD/nowhere mkdelta diff a b d");
	lab_must_say(l, "temporary file: ");
	assert_false(lab_exists(l, "d"));
	lab_ok(l, "mkdir there && TMPDIR=$PWD/there mkdelta diff a b d && "
		  "test -z \"$(ls -A there)\" && mkdelta patch a d c && cmp b c");
}

static void
inspect_says_what_it_is(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l, "mkdelta diff old new delta && mkdelta inspect delta");
	lab_must_say(l, "decoder memory");
	lab_must_say(l, "extra");
	lab_ok(l, "mkdelta inspect delta old");
	lab_must_say(l, "bin/copy (bin/app)");
	lab_must_say(l, "new?line");
	lab_ok(l, "mkdelta inspect --json delta old");
	lab_must_say(l, "\"source\": \"bin/app\"");
	lab_expect(l, 4, "mkdelta inspect delta new");
	lab_expect(l, 4, "mkdelta inspect new/fresh");
	lab_ok(l, "mkdelta init repo && mkdelta release repo new && "
		  "mkdelta inspect repo/metadata/1.root.json");
	lab_must_say(l, "root metadata, version 1");
	lab_ok(l, "mkdelta inspect repo/targets/1/*.tree.zst");
	lab_must_say(l, "listing ");
	lab_ok(l, "mkdelta inspect --json repo/metadata/timestamp.json");
	lab_must_say(l, "\"type\": \"timestamp\"");
}

static void
inspect_counts_what_each_rule_predicted(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "mkdelta diff $BIN/delta-host $BIN/delta-apply d && "
		  "mkdelta inspect d $BIN/delta-host > says");
	/* rule, references, moved, right, %, saved, unit, left, unit */
	lab_ok(l, "awk '/^rule /{on = 1; next} NF < 9 {on = 0} on {n++; "
		  "if ($3 > $2 || $4 > 100) exit 1} END {exit n < 2}' says");
	lab_ok(l, "mkdelta inspect --json d $BIN/delta-host");
	lab_must_say(l, "\"saved-bytes\": ");
	lab_must_say(l, "\"name\": \"unwind\"");
	/* Nothing to predict, nothing to say. */
	lab_ok(l, "echo a > a && echo b > b && mkdelta diff a b e && "
		  "! mkdelta inspect e a | grep references");
}

static void
effort_trades_time_for_bytes(void **state)
{
	struct lab *l = *state;

	/* Two programs that share much. */
	lab_ok(l, "cp $(command -v delta-host) a && cp $(command -v mkdelta) b && "
		  "for n in 1 5 9; do mkdelta diff --effort $n a b d$n && "
		  "mkdelta patch a d$n c$n && cmp b c$n; done");
	lab_ok(l, "test $(stat -c %%s d9) -lt $(stat -c %%s d1)");
	lab_ok(l, "test $(stat -c %%s d5) -le $(stat -c %%s d1) && "
		  "test $(stat -c %%s d9) -le $(stat -c %%s d5)");
	/* Text that changes little, where more effort once had the larger delta. */
	lab_ok(l, "mkdir o n && for i in $(seq 40); do seq $i 7 9000 > o/$i; "
		  "sed \"s/4$i/x&/\" o/$i > n/$i; done && for e in 1 5 6 9; do "
		  "mkdelta diff --effort $e o n t$e; done && "
		  "test $(stat -c %%s t5) -le $(stat -c %%s t1) && "
		  "for e in 6 9; do test $(stat -c %%s t$e) -le $(stat -c %%s t5) || "
		  "exit 1; done");
	lab_expect(l, 2, "mkdelta diff --effort 10 a b d10");
	lab_must_say(l, "1 to 9");
	lab_expect(l, 2, "mkdelta diff --effort 0 a b d0");
}

static void
the_same_delta_again_by_any_number_of_threads(void **state)
{
	struct lab *l = *state;

	make_trees(l);
	lab_ok(l, "cp $(command -v delta-host) old/p && "
		  "{ head -c 90000 old/p; echo +; tail -c +90001 old/p; } > new/p && "
		  "seq 90000 > old/text && seq 5 91000 > new/text && gzip -kn9 old/text && "
		  "gzip -kn9 new/text");
	for (int effort = 1; effort <= 9; effort += 4)
		lab_ok(l, "mkdelta diff --effort %d --jobs 1 old new d1 && "
			  "for j in 1 2 8; do mkdelta diff --effort %d --jobs $j old new "
			  "d && cmp d d1 && rm d || exit 1; done; rm d1", effort, effort);
	/* Room for one file after the other, or only for parts of one. */
	lab_ok(l, "for m in 1M 8M; do mkdelta diff --memory $m --jobs 1 old new d1 && "
		  "mkdelta diff --memory $m --jobs 8 old new d && cmp d d1 && "
		  "mkdelta patch old d back && rm -rf back d d1 || exit 1; done");
}

static void
what_it_must_do_without_is_not_used(void **state)
{
	struct lab *l = *state;

	lab_ok(l, "cp $(command -v delta-host) a && cp $(command -v mkdelta) b && "
		  "for n in predict unwind,symbols sparse deflate overrides prune "
		  "substitute; do mkdelta diff --without $n a b d-$n && "
		  "mkdelta patch a d-$n c-$n && cmp b c-$n; done");
	lab_ok(l, "for n in joined hints sources; do mkdelta diff --without $n a b d-$n && "
		  "mkdelta patch a d-$n c-$n && cmp b c-$n; done");
	lab_ok(l, "! mkdelta inspect d-predict a | grep '^rule'");
	lab_ok(l, "mkdelta inspect d-unwind,symbols a | grep '^rule'");
	lab_ok(l, "! mkdelta inspect d-unwind,symbols a | grep -e ^unwind -e ^symbols");
	lab_ok(l, "mkdelta inspect d-sparse | grep ^diff");
	lab_ok(l, "printf x | cat - a > a1 && gzip -n9c a > a.gz && gzip -n9c a1 > b.gz && "
		  "mkdelta diff a.gz b.gz with && mkdelta diff --without deflate a.gz b.gz "
		  "no && test $(stat -c %%s no) -gt $(stat -c %%s with)");
	/* Each seventh line of text changes in the same way. */
	lab_ok(l, "seq 90000 > s && sed 's/7$/9/' s > t && mkdelta diff s t one && "
		  "mkdelta diff --without joined s t two && mkdelta patch s two u && "
		  "cmp t u && test $(stat -c %%s one) -lt $(stat -c %%s two)");
	lab_ok(l, "mkdelta inspect one s");
	lab_must_say(l, "runs+changes");
	lab_ok(l, "mkdelta inspect --json one");
	lab_must_say(l, "\"name\": \"runs+changes\"");
	lab_ok(l, "mkdelta inspect two | grep ^changes");
	lab_expect(l, 2, "mkdelta diff --without sparse,speed a b d");
	lab_must_say(l, "--without speed: one of predict, overrides, deflate, sparse, ");
	lab_expect(l, 2, "mkdelta diff --format bsdiff40 --without sparse a b d");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(folders_go_there_and_back),
		LAB_TEST(single_files_go_there_and_back_with_their_mode),
		LAB_TEST(empty_folders_go_there_and_back),
		LAB_TEST(an_equal_pair_costs_less_than_100_bytes),
		LAB_TEST(a_wrong_old_side_is_refused_before_anything_is_written),
		LAB_TEST(a_damaged_delta_leaves_nothing),
		LAB_TEST(what_stands_there_is_replaced_by_force_only),
		LAB_TEST(threads_and_names_do_not_matter),
		LAB_TEST(a_temporary_folder_that_is_missing_is_named),
		LAB_TEST(inspect_says_what_it_is),
		LAB_TEST(inspect_counts_what_each_rule_predicted),
		LAB_TEST(what_it_must_do_without_is_not_used),
		LAB_TEST(effort_trades_time_for_bytes),
		LAB_TEST(the_same_delta_again_by_any_number_of_threads),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
