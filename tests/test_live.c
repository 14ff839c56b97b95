#include <fcntl.h>
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
#include "manifest/base/fs_change.h"

#include "tests/lab/device.h"

/* A release of one file, at `path`, with its record. */
static void
put_release(struct lab_device *l, const char *path, unsigned release)
{
	lab_device_sh(l, "mkdir -p '%s' && echo %u > '%s/number'", path, release, path);
	lab_device_sign(l, path, release);
}

static struct lab_device *
two_releases(enum swap_mode swap, const char *below)
{
	struct lab_device *l = lab_device_open(swap, below);
	const char *base = swap == SWAP_SYMLINK ? "app" : ".app.delta";
	char path[64];

	for (unsigned n = 41; n <= 42; n++) {
		(void)snprintf(path, sizeof path, "%s/releases/%u", base, n);
		put_release(l, path, n);
	}
	return l;
}

static uint64_t
runs(const struct lab_device *l)
{
	struct err why = ERR_INIT;
	struct live live;

	switch (live_read(&l->dev, &live, &why)) {
	case LIVE_NONE:
		return 0;
	case LIVE_RELEASE:
		return live.release;
	case LIVE_STUCK:
		break;
	}
	fail_msg("stuck: %s", why.text);
	return 0;
}

static void
switch_to(struct lab_device *l, uint64_t from, uint64_t to)
{
	struct err e = ERR_INIT;

	if (live_switch(&l->dev, from, to, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(runs(l), to);
}

static void
must_be_stuck(struct lab_device *l, const char *says)
{
	struct err why = ERR_INIT;
	struct live live;

	assert_int_equal(live_read(&l->dev, &live, &why), LIVE_STUCK);
	assert_int_equal(why.code, ERR_POLICY);
	if (strstr(why.text, says) == NULL)
		fail_msg("says \"%s\", not \"%s\"", why.text, says);
}

static void
link_mode_installs_switches_and_goes_back(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);

	(void)state;
	assert_int_equal(runs(l), 0);
	switch_to(l, 0, 41);
	lab_device_sh(l, "[ \"$(readlink app/current)\" = releases/41 ]");
	switch_to(l, 41, 42);
	switch_to(l, 41, 42);	/* looks first */
	lab_device_sh(l, "[ \"$(cat app/current/number)\" = 42 ]");
	switch_to(l, 42, 41);
	lab_device_close(l);
}

static void
live_tells_version_and_listing(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);
	struct err e = ERR_INIT;
	struct listing *listing;
	struct record rec;
	struct live live;

	(void)state;
	switch_to(l, 0, 41);
	assert_int_equal(live_read(&l->dev, &live, &e), LIVE_RELEASE);
	lab_device_sh(l, "mkdir copy && cp -a app/releases/41/number copy/");
	listing = lab_device_record(l, "copy", 41, &rec);
	assert_true(live.has_record);
	assert_string_equal(live.version, "v41");
	assert_true(sha256_equal(&live.listing, &rec.listing));
	listing_free(listing);
	record_clear(&rec);
	lab_device_close(l);
}

static void
a_prepared_link_is_used_up(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);
	struct err e = ERR_INIT;

	(void)state;
	switch_to(l, 0, 41);
	assert_int_equal(live_prepare(&l->dev, 42, &e), 0);
	assert_int_equal(live_prepare(&l->dev, 42, &e), 0);
	assert_int_equal(live_prepare(&l->dev, 41, &e), 0);
	lab_device_sh(l, "[ \"$(readlink app/.link-42)\" = releases/42 ]");
	switch_to(l, 41, 42);
	lab_device_sh(l, "! [ -L app/.link-42 ] && [ -L app/.link-41 ]");
	assert_int_equal(live_unprepare(&l->dev, &e), 0);
	lab_device_sh(l, "! [ -L app/.link-41 ] && [ -L app/current ]");
	lab_device_close(l);
}

static void
a_wrong_prepared_link_is_not_used(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);

	(void)state;
	switch_to(l, 0, 41);
	lab_device_sh(l, "ln -s /etc app/.link-42");
	switch_to(l, 41, 42);
	lab_device_close(l);
}

static void
what_runs_must_be_what_was_expected(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(live_switch(&l->dev, 41, 42, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	switch_to(l, 0, 41);
	assert_int_equal(live_switch(&l->dev, 40, 42, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_int_equal(live_switch(&l->dev, 41, 43, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_int_equal(runs(l), 41);
	lab_device_close(l);
}

static void
odd_currents_are_stuck_and_left_alone(void **state)
{
	static const struct {
		const char *make, *says;
	} cases[] = {
		{ "ln -s releases/43 app/current", "not there" },
		{ "ln -s /usr app/current", "not into releases/" },
		{ "ln -s ../app/releases/41 app/current", "not into releases/" },
		{ "ln -s releases/041 app/current", "not into releases/" },
		{ "ln -s releases/41/ app/current", "not into releases/" },
		{ "ln -s releases app/current", "not into releases/" },
		{ "mkdir app/current", "is a folder" },
		{ "echo > app/current", "is a file" },
		{ "echo > app/releases/44 && ln -s releases/44 app/current", "44" },
	};
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		lab_device_sh(l, "%s; ls -ld app/current > before", cases[i].make);
		must_be_stuck(l, cases[i].says);
		assert_int_equal(live_switch(&l->dev, 41, 42, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		lab_device_sh(l, "ls -ld app/current | cmp - before; rm -rf app/current");
	}
	lab_device_close(l);
}

static void
the_absolute_path_of_a_release_is_understood(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);

	(void)state;
	lab_device_sh(l, "ln -s \"$PWD/app/releases/41\" app/current");
	assert_int_equal(runs(l), 41);
	lab_device_close(l);
}

static void
a_release_without_record_still_runs(void **state)
{
	static const char *const spoil[] = { "rm app/releases/41/.delta/record.json",
		"echo '{' > app/releases/41/.delta/record.json",
		"cp app/releases/42/.delta/record.json app/releases/41/.delta/",
		"rm -r app/releases/41/.delta" };
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);
	struct err e = ERR_INIT;
	struct live live;

	(void)state;
	switch_to(l, 0, 41);
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		lab_device_sh(l, "%s", spoil[i]);
		assert_int_equal(live_read(&l->dev, &live, &e), LIVE_RELEASE);
		assert_int_equal(live.release, 41);
		assert_false(live.has_record);
	}
	lab_device_close(l);
}

static void
nothing_lives_after_remove(void **state)
{
	enum swap_mode modes[] = { SWAP_SYMLINK, SWAP_EXCHANGE };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab_device *l = two_releases(modes[i], NULL);
		struct err e = ERR_INIT;

		switch_to(l, 0, 41);
		assert_int_equal(live_remove(&l->dev, 42, &e), -1);
		assert_int_equal(live_remove(&l->dev, 41, &e), 0);
		assert_int_equal(runs(l), 0);
		assert_int_equal(live_remove(&l->dev, 41, &e), 0);
		switch_to(l, 0, 41);
		lab_device_close(l);
	}
}

static void
exchange_mode_on(const char *below)
{
	struct lab_device *l = two_releases(SWAP_EXCHANGE, below);
	struct err e = ERR_INIT;
	int tree;

	assert_int_equal(live_try(&l->dev, &e), 0);
	assert_int_equal(runs(l), 0);
	switch_to(l, 0, 41);
	lab_device_sh(l, "[ $(cat app/number) = 41 ] && ! [ -e .app.delta/releases/41 ]");
	switch_to(l, 41, 42);
	switch_to(l, 41, 42);
	lab_device_sh(l, "[ $(cat app/number) = 42 ] && "
	    "[ $(cat .app.delta/releases/41/number) = 41 ] && "
	    "! [ -e .app.delta/releases/42 ]");
	tree = live_open_tree(&l->dev, 42, &e);
	assert_true(tree != -1 && faccessat(tree, "number", F_OK, 0) == 0);
	(void)close(tree);
	switch_to(l, 42, 41);
	lab_device_sh(l,
	    "[ $(cat app/number) = 41 ] && "
	    "[ $(cat .app.delta/releases/42/number) = 42 ] && [ -d app ] && "
	    "! [ -L app ]");
	lab_device_close(l);
}

static void
exchange_mode_installs_switches_and_goes_back(void **state)
{
	(void)state;
	exchange_mode_on(NULL);
	if (access("/dev/shm", W_OK) == 0)
		exchange_mode_on("/dev/shm");	/* tmpfs */
}

static void
an_empty_folder_is_taken_over(void **state)
{
	struct lab_device *l = two_releases(SWAP_EXCHANGE, NULL);

	(void)state;
	lab_device_sh(l, "mkdir app");
	assert_int_equal(runs(l), 0);
	switch_to(l, 0, 41);
	lab_device_sh(l, "[ $(cat app/number) = 41 ] && ! [ -e .app.delta/releases/41 ]");
	lab_device_close(l);
}

/* The crash between exchange and rename: live 42, releases/42 holds 41. */
static struct lab_device *
half_exchanged(void)
{
	struct lab_device *l = two_releases(SWAP_EXCHANGE, NULL);
	struct err e = ERR_INIT;

	switch_to(l, 0, 41);
	assert_int_equal(fs_exchange(l->dev.releases, "42", l->dev.parent, "app", &e), 0);
	assert_int_equal(runs(l), 42);
	return l;
}

static void
a_half_exchange_is_finished_and_never_undone(void **state)
{
	struct lab_device *l = half_exchanged();

	(void)state;
	switch_to(l, 41, 42);
	lab_device_sh(l, "[ $(cat app/number) = 42 ] && "
	    "[ $(cat .app.delta/releases/41/number) = 41 ] && "
	    "! [ -e .app.delta/releases/42 ]");
	lab_device_close(l);
}

static void
a_half_exchange_can_be_rolled_back(void **state)
{
	struct lab_device *l = half_exchanged();
	struct err e = ERR_INIT;
	int tree = live_open_tree(&l->dev, 41, &e);

	(void)state;
	assert_true(tree != -1);	/* the old release's hooks are found */
	(void)close(tree);
	switch_to(l, 42, 41);
	lab_device_sh(l, "[ $(cat app/number) = 41 ] && "
	    "[ $(cat .app.delta/releases/42/number) = 42 ] && "
	    "! [ -e .app.delta/releases/41 ]");
	lab_device_close(l);
}

static void
odd_live_trees_are_stuck(void **state)
{
	static const struct {
		const char *make, *says;
	} cases[] = {
		{ "mkdir app && echo > app/mine", "no readable record" },
		{ "ln -s .app.delta/releases/41 app", "is a link" },
		{ "echo > app", "is a file" },
	};
	struct lab_device *l = two_releases(SWAP_EXCHANGE, NULL);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		lab_device_sh(l, "%s", cases[i].make);
		must_be_stuck(l, cases[i].says);
		assert_int_equal(live_switch(&l->dev, 0, 42, &e), -1);
		lab_device_sh(l, "[ -e app ] && rm -rf app");
	}
	lab_device_close(l);
}

static void
another_releases_tree_is_not_switched_to(void **state)
{
	struct lab_device *l = two_releases(SWAP_EXCHANGE, NULL);
	struct err e = ERR_INIT;

	(void)state;
	switch_to(l, 0, 41);
	lab_device_sh(l, "mv .app.delta/releases/42 .app.delta/releases/43");
	assert_int_equal(live_switch(&l->dev, 41, 43, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_int_equal(runs(l), 41);
	lab_device_close(l);
}

static void
a_mount_point_cannot_be_exchanged(void **state)
{
	struct lab_device *l = two_releases(SWAP_EXCHANGE, NULL);
	struct err e = ERR_INIT;
	char command[800];

	(void)state;
	switch_to(l, 0, 41);
	(void)snprintf(command, sizeof command, "mount --bind '%s' '%s' 2>/dev/null",
	    l->root, l->root);
	if (geteuid() != 0 || system(command) != 0) {
		lab_device_close(l);
		skip();
	}
	assert_int_equal(live_try(&l->dev, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "mount point"));
	assert_int_equal(live_switch(&l->dev, 41, 42, &e), -1);
	lab_device_sh(l, "umount app && [ $(cat app/number) = 41 ]");
	lab_device_close(l);
}

static void
the_trial_leaves_nothing_behind(void **state)
{
	enum swap_mode modes[] = { SWAP_SYMLINK, SWAP_EXCHANGE };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab_device *l = two_releases(modes[i], NULL);
		struct err e = ERR_INIT;

		switch_to(l, 0, 41);
		lab_device_sh(l, "find . | grep -v run/before | sort > run/before");
		lab_device_sh(l, "mkdir -p %s/releases/.try-b/x",
		    i == 0 ? "app" : ".app.delta");	/* of a crash */
		assert_int_equal(live_try(&l->dev, &e), 0);
		lab_device_sh(l, "rm -rf .app.delta/releases/.try-b; find . | "
		    "grep -v run/before | sort | cmp - run/before");
		lab_device_close(l);
	}
}

static void
a_record_is_checked_against_its_listing(void **state)
{
	struct lab_device *l = two_releases(SWAP_SYMLINK, NULL);
	struct err e = ERR_INIT;
	struct listing *listing = NULL;
	struct record rec;
	int tree = fs_open_dir_at(l->dev.releases, "42", &e);

	(void)state;
	assert_int_equal(tree_record_read(tree, &rec, &listing, &e), 0);
	assert_int_equal(rec.release, 42);
	assert_true(listing_find(listing, "number") > 0);
	listing_free(listing);
	listing = NULL;
	record_clear(&rec);
	lab_device_sh(l, "echo >> app/releases/42/.delta/listing");
	assert_int_equal(tree_record_read(tree, &rec, &listing, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_null(listing);
	lab_device_sh(l, "rm app/releases/42/.delta/listing");
	assert_int_equal(tree_record_read(tree, &rec, &listing, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_int_equal(tree_record_read(tree, &rec, NULL, &e), 0);
	record_clear(&rec);
	(void)close(tree);
	lab_device_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_mode_installs_switches_and_goes_back),
		cmocka_unit_test(live_tells_version_and_listing),
		cmocka_unit_test(a_prepared_link_is_used_up),
		cmocka_unit_test(a_wrong_prepared_link_is_not_used),
		cmocka_unit_test(what_runs_must_be_what_was_expected),
		cmocka_unit_test(odd_currents_are_stuck_and_left_alone),
		cmocka_unit_test(the_absolute_path_of_a_release_is_understood),
		cmocka_unit_test(a_release_without_record_still_runs),
		cmocka_unit_test(nothing_lives_after_remove),
		cmocka_unit_test(exchange_mode_installs_switches_and_goes_back),
		cmocka_unit_test(an_empty_folder_is_taken_over),
		cmocka_unit_test(a_half_exchange_is_finished_and_never_undone),
		cmocka_unit_test(a_half_exchange_can_be_rolled_back),
		cmocka_unit_test(odd_live_trees_are_stuck),
		cmocka_unit_test(another_releases_tree_is_not_switched_to),
		cmocka_unit_test(a_mount_point_cannot_be_exchanged),
		cmocka_unit_test(the_trial_leaves_nothing_behind),
		cmocka_unit_test(a_record_is_checked_against_its_listing),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
