#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/owners.h"

static struct entry
file_of_mode(uint32_t mode)
{
	static char path[] = "bin/tool";

	return (struct entry){ .path = path, .type = ENTRY_FILE, .mode = mode, .nlink = 1,
		.has_sha256 = true };
}

/* A listing of one folder and the entry. */
static int
check(const struct entry *entry, const struct conf *conf, struct err *e)
{
	static char dot[] = ".", bin[] = "bin";
	const struct entry root = { .path = dot,
		.type = ENTRY_DIR,
		.mode = 0755,
		.nlink = 1 };
	const struct entry folder = { .path = bin, .type = ENTRY_DIR, .mode = 0755,
		.nlink = 1 };
	struct listing *listing = listing_new(e);
	int rc;

	assert_non_null(listing);
	assert_int_equal(listing_add(listing, &root, e), 0);
	assert_int_equal(listing_add(listing, &folder, e), 0);
	assert_int_equal(listing_add(listing, entry, e), 0);
	if (listing_finish(listing, e) == -1)
		fail_msg("%s", e->text);
	rc = owners_check(listing, conf, e);
	listing_free(listing);
	return rc;
}

static void
ordinary_modes_pass(void **state)
{
	static const uint32_t modes[] = { 0755, 0644, 0, 0444, 0775, 0711, 01755 };
	struct conf conf = { .allow = { .n = 0 } };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		struct entry entry = file_of_mode(modes[i]);

		assert_int_equal(check(&entry, &conf, &e), 0);
	}
}

static void
each_power_needs_its_word(void **state)
{
	static const struct {
		uint32_t mode;
		const char *word;
	} cases[] = { { 04755, "setuid" }, { 02755, "setgid" },
		{ 0646, "world-writable" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct entry entry = file_of_mode(cases[i].mode);
		struct conf conf = { .allow = { .n = 0 } };
		struct err e = ERR_INIT;

		assert_int_equal(check(&entry, &conf, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		assert_non_null(strstr(e.text, "bin/tool"));
		assert_non_null(strstr(e.text, cases[i].word));
		/* The other words do not help, its own does. */
		for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
			conf.allow.n = 1;
			conf.allow.items[0] = strdup(cases[k].word);
			assert_int_equal(check(&entry, &conf, &e), k == i ? 0 : -1);
			free(conf.allow.items[0]);
		}
	}
}

static void
a_symlinks_mode_means_nothing(void **state)
{
	static char path[] = "bin/alias", target[] = "tool";
	struct entry entry = { .path = path, .type = ENTRY_LINK, .mode = 0777, .nlink = 1,
		.link = target };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(check(&entry, NULL, &e), 0);
}

static void
capabilities_and_system_attributes_need_a_word(void **state)
{
	static char word[] = "capabilities";
	static char names[][32] = { "security.capability", "security.ima",
		"system.posix_acl_access", "trusted.overlay.opaque" };
	struct entry entry = file_of_mode(0755);
	static char value[] = "v", user[] = "user.color";
	struct entry_xattr x = { user, (uint8_t *)value, 1, NULL };
	struct conf conf = { .allow = { .n = 0 } };
	struct err e = ERR_INIT;

	(void)state;
	entry.xattrs = &x;
	assert_int_equal(check(&entry, &conf, &e), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		x.name = names[i];
		conf.allow.n = 0;
		assert_int_equal(check(&entry, &conf, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		conf.allow.n = 1;
		conf.allow.items[0] = word;
		assert_int_equal(check(&entry, &conf, &e), 0);
	}
}

static void
foreign_owners_are_refused_unless_allowed_or_replaced(void **state)
{
	static char word[] = "owners";
	struct entry entry = file_of_mode(0755);
	struct conf conf = { .allow = { .n = 0 } };
	struct owners o;
	struct err e = ERR_INIT;
	uid_t uid;
	gid_t gid;

	(void)state;
	entry.has_owner = true;
	entry.uid = geteuid();
	entry.gid = getegid();
	assert_int_equal(check(&entry, &conf, &e), 0);	/* ours */
	entry.uid = 54321;
	assert_int_equal(check(&entry, &conf, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);

	conf.allow.n = 1;
	conf.allow.items[0] = word;
	assert_int_equal(check(&entry, &conf, &e), 0);
	owners_of(&conf, &o);
	owners_entry(&o, &entry, &uid, &gid);
	assert_int_equal(uid, 54321);

	conf.owner_set = true;	/* `owner =` decides for all */
	conf.owner_uid = 7;
	conf.owner_gid = 8;
	conf.allow.n = 0;
	assert_int_equal(check(&entry, &conf, &e), 0);
	owners_of(&conf, &o);
	owners_entry(&o, &entry, &uid, &gid);
	assert_int_equal(uid, 7);
	assert_int_equal(gid, 8);
}

static void
names_count_before_numbers(void **state)
{
	static char word[] = "owners", name[] = "root", nobody[] = "no-such-user-here";
	struct entry entry = file_of_mode(0755);
	struct conf conf = { .allow = { .n = 1, .items = { word } } };
	struct owners o;
	uid_t uid;
	gid_t gid;

	(void)state;
	entry.has_owner = true;
	entry.uid = entry.gid = 54321;
	owners_of(&conf, &o);
	entry.uname = entry.gname = name;
	owners_entry(&o, &entry, &uid, &gid);
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	entry.uname = entry.gname = nobody;
	owners_entry(&o, &entry, &uid, &gid);
	assert_int_equal(uid, 54321);
	assert_int_equal(gid, 54321);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_modes_pass),
		cmocka_unit_test(each_power_needs_its_word),
		cmocka_unit_test(a_symlinks_mode_means_nothing),
		cmocka_unit_test(capabilities_and_system_attributes_need_a_word),
		cmocka_unit_test(foreign_owners_are_refused_unless_allowed_or_replaced),
		cmocka_unit_test(names_count_before_numbers),
	};

	return cmocka_run_group_tests_name("owners", tests, NULL, NULL);
}
