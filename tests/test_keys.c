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

#include "mkdelta/keys.h"
#include "tests/lab/lab.h"

static char *
path_of(const struct lab *l, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", l->dir, name);
	return path;
}

static const char *
pass(void)
{
	return getenv("MKDELTA_PASSPHRASE");
}

/* A settled folder k with two keys; the public half of the first. */
static struct jv *
make_folder(struct lab *l)
{
	struct err e = ERR_INIT;
	int dir = keys_begin(path_of(l, "k"), false, &e);
	struct signer *a, *b;
	struct jv *public;

	if (dir == -1)
		fail_msg("%s", e.text);
	assert_non_null(a = keys_make(dir, "channel-stable", KEY_ED25519, pass(), &e));
	assert_non_null(b = keys_make(dir, "online", KEY_ED25519, pass(), &e));
	assert_non_null(public = signer_public(a, &e));
	assert_int_equal(keys_settle(dir, &e), 0);
	signer_free(a);
	signer_free(b);
	(void)close(dir);
	return public;
}

static void
the_folder_is_0700_and_keys_are_0600(void **state)
{
	struct lab *l = lab_open();
	struct stat st;

	(void)state;
	jv_free(make_folder(l));
	assert_int_equal(stat(path_of(l, "k"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path_of(l, "k/online.pem"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	lab_close(l);
}

static void
a_key_that_others_can_read_is_refused_by_name(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0644 };
	struct lab *l = lab_open();
	struct err e = ERR_INIT;

	(void)state;
	jv_free(make_folder(l));
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		assert_int_equal(chmod(path_of(l, "k/online.pem"), modes[i]), 0);
		assert_null(keys_open(path_of(l, "k"), &e));
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.text, "online.pem: others can read it"));
		assert_non_null(strstr(e.text, "chmod"));
	}
	lab_close(l);
}

static void
a_folder_that_others_can_enter_is_refused(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;

	(void)state;
	jv_free(make_folder(l));
	assert_int_equal(chmod(path_of(l, "k"), 0750), 0);
	assert_null(keys_open(path_of(l, "k"), &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "others can read it"));
	lab_close(l);
}

static void
keys_are_found_by_id_whatever_their_file_is_called(void **state)
{
	struct lab *l = lab_open();
	struct jv *public = make_folder(l), *ids = jv_new_list();
	struct err e = ERR_INIT;
	struct signer *found[2], *before;
	char hex[SHA256_HEX_MAX], to[600];
	struct sha256 id;
	struct keys *k;

	(void)state;
	assert_non_null(k = keys_open(path_of(l, "k"), &e));
	assert_non_null(before = keys_named(k, "channel-stable"));
	assert_int_equal(signer_id(before, &id, &e), 0);
	keys_close(k);
	assert_int_equal(jv_push(ids, jv_new_text(sha256_hex(&id, hex))), 0);
	(void)snprintf(to, sizeof to, "%s/k/x.pem", l->dir);
	assert_int_equal(rename(path_of(l, "k/channel-stable.pem"), to), 0);
	assert_non_null(k = keys_open(path_of(l, "k"), &e));
	assert_int_equal(keys_for(k, ids, found, 2), 1);
	assert_ptr_equal(found[0], keys_named(k, "x"));
	keys_close(k);
	jv_free(ids);
	jv_free(public);
	lab_close(l);
}

static void
one_key_in_two_files_counts_once(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct jv *ids = jv_new_list();
	char hex[SHA256_HEX_MAX];
	struct signer *found[4];
	struct sha256 id;
	struct keys *k;

	(void)state;
	jv_free(make_folder(l));
	lab_ok(l, "cp -p k/online.pem k/copy.pem");
	assert_non_null(k = keys_open(path_of(l, "k"), &e));
	assert_int_equal(signer_id(keys_named(k, "online"), &id, &e), 0);
	assert_int_equal(jv_push(ids, jv_new_text(sha256_hex(&id, hex))), 0);
	assert_int_equal(keys_for(k, ids, found, 4), 1);
	keys_close(k);
	jv_free(ids);
	lab_close(l);
}

static void
a_folder_with_keys_is_not_taken_for_another_repository(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	int dir;

	(void)state;
	jv_free(make_folder(l));
	assert_int_equal(keys_begin(path_of(l, "k"), false, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(strstr(e.text, "--share-keys"));
	assert_true((dir = keys_begin(path_of(l, "k"), true, &e)) >= 0);
	(void)close(dir);
	lab_close(l);
}

static void
what_a_killed_init_left_is_taken_up_again(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct sha256 before, after;
	struct signer *s;
	int dir;

	(void)state;
	assert_true((dir = keys_begin(path_of(l, "k"), false, &e)) >= 0);
	assert_non_null(s = keys_make(dir, "root-1", KEY_ED25519, pass(), &e));
	assert_int_equal(signer_id(s, &before, &e), 0);
	signer_free(s);
	(void)close(dir);		/* killed before keys_settle() */
	assert_true((dir = keys_begin(path_of(l, "k"), false, &e)) >= 0);
	assert_non_null(s = keys_make(dir, "root-1", KEY_ED25519, pass(), &e));
	assert_int_equal(signer_id(s, &after, &e), 0);
	assert_true(sha256_equal(&before, &after));
	signer_free(s);
	(void)close(dir);
	lab_close(l);
}

static void
keys_are_encrypted_where_a_passphrase_is_set(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;
	struct keys *k;

	(void)state;
	assert_int_equal(setenv("MKDELTA_PASSPHRASE", "correct horse", 1), 0);
	jv_free(make_folder(l));
	assert_non_null(k = keys_open(path_of(l, "k"), &e));
	keys_close(k);
	assert_int_equal(setenv("MKDELTA_PASSPHRASE", "wrong", 1), 0);
	assert_null(keys_open(path_of(l, "k"), &e));
	assert_int_equal(unsetenv("MKDELTA_PASSPHRASE"), 0);
	assert_null(keys_open(path_of(l, "k"), &e));
	assert_non_null(strstr(e.text, ".pem"));
	lab_ok(l, "grep -q 'BEGIN ENCRYPTED PRIVATE KEY' k/online.pem");
	lab_close(l);
}

static void
a_file_that_is_no_key_is_named(void **state)
{
	struct lab *l = lab_open();
	struct err e = ERR_INIT;

	(void)state;
	jv_free(make_folder(l));
	lab_write(l, "k/junk.pem", "not a key\n");
	assert_int_equal(chmod(path_of(l, "k/junk.pem"), 0600), 0);
	assert_null(keys_open(path_of(l, "k"), &e));
	assert_non_null(strstr(e.text, "junk.pem"));
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_folder_is_0700_and_keys_are_0600),
		cmocka_unit_test(a_key_that_others_can_read_is_refused_by_name),
		cmocka_unit_test(a_folder_that_others_can_enter_is_refused),
		cmocka_unit_test(keys_are_found_by_id_whatever_their_file_is_called),
		cmocka_unit_test(one_key_in_two_files_counts_once),
		cmocka_unit_test(a_folder_with_keys_is_not_taken_for_another_repository),
		cmocka_unit_test(what_a_killed_init_left_is_taken_up_again),
		cmocka_unit_test(keys_are_encrypted_where_a_passphrase_is_set),
		cmocka_unit_test(a_file_that_is_no_key_is_named),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
