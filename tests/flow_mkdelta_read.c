/*
 * What list, show, verify and refresh say of a repository, through the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"
#include "manifest/tuf_write.h"
#include "mkdelta/repo.h"
#include "tests/lab/lab.h"

/* Three releases: each after the first has a delta, the third has two. */
static struct lab *
lab_with_three(void)
{
	struct lab *l = lab_open();

	lab_ok(l, "mkdelta init -q repo --channel stable --channel beta");
	lab_fill(l, "t/bin/app", 100000, 1);
	for (unsigned i = 1; i <= 3; i++) {
		lab_write(l, "t/version", "%u\n", i);
		lab_ok(l, "mkdelta release -q repo t --version 1.%u --notes 'Number %u'",
		    i, i);
	}
	return l;
}

/* The last command's output as d, and what must hold of it. */
static void
json_holds(struct lab *l, const char *command, const char *facts)
{
	lab_run(l, "%s > out.json", command);
	lab_write(l, "facts.py", "import json, os\nd = json.load(open('out.json'))\n%s\n",
	    facts);
	lab_ok(l, "python3 facts.py");
}

static struct repo *
open_repo(const struct lab *l)
{
	struct err e = ERR_INIT;
	char path[512];
	struct repo *r;

	(void)snprintf(path, sizeof path, "%s/repo", l->dir);
	if ((r = repo_open(path, "test", &e)) == NULL)
		fail_msg("%s", e.text);
	return r;
}

static void
sign_and_close(const struct lab *l, struct repo *r)
{
	struct err e = ERR_INIT;
	char path[512];
	struct keys *k;

	(void)snprintf(path, sizeof path, "%s/repo.keys", l->dir);
	assert_non_null(k = keys_open(path, &e));
	if (repo_commit(r, k, utc_now(), false, &e) == -1)
		fail_msg("%s", e.text);
	keys_close(k);
	repo_close(r);
}

static void
list_has_a_line_for_each_release_newest_last(void **state)
{
	struct lab *l = lab_with_three();

	(void)state;
	lab_ok(l, "mkdelta list repo | awk '{ print $1, $2, $3, $4 }' > table");
	lab_write(l, "want", "RELEASE VERSION CHANNEL PLATFORM\n1 1.1 stable any\n"
	    "2 1.2 stable any\n3 1.3 stable any\n");
	lab_ok(l, "cmp table want");
	lab_expect(l, 2, "mkdelta list repo --channel gamma");
	lab_must_say(l, "stable, beta");
	json_holds(l, "mkdelta list repo --json",
	    "x = d['releases'][2]\n"
	    "assert [y['release'] for y in d['releases']] == [1, 2, 3]\n"
	    "assert x['files'] == 2 and x['content_bytes'] == 100002\n"
	    "assert sorted(y['from'] for y in x['deltas']) == [1, 2]\n"
	    "f = [y for y in os.listdir('repo/targets/3') if y.endswith('tar.zst')]\n"
	    "assert x['full_bytes'] == os.path.getsize('repo/targets/3/' + f[0])");
	lab_close(l);
}

static void
show_says_what_a_device_on_each_older_release_downloads(void **state)
{
	struct lab *l = lab_with_three();

	(void)state;
	lab_ok(l, "mkdelta show repo 3");
	lab_must_say(l, "release 3 for any on stable: version 1.3");
	lab_must_say(l, "Number 3");
	lab_must_say(l, "A DEVICE ON");
	lab_must_say(l, "2 > 3");
	json_holds(l, "mkdelta show repo 3 --json",
	    "ways = {w['from']: w for w in d['trees'][0]['ways']}\n"
	    "assert sorted(ways) == [0, 1, 2]\n"
	    "for w in ways.values():\n"
	    "    size = sum(os.path.getsize('repo/' + f) for f in w['files'])\n"
	    "    assert size == w['bytes'], w\n"
	    "assert ways[0]['files'][0].endswith('.tar.zst')\n"
	    "assert ways[2]['files'][0].endswith('.from-2.delta')\n"
	    "assert ways[1]['bytes'] < ways[0]['bytes']");
	lab_ok(l, "mkdelta show repo 1");
	lab_must_say(l, "nothing");
	lab_expect(l, 2, "mkdelta show repo 4");
	lab_expect(l, 2, "mkdelta show repo 0");
	lab_close(l);
}

static void
show_knows_roles_keys_and_which_private_ones_lack(void **state)
{
	struct lab *l = lab_with_three();

	(void)state;
	lab_ok(l, "mkdir -m 700 online && cp repo.keys/online.pem online/");
	lab_ok(l, "mkdelta show repo");
	lab_must_say(l, "stable.any");
	assert_false(lab_said(l, "more private key"));
	lab_ok(l, "mkdelta show repo targets --keys online");
	lab_must_say(l, "1 more private key needed");
	lab_ok(l, "mkdelta show repo snapshot --keys online");
	assert_false(lab_said(l, "more private key"));
	json_holds(l, "mkdelta show repo roles --json --keys online",
	    "here = {r['role']: r['keys_here'] for r in d['roles']}\n"
	    "assert here['timestamp'] == here['snapshot'] == 1\n"
	    "assert here['root'] == here['stable'] == 0\n"
	    "assert len(d['roles'][0]['keys']) == 2");
	json_holds(l, "mkdelta show repo keys --json --keys online",
	    "here = [k for k in d['keys'].values() if k['here']]\n"
	    "assert len(d['keys']) == 6 and len(here) == 1\n"
	    "assert here[0]['roles'] == ['timestamp', 'snapshot']");
	lab_ok(l, "rm -r repo.keys && mkdelta show repo root");
	lab_must_say(l, "1 of 2 keys");
	lab_expect(l, 2, "mkdelta show repo nobody");
	lab_must_say(l, "neither a release nor a role");
	lab_close(l);
}

static void
verify_finds_all_good_and_changes_nothing(void **state)
{
	struct lab *l = lab_with_three();

	(void)state;
	lab_ok(l, "find repo -printf '%%p %%T@ %%s\\n' | sort > before");
	lab_ok(l, "mkdelta verify repo --jobs 1");
	lab_must_say(l, "3 fulls and 3 deltas applied: all good");
	lab_ok(l, "find repo -printf '%%p %%T@ %%s\\n' | sort | cmp - before");
	json_holds(l, "mkdelta verify repo --json",
	    "assert d['faults'] == d['unproved'] == d['ignored'] == 0\n"
	    "assert d['messages'] == [] and d['leftovers'] == []");
	lab_close(l);
}

static void
verify_goes_on_after_a_fault_and_lists_all(void **state)
{
	struct lab *l = lab_with_three();

	(void)state;
	lab_ok(l, "rm repo/targets/3/*.from-1.delta");
	lab_ok(l, "printf X | dd of=$(ls repo/targets/2/*.tar.zst) bs=1 seek=9 "
	    "conv=notrunc status=none");
	lab_expect(l, 4, "mkdelta verify repo");
	lab_must_say(l, ".any.from-1.delta");
	lab_must_say(l, "targets/2/");
	lab_must_say(l, "2 faults");
	/* Not tried: the full of 2, from 2 to 3, from 1 to 3. */
	json_holds(l, "mkdelta verify repo --json",
	    "assert d['faults'] == len(d['messages']) == 2\n"
	    "assert d['unproved'] == 3 and d['fulls'] == 2 and d['deltas'] == 1");
	lab_close(l);
}

static void
metadata_edited_by_hand_is_named(void **state)
{
	static const char *const files[] = { "timestamp.json", "4.snapshot.json",
		"1.targets.json", "3.stable.any.json", "1.root.json" };
	struct lab *l = lab_with_three();

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		lab_ok(l, "cp -p repo/metadata/%s saved", files[i]);
		lab_ok(l, "sed -i 's/\"expires\":\"2/\"expires\":\"3/' repo/metadata/%s",
		    files[i]);
		lab_expect(l, 4, "mkdelta verify repo");
		lab_must_say(l, files[i]);
		lab_expect(l, 4, "mkdelta refresh repo");
		lab_ok(l, "cp -p saved repo/metadata/%s", files[i]);
	}
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

static void
a_signed_delta_that_builds_another_tree_is_found(void **state)
{
	struct lab *l = lab_with_three();
	struct repo *r = open_repo(l);
	struct repo_role *role = repo_role(r, "stable.any");
	const struct edge *wrong = NULL, *right = NULL;
	struct err e = ERR_INIT;
	char from[REPO_FILE_MAX], to[REPO_FILE_MAX];
	struct object moved;
	struct catalog c;

	(void)state;
	assert_int_equal(catalog_read(role->part, "any", &c, &e), 0);
	for (size_t i = 0; i < c.n_edges; i++) {
		if (c.edges[i].release == 2 && !c.edges[i].is_full)
			wrong = &c.edges[i];
		if (c.edges[i].release == 3 && c.edges[i].from_release == 2)
			right = &c.edges[i];
	}
	assert_true(wrong != NULL && right != NULL);
	/* What leads from 1 to 2 is signed as the way from 2 to 3. */
	moved = wrong->object;
	(void)snprintf(moved.path, sizeof moved.path, "%s", right->object.path);
	(void)repo_object_file(&wrong->object, from);
	(void)repo_object_file(&moved, to);
	assert_int_equal(tuf_set_target(role->part, moved.path, moved.bytes,
			     &moved.sha256, edge_to_json(right, &e), &e),
	    0);
	role->changed = true;
	catalog_clear(&c);
	sign_and_close(l, r);
	lab_ok(l, "cp repo/%s repo/%s", from, to);
	lab_expect(l, 4, "mkdelta verify repo");
	lab_must_say(l, "3/any.from-2.delta");
	lab_must_say(l, "1 fault\n");
	lab_must_say(l, "nothing that is signed names it");	/* the right one */
	lab_close(l);
}

static void
a_record_that_claims_other_numbers_is_found(void **state)
{
	struct lab *l = lab_with_three();
	struct repo *r = open_repo(l);
	struct repo_role *role = repo_role(r, "stable.any");
	struct err e = ERR_INIT;
	struct catalog c;

	(void)state;
	assert_int_equal(catalog_read(role->part, "any", &c, &e), 0);
	c.records[1].files++;
	assert_int_equal(tuf_set_target(role->part, c.records[1].object.path,
	    c.records[1].object.bytes, &c.records[1].object.sha256,
	    record_to_json(&c.records[1], &e), &e), 0);
	role->changed = true;
	catalog_clear(&c);
	sign_and_close(l, r);
	lab_expect(l, 4, "mkdelta verify repo");
	lab_must_say(l, "2/any.tree.zst");
	lab_must_say(l, "other numbers were signed");
	lab_close(l);
}

static void
one_path_with_two_hashes_is_refused(void **state)
{
	struct lab *l = lab_with_three();
	struct repo *r = open_repo(l);
	struct err e = ERR_INIT;
	struct repo_role *role = repo_platform_role(r, "beta", "any", &e);
	struct sha256 other;

	(void)state;
	assert_non_null(role);
	assert_int_equal(sha256_of("x", 1, &other, &e), 0);
	assert_int_equal(tuf_set_target(role->part, "1/any.tar.zst", 1, &other, NULL, &e),
	    0);
	sign_and_close(l, r);
	lab_expect(l, 4, "mkdelta verify repo");
	lab_must_say(l, "1/any.tar.zst: roles");
	lab_must_say(l, "different hashes");
	lab_close(l);
}

static void
leftovers_are_named_and_harm_nobody(void **state)
{
	struct lab *l = lab_with_three();

	(void)state;
	lab_write(l, "repo/targets/3/0123.any.tar.zst", "12345");
	lab_write(l, "repo/metadata/99.stable.json", "{}");
	lab_ok(l, "mkdelta verify repo");
	lab_must_say(l, "targets/3/0123.any.tar.zst: nothing that is signed names it");
	lab_must_say(l, "metadata/99.stable.json");
	lab_must_say(l, "2 leftover files, 7 B");
	json_holds(l, "mkdelta verify repo --json",
	    "assert d['leftovers'] == ['metadata/99.stable.json', "
	    "'targets/3/0123.any.tar.zst']");
	lab_close(l);
}

static void
what_runs_out_is_said_and_refresh_signs_what_it_can(void **state)
{
	struct lab *l = lab_open();

	(void)state;
	lab_ok(l, "mkdelta init -q repo --expires online=7 --expires targets=8");
	if (lab_run(l, "faketime -f +1d mkdelta --version") != 0) {
		lab_close(l);
		skip();		/* it cannot be loaded into this build */
	}
	lab_ok(l, "faketime -f +4d mkdelta list repo");
	lab_expect(l, 9, "faketime -f +5d mkdelta list repo");
	lab_must_say(l, "timestamp expires in");
	assert_false(lab_said(l, "targets expires"));
	lab_ok(l, "mkdir -m 700 online && cp repo.keys/online.pem online/");
	lab_ok(l, "CI=true faketime -f +6d mkdelta refresh repo --keys online");
	lab_must_say(l, "timestamp 2, snapshot 2");
	lab_must_say(l, "targets expires in");
	assert_false(lab_said(l, "timestamp expires"));
	lab_expect(l, 9, "faketime -f +9d mkdelta verify repo");
	lab_must_say(l, "targets expired");
	lab_expect(l, 5, "CI=true faketime -f +6d mkdelta refresh repo");
	lab_must_say(l, "private root key");
	lab_close(l);
}

/* Said where keys are the matter, not by every look at the repository. */
static void
root_keys_are_spoken_of_by_init_and_show_alone(void **state)
{
	struct lab *l = lab_open();

	(void)state;
	lab_ok(l, "mkdelta init repo");
	lab_must_say(l, "root-*.pem to a safe place");
	lab_ok(l, "mkdelta list repo");
	assert_false(lab_said(l, "root key"));
	lab_ok(l, "mkdelta verify repo");
	assert_false(lab_said(l, "root key"));
	lab_ok(l, "mkdelta show repo");
	lab_must_say(l, "private root key");
	lab_ok(l, "mkdelta show repo stable");
	assert_false(lab_said(l, "private root key"));
	lab_ok(l, "mkdir safe; mv repo.keys/root-*.pem safe/; mkdelta show repo");
	assert_false(lab_said(l, "private root key"));
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_keys_are_spoken_of_by_init_and_show_alone),
		cmocka_unit_test(list_has_a_line_for_each_release_newest_last),
		cmocka_unit_test(show_says_what_a_device_on_each_older_release_downloads),
		cmocka_unit_test(show_knows_roles_keys_and_which_private_ones_lack),
		cmocka_unit_test(verify_finds_all_good_and_changes_nothing),
		cmocka_unit_test(verify_goes_on_after_a_fault_and_lists_all),
		cmocka_unit_test(metadata_edited_by_hand_is_named),
		cmocka_unit_test(a_signed_delta_that_builds_another_tree_is_found),
		cmocka_unit_test(a_record_that_claims_other_numbers_is_found),
		cmocka_unit_test(one_path_with_two_hashes_is_refused),
		cmocka_unit_test(leftovers_are_named_and_harm_nobody),
		cmocka_unit_test(what_runs_out_is_said_and_refresh_signs_what_it_can),
	};

	return cmocka_run_group_tests_name("flow_mkdelta_read", tests, NULL, NULL);
}
