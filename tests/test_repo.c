#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/utc.h"
#include "mkdelta/expiry.h"
#include "mkdelta/repo.h"
#include "tests/lab/lab.h"

static const char *
path_of(const struct lab *l, const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof path[turn], "%s/%s", l->dir, name);
	return path[turn];
}

static struct lab *
lab_with_repo(void)
{
	struct lab *l = lab_open();

	lab_ok(l, "mkdelta init -q repo");
	return l;
}

static struct repo *
open_repo(const struct lab *l, const char *command)
{
	struct err e = ERR_INIT;
	struct repo *r = repo_open(path_of(l, "repo"), command, &e);

	if (r == NULL)
		fail_msg("%s", e.text);
	return r;
}

/* Sign these roles again; -1 and *e when that is refused. */
static int
commit(const struct lab *l, const char *role, int64_t now, bool force, struct err *e)
{
	struct repo *r = open_repo(l, "test");
	struct keys *k = keys_open(path_of(l, "repo.keys"), e);
	int rc;

	assert_non_null(k);
	if (role != NULL)
		repo_role(r, role)->changed = true;
	rc = repo_commit(r, k, now, force, e);
	keys_close(k);
	repo_close(r);
	return rc;
}

static uint64_t
version_of(const struct lab *l, const char *role)
{
	struct repo *r = open_repo(l, NULL);
	uint64_t v = repo_role(r, role)->version;

	repo_close(r);
	return v;
}

static void
a_new_repository_has_all_roles(void **state)
{
	static const char *const roles[] = { "root", "timestamp", "snapshot", "targets",
		"stable" };
	struct lab *l = lab_with_repo();
	struct repo *r = open_repo(l, NULL);
	size_t n = 0;

	(void)state;
	for (struct repo_role *role = r->roles; role != NULL; role = role->next)
		assert_string_equal(role->name, roles[n++]);
	assert_int_equal(n, 5);
	assert_int_equal(strlen(r->product), 32);
	assert_ptr_equal(repo_next_channel(r, NULL), repo_role(r, "stable"));
	assert_null(repo_next_platform(r, "stable", NULL));
	repo_close(r);
	lab_close(l);
}

static void
a_commit_signs_only_what_changed(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(commit(l, "snapshot", utc_now(), false, &e), 0);
	assert_true(version_of(l, "snapshot") == 2 && version_of(l, "timestamp") == 2);
	assert_true(version_of(l, "stable") == 1 && version_of(l, "targets") == 1);
	assert_int_equal(commit(l, "stable", utc_now(), false, &e), 0);
	assert_true(version_of(l, "stable") == 2 && version_of(l, "targets") == 1);
	assert_true(version_of(l, "snapshot") == 3 && version_of(l, "timestamp") == 3);
	lab_close(l);
}

static void
a_commit_of_nothing_writes_nothing(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	lab_ok(l, "ls -l --time-style=full-iso repo/metadata > before");
	assert_int_equal(commit(l, NULL, utc_now(), false, &e), 0);
	lab_ok(l, "ls -l --time-style=full-iso repo/metadata | diff before -");
	lab_close(l);
}

static void
killed_before_the_timestamp_the_old_state_holds(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	lab_ok(l, "cp -p repo/metadata/timestamp.json old");
	assert_int_equal(commit(l, "stable", utc_now(), false, &e), 0);
	lab_ok(l, "cp -p old repo/metadata/timestamp.json");
	assert_true(version_of(l, "stable") == 1 && version_of(l, "snapshot") == 1);
	/* The names that were written once are not written again. */
	lab_ok(l, "sha256sum repo/metadata/2.* > before");
	assert_int_equal(commit(l, "stable", utc_now(), false, &e), 0);
	assert_true(version_of(l, "stable") == 3 && version_of(l, "snapshot") == 3);
	lab_ok(l, "sha256sum -c --quiet before");
	lab_close(l);
}

static void
scraps_of_a_killed_run_go_with_the_next(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	lab_write(l, "repo/metadata/.tmp.0123456789abcdef", "half");
	lab_write(l, "repo/.work/any.full", "half");
	lab_write(l, "repo/.work/tree-any-1/deep/file", "half");
	lab_write(l, "repo/metadata/7.stable.json", "half");
	assert_int_equal(commit(l, "stable", utc_now(), false, &e), 0);
	assert_false(lab_exists(l, "repo/metadata/.tmp.0123456789abcdef"));
	assert_false(lab_exists(l, "repo/.work"));
	assert_true(version_of(l, "stable") == 8);
	lab_close(l);
}

static void
every_file_that_was_edited_is_named(void **state)
{
	static const char *const files[] = { "1.root.json", "timestamp.json",
		"1.snapshot.json", "1.targets.json", "1.stable.json" };
	struct lab *l = lab_with_repo();

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct err e = ERR_INIT;
		char file[64];

		(void)snprintf(file, sizeof file, "metadata/%s", files[i]);
		lab_ok(l, "cp -a repo edited && sed -i "
		    "'s/\"expires\":\"20/\"expires\":\"21/' edited/%s && ! cmp -s "
		    "repo/%s edited/%s", file, file, file);
		assert_null(repo_open(path_of(l, "edited"), NULL, &e));
		if (strstr(e.text, file) == NULL)
			fail_msg("%s: %s", file, e.text);
		assert_true(e.code == ERR_TRUST || e.code == ERR_FORMAT);
		lab_ok(l, "rm -r edited");
	}
	lab_close(l);
}

static void
every_file_that_is_missing_is_named(void **state)
{
	static const char *const files[] = { "timestamp.json", "1.snapshot.json",
		"1.targets.json", "1.stable.json" };
	struct lab *l = lab_with_repo();

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct err e = ERR_INIT;

		lab_ok(l, "cp -a repo less && rm less/metadata/%s", files[i]);
		assert_null(repo_open(path_of(l, "less"), NULL, &e));
		assert_non_null(strstr(e.text, files[i]));
		lab_ok(l, "rm -r less");
	}
	lab_close(l);
}

static void
metadata_of_a_repository_with_the_same_keys_is_refused(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	lab_ok(l, "mkdelta init -q other --keys repo.keys --share-keys");
	lab_ok(l, "cp other/metadata/timestamp.json repo/metadata/");
	assert_null(repo_open(path_of(l, "repo"), NULL, &e));
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "another repository"));
	lab_close(l);
}

static void
a_clock_far_behind_the_last_signature_is_refused(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(commit(l, "snapshot", utc_now() - 7200, false, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "clock"));
	assert_true(version_of(l, "snapshot") == 1);
	assert_int_equal(commit(l, "snapshot", utc_now() - 7200, true, &e), 0);
	assert_true(version_of(l, "snapshot") == 2);
	lab_close(l);
}

static void
what_is_signed_never_goes_back_in_time(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;
	struct repo *r = open_repo(l, NULL);
	int64_t before = repo_role(r, "timestamp")->signed_at;

	(void)state;
	repo_close(r);
	assert_int_equal(commit(l, "snapshot", before - 600, false, &e), 0);
	r = open_repo(l, NULL);
	assert_true(repo_role(r, "timestamp")->signed_at >= before);
	repo_close(r);
	lab_close(l);
}

static void
a_role_keeps_its_period(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct repo *r;

	(void)state;
	lab_ok(l, "mkdelta init -q repo --expires timestamp=3 --expires snapshot=30");
	assert_int_equal(commit(l, "snapshot", utc_now() + 5000, false, &e), 0);
	r = open_repo(l, NULL);
	assert_true(repo_role(r, "timestamp")->expires -
	    repo_role(r, "timestamp")->signed_at == 3 * 86400);
	assert_true(repo_role(r, "snapshot")->expires -
	    repo_role(r, "snapshot")->signed_at == 30 * 86400);
	repo_close(r);
	lab_close(l);
}

static void
a_missing_key_is_said_before_anything_is_written(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;

	(void)state;
	lab_ok(l, "rm repo.keys/channel-stable.pem");
	assert_int_equal(commit(l, "stable", utc_now(), false, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "role stable"));
	assert_false(lab_exists(l, "repo/metadata/2.stable.json"));
	assert_true(version_of(l, "snapshot") == 1);
	lab_close(l);
}

static void
only_one_may_hold_the_lock(void **state)
{
	struct lab *l = lab_with_repo();
	struct repo *r = open_repo(l, "release");
	struct err e = ERR_INIT;

	(void)state;
	assert_null(repo_open(path_of(l, "repo"), "refresh", &e));
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(e.text, "mkdelta release"));
	repo_close(open_repo(l, NULL));		/* readers do not wait */
	repo_close(r);
	repo_close(open_repo(l, "refresh"));
	lab_close(l);
}

static void
a_platform_gets_its_role_by_the_channel_key_alone(void **state)
{
	struct lab *l = lab_with_repo();
	struct err e = ERR_INIT;
	struct repo *r;
	struct keys *k;

	(void)state;
	lab_ok(l, "mkdir safe && mv repo.keys/root-*.pem repo.keys/targets.pem safe/");
	r = open_repo(l, "test");
	assert_non_null(k = keys_open(path_of(l, "repo.keys"), &e));
	assert_non_null(repo_platform_role(r, "stable", "linux-arm64", &e));
	assert_int_equal(repo_commit(r, k, utc_now(), false, &e), 0);
	keys_close(k);
	repo_close(r);
	r = open_repo(l, NULL);
	assert_non_null(repo_role(r, "stable.linux-arm64"));
	assert_string_equal(repo_platform_name(repo_next_platform(r, "stable", NULL)),
	    "linux-arm64");
	assert_true(repo_role(r, "targets")->version == 1);
	repo_close(r);
	lab_close(l);
}

static void
less_than_a_third_of_a_period_is_soon(void **state)
{
	(void)state;
	assert_int_equal(expiry_state(0, 300, 0), EXPIRY_FINE);
	assert_int_equal(expiry_state(0, 300, 200), EXPIRY_FINE);
	assert_int_equal(expiry_state(0, 300, 201), EXPIRY_SOON);
	assert_int_equal(expiry_state(0, 300, 299), EXPIRY_SOON);
	assert_int_equal(expiry_state(0, 300, 300), EXPIRY_OVER);
}

/* Sign a role with a period of so many seconds. */
static void
age(const struct lab *l, const char *name, int64_t seconds)
{
	struct err e = ERR_INIT;
	struct repo *r = open_repo(l, "test");
	struct keys *k = keys_open(path_of(l, "repo.keys"), &e);
	struct repo_role *role = repo_role(r, name);

	assert_non_null(k);
	role->expires = role->signed_at + seconds;
	role->changed = true;
	assert_int_equal(repo_commit(r, k, utc_now(), false, &e), 0);
	keys_close(k);
	repo_close(r);
}

static void
list_and_verify_end_with_9_when_metadata_runs_out(void **state)
{
	struct lab *l = lab_with_repo();

	(void)state;
	lab_ok(l, "mkdelta list repo");
	age(l, "timestamp", 2);
	(void)usleep(2100000);
	lab_expect(l, 9, "mkdelta list repo");
	lab_must_say(l, "timestamp expired");
	lab_must_say(l, "mkdelta refresh");
	lab_expect(l, 9, "mkdelta verify repo");
	age(l, "timestamp", 86400);
	lab_ok(l, "mkdelta list repo");
	lab_close(l);
}

static void
a_release_renews_its_channel_in_time(void **state)
{
	struct lab *l = lab_with_repo();
	uint64_t before;

	(void)state;
	lab_write(l, "t/a", "1");
	lab_ok(l, "mkdelta release repo t");
	before = version_of(l, "stable");
	lab_ok(l, "echo 2 > t/a && mkdelta release repo t");
	assert_true(version_of(l, "stable") == before);	/* it was fresh */
	age(l, "stable", 2);
	before = version_of(l, "stable");
	(void)usleep(2100000);
	lab_expect(l, 9, "mkdelta list repo");
	lab_must_say(l, "mkdelta refresh --role stable");
	lab_ok(l, "echo 3 > t/a && mkdelta release repo t");
	assert_true(version_of(l, "stable") == before + 1);
	lab_close(l);
}

static void
refresh_signs_more_roles_when_asked(void **state)
{
	struct lab *l = lab_with_repo();

	(void)state;
	lab_write(l, "t/a", "1");
	lab_ok(l, "mkdelta release repo t");
	lab_ok(l, "mkdelta refresh repo --role stable --role targets --role root");
	assert_true(version_of(l, "stable") == 3 && version_of(l, "stable.any") == 2);
	assert_true(version_of(l, "targets") == 2 && version_of(l, "root") == 2);
	lab_expect(l, 2, "mkdelta refresh repo --role beta");
	lab_ok(l, "mkdelta verify repo");
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_repository_has_all_roles),
		cmocka_unit_test(a_commit_signs_only_what_changed),
		cmocka_unit_test(a_commit_of_nothing_writes_nothing),
		cmocka_unit_test(killed_before_the_timestamp_the_old_state_holds),
		cmocka_unit_test(scraps_of_a_killed_run_go_with_the_next),
		cmocka_unit_test(every_file_that_was_edited_is_named),
		cmocka_unit_test(every_file_that_is_missing_is_named),
		cmocka_unit_test(metadata_of_a_repository_with_the_same_keys_is_refused),
		cmocka_unit_test(a_clock_far_behind_the_last_signature_is_refused),
		cmocka_unit_test(what_is_signed_never_goes_back_in_time),
		cmocka_unit_test(a_role_keeps_its_period),
		cmocka_unit_test(a_missing_key_is_said_before_anything_is_written),
		cmocka_unit_test(only_one_may_hold_the_lock),
		cmocka_unit_test(a_platform_gets_its_role_by_the_channel_key_alone),
		cmocka_unit_test(less_than_a_third_of_a_period_is_soon),
		cmocka_unit_test(a_release_renews_its_channel_in_time),
		cmocka_unit_test(refresh_signs_more_roles_when_asked),
		cmocka_unit_test(list_and_verify_end_with_9_when_metadata_runs_out),
	};

	return cmocka_run_group_tests_name("repo", tests, NULL, NULL);
}
