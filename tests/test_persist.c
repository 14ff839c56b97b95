#include <sys/stat.h>

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

#include "apply/persist.h"
#include "apply/verify.h"

#include "tests/lab/device.h"

static void
persist(struct conf_list *list, const char *path)
{
	list->items[list->n] = strdup(path);
	assert_non_null(list->items[list->n]);
	list->n++;
}

static void
done(struct lab_device *l)
{
	for (int i = 0; i < l->conf.persist.n; i++)
		free(l->conf.persist.items[i]);
	for (int i = 0; i < l->conf.persist_copy.n; i++)
		free(l->conf.persist_copy.items[i]);
	lab_device_close(l);
}

/* Make `tree` persist, with `old` (NULL: none) as the tree that runs. */
static int
apply_to(struct lab_device *l, const char *tree, const char *old, struct err *e)
{
	struct err ignored = ERR_INIT;
	int new_fd = fs_open_dir_at(l->fd, tree, &ignored);
	int old_fd = old == NULL ? -1 : fs_open_dir_at(l->fd, old, &ignored);
	int rc;

	assert_true(new_fd != -1 && (old == NULL || old_fd != -1));
	rc = persist_apply(&l->dev, new_fd, old_fd, e);
	(void)close(new_fd);
	if (old_fd != -1)
		(void)close(old_fd);
	return rc;
}

static void
must_apply(struct lab_device *l, const char *tree, const char *old)
{
	struct err e = ERR_INIT;

	if (apply_to(l, tree, old, &e) == -1)
		fail_msg("%s", e.text);
}

static uint64_t
differences(struct lab_device *l, const char *tree, const struct listing *listing)
{
	struct verify_report report;
	struct err e = ERR_INIT;
	int fd = fs_open_dir_at(l->fd, tree, &e);
	uint64_t total;

	if (fd == -1 || verify_tree(fd, listing, &l->conf, &report, &e) == -1)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < report.n; i++)
		print_message("%s: %s\n", report.items[i].path, report.items[i].text);
	total = report.total;
	verify_report_clear(&report);
	(void)close(fd);
	return total;
}

static void
a_shipped_folder_seeds_shared_once(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *one, *two;
	struct record rec;

	(void)state;
	persist(&l->conf.persist, "data");
	lab_device_sh(l,
	    "mkdir -p one/data/sub two/data && echo 1 > one/data/sub/seed && "
	    "echo 2 > two/data/seed && echo x > one/app && echo x > two/app");
	one = lab_device_record(l, "one", 1, &rec);
	record_clear(&rec);
	two = lab_device_record(l, "two", 2, &rec);
	record_clear(&rec);
	must_apply(l, "one", NULL);
	lab_device_sh(l,
	    "[ \"$(readlink one/data)\" = \"$PWD/app/shared/data\" ] && "
	    "[ $(cat one/data/sub/seed) = 1 ] && "
	    "[ $(cat one/.delta/seed/data/sub/seed) = 1 ] && "
	    "echo written > one/data/mine && echo 9 > one/data/sub/seed");
	must_apply(l, "two", "one");
	lab_device_sh(l,
	    "[ $(cat two/data/mine) = written ] && ! [ -e two/data/seed ] && "
	    "[ $(cat two/.delta/seed/data/seed) = 2 ]");
	assert_int_equal(differences(l, "one", one), 0);
	assert_int_equal(differences(l, "two", two), 0);
	/* What was shipped is still checked, in the seed. */
	lab_device_sh(l, "echo 8 > one/.delta/seed/data/sub/seed");
	assert_int_equal(differences(l, "one", one), 1);
	listing_free(one);
	listing_free(two);
	done(l);
}

static void
a_path_that_is_not_shipped_is_an_empty_folder(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *listing;
	struct record rec;

	(void)state;
	persist(&l->conf.persist, "var/lib/data");
	lab_device_sh(l, "mkdir -p one/var && echo x > one/app");
	listing = lab_device_record(l, "one", 1, &rec);
	must_apply(l, "one", NULL);
	lab_device_sh(l, "[ -d app/shared/var/lib/data ] && [ -d one/var/lib/data/ ] && "
	    "[ -z \"$(ls -A app/shared/var/lib/data)\" ]");
	assert_int_equal(differences(l, "one", listing), 0);
	listing_free(listing);
	record_clear(&rec);
	done(l);
}

static void
a_persist_path_may_be_a_file(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *listing;
	struct record rec;

	(void)state;
	persist(&l->conf.persist, "etc/app.conf");
	lab_device_sh(l, "mkdir -p one/etc && echo default > one/etc/app.conf && "
	    "echo rest > one/etc/rest && chmod 640 one/etc/app.conf");
	listing = lab_device_record(l, "one", 1, &rec);
	must_apply(l, "one", NULL);
	lab_device_sh(l,
	    "[ -L one/etc/app.conf ] && [ $(cat one/etc/app.conf) = default ] && "
	    "[ $(stat -c %%a app/shared/etc/app.conf) = 640 ] && "
	    "echo mine > one/etc/app.conf");
	assert_int_equal(differences(l, "one", listing), 0);
	/* A later release that ships a folder there does not take the file away. */
	lab_device_sh(l, "mkdir -p two/etc/app.conf");
	must_apply(l, "two", "one");
	lab_device_sh(l, "[ $(cat two/etc/app.conf) = mine ]");
	listing_free(listing);
	record_clear(&rec);
	done(l);
}

static void
data_from_before_the_path_was_persistent_is_kept(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *one;
	struct record rec;

	(void)state;
	lab_device_sh(l, "mkdir -p one/data two/data && echo seed > one/data/seed && "
	    "cp one/data/seed two/data/");
	one = lab_device_record(l, "one", 1, &rec);
	must_apply(l, "one", NULL);	/* nothing is persistent yet */
	lab_device_sh(l, "! [ -e one/.delta ] && echo mine > one/data/mine");
	assert_int_equal(differences(l, "one", one), 1);
	persist(&l->conf.persist, "data");
	assert_int_equal(differences(l, "one", one), 0);
	must_apply(l, "two", "one");
	lab_device_sh(l,
	    "[ $(cat two/data/mine) = mine ] && [ $(cat two/data/seed) = seed ]");
	listing_free(one);
	record_clear(&rec);
	done(l);
}

static void
a_path_that_is_no_longer_persistent_stays_masked_in_its_tree(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *listing;
	struct record rec;

	(void)state;
	persist(&l->conf.persist, "data");
	lab_device_sh(l, "mkdir -p one/data && echo seed > one/data/seed");
	listing = lab_device_record(l, "one", 1, &rec);
	must_apply(l, "one", NULL);
	free(l->conf.persist.items[0]);
	l->conf.persist.n = 0;
	assert_int_equal(differences(l, "one", listing), 0);
	listing_free(listing);
	record_clear(&rec);
	done(l);
}

static void
a_link_to_elsewhere_is_a_difference(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *listing;
	struct record rec;

	(void)state;
	persist(&l->conf.persist, "data");
	lab_device_sh(l, "mkdir -p one/data");
	listing = lab_device_record(l, "one", 1, &rec);
	must_apply(l, "one", NULL);
	assert_int_equal(differences(l, "one", listing), 0);
	lab_device_sh(l, "ln -sfn /tmp one/data");
	assert_int_equal(differences(l, "one", listing), 1);
	lab_device_sh(l, "rm one/data && mkdir one/data");
	assert_int_equal(differences(l, "one", listing), 1);
	listing_free(listing);
	record_clear(&rec);
	done(l);
}

static void
a_copied_path_goes_along_and_stays_behind(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct listing *two;
	struct record rec;

	(void)state;
	persist(&l->conf.persist_copy, "venv");
	lab_device_sh(l,
	    "mkdir -p one/venv/bin two three && echo 1 > one/venv/bin/python && "
	    "chmod 755 one/venv/bin/python && echo x > two/app");
	two = lab_device_record(l, "two", 2, &rec);
	must_apply(l, "one", NULL);
	lab_device_sh(l, "[ $(cat one/venv/bin/python) = 1 ] && ! [ -L one/venv ] && "
	    "echo more > one/venv/more");
	must_apply(l, "two", "one");
	lab_device_sh(l,
	    "[ $(cat two/venv/more) = more ] && [ -x two/venv/bin/python ] && "
	    "echo two > two/venv/more && [ $(cat one/venv/more) = more ]");
	assert_int_equal(differences(l, "two", two), 0);
	must_apply(l, "three", NULL);
	lab_device_sh(l, "! [ -e three/venv ]");
	listing_free(two);
	record_clear(&rec);
	done(l);
}

static void
a_copied_path_may_have_been_a_link(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);

	(void)state;
	persist(&l->conf.persist, "data");
	lab_device_sh(l, "mkdir -p one/data two && echo 1 > one/data/x");
	must_apply(l, "one", NULL);
	persist(&l->conf.persist_copy, "data");
	free(l->conf.persist.items[0]);
	l->conf.persist.n = 0;
	must_apply(l, "two", "one");
	lab_device_sh(l, "! [ -L two/data ] && [ $(cat two/data/x) = 1 ]");
	done(l);
}

static void
a_way_through_a_link_or_file_is_refused(void **state)
{
	static const char *const make[] = { "ln -s /etc one/var", "echo > one/var" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
		struct err e = ERR_INIT;

		persist(&l->conf.persist, "var/data");
		lab_device_sh(l, "mkdir one && %s", make[i]);
		assert_int_equal(apply_to(l, "one", NULL, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		done(l);
	}
}

static void
paths_that_make_no_sense_are_refused(void **state)
{
	static const char *const bad[][2] = { { "data", "data/x" }, { ".delta", "x" },
		{ ".delta/hooks", "x" } };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
		struct err e = ERR_INIT;

		persist(&l->conf.persist, bad[i][0]);
		persist(&l->conf.persist, bad[i][1]);
		lab_device_sh(l, "mkdir one");
		assert_int_equal(apply_to(l, "one", NULL, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		done(l);
	}
}

static void
a_half_made_seed_is_made_again(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);

	(void)state;
	persist(&l->conf.persist, "data");
	lab_device_sh(l,
	    "mkdir -p one/data app/shared/.seeding/half && echo 1 > one/data/x");
	must_apply(l, "one", NULL);
	lab_device_sh(l, "[ $(cat one/data/x) = 1 ] && ! [ -e app/shared/data/half ] && "
	    "! [ -e app/shared/.seeding ]");
	done(l);
}

static void
exchange_mode_has_its_shared_beside_the_tree(void **state)
{
	struct lab_device *l = lab_device_open(SWAP_EXCHANGE, NULL);

	(void)state;
	persist(&l->conf.persist, "data");
	lab_device_sh(l, "mkdir -p one/data && echo 1 > one/data/x");
	must_apply(l, "one", NULL);
	lab_device_sh(l,
	    "[ \"$(readlink one/data)\" = \"$PWD/.app.delta/shared/data\" ] && "
	    "[ $(cat one/data/x) = 1 ]");
	done(l);
}

static void
places_and_ways(void **state)
{
	static const struct {
		const char *path;
		enum persist_place place;
		const char *where;
	} cases[] = {
		{ "data", PERSIST_AT, ".delta/seed/data" },
		{ "data/x", PERSIST_BELOW, ".delta/seed/data/x" },
		{ "data.old", PERSIST_NOT, "data.old" }, { "dat", PERSIST_NOT, "dat" },
		{ "var", PERSIST_ABOVE, "var" }, { "var/lib", PERSIST_AT, "var/lib" },
		{ "var/lib/x", PERSIST_BELOW, "var/lib/x" }, { ".", PERSIST_NOT, "." },
	};
	char data[] = "data", lib[] = "var/lib";
	struct persist_path paths[] = { { data, false, true }, { lib, true, false } };
	const struct persist_mask mask = { paths, 2 };
	struct buf where = BUF_INIT(4096);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(persist_place(&mask, cases[i].path, NULL),
		    cases[i].place);
		assert_int_equal(persist_where(&mask, cases[i].path, &where, &e), 0);
		assert_string_equal(buf_text(&where), cases[i].where);
	}
	buf_free(&where);
}

static void
a_damaged_note_is_refused(void **state)
{
	static const char *const notes[] = { "link data", "move data\\n", "link ../x\\n",
		"link /etc\\n", "link \\n", "\\n" };
	struct lab_device *l = lab_device_open(SWAP_SYMLINK, NULL);
	struct persist_mask mask;
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	lab_device_sh(l, "mkdir -p one/.delta");
	fd = fs_open_dir_at(l->fd, "one", &e);
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
		lab_device_sh(l, "printf '%s' > one/.delta/persist", notes[i]);
		assert_int_equal(persist_mask_read(fd, NULL, &mask, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	lab_device_sh(l, "printf 'link data\\ncopy venv\\n' > one/.delta/persist");
	assert_int_equal(persist_mask_read(fd, NULL, &mask, &e), 0);
	assert_int_equal(mask.n, 2);
	assert_true(!mask.paths[0].copy && mask.paths[1].copy && mask.paths[0].noted);
	persist_mask_clear(&mask);
	(void)close(fd);
	done(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shipped_folder_seeds_shared_once),
		cmocka_unit_test(a_path_that_is_not_shipped_is_an_empty_folder),
		cmocka_unit_test(a_persist_path_may_be_a_file),
		cmocka_unit_test(data_from_before_the_path_was_persistent_is_kept),
		cmocka_unit_test(
		    a_path_that_is_no_longer_persistent_stays_masked_in_its_tree),
		cmocka_unit_test(a_link_to_elsewhere_is_a_difference),
		cmocka_unit_test(a_copied_path_goes_along_and_stays_behind),
		cmocka_unit_test(a_copied_path_may_have_been_a_link),
		cmocka_unit_test(a_way_through_a_link_or_file_is_refused),
		cmocka_unit_test(paths_that_make_no_sense_are_refused),
		cmocka_unit_test(a_half_made_seed_is_made_again),
		cmocka_unit_test(exchange_mode_has_its_shared_beside_the_tree),
		cmocka_unit_test(places_and_ways),
		cmocka_unit_test(a_damaged_note_is_refused),
	};

	return cmocka_run_group_tests_name("persist", tests, NULL, NULL);
}
