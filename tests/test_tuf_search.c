/*
 * Delegations: who is asked for a target, in what order, and by whose word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/tuf_device.h"

struct world {
	struct tuf_sim *sim;
	struct tuf_device *dev;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->sim = sim_new(NULL);
	w->dev = device_new(w->sim);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	device_free(w->dev);
	sim_free(w->sim);
	free(w);
	return 0;
}

static void
delegate(struct world *w, const char *from, const char *to, const char *pattern)
{
	sim_delegate(w->sim, from, to, pattern, SIM_KEY(K_CHANNEL));
}

static void
terminate(struct world *w, const char *from, const char *to)
{
	assert_int_equal(
	    jv_set(sim_delegation(w->sim, from, to), "terminating", jv_new_bool(true)),
	    0);
}

/* Publish, refresh, look for a path: 1, 0, -1; e says why. */
static int
find(struct world *w, const char *path, struct tuf_target *t, struct err *e)
{
	sim_release(w->sim);
	device_must_refresh(w->dev, w->sim);
	buf_reset(&w->sim->asked);
	return tuf_find(w->dev->tuf, path, t, e);
}

/* The length of the target found: tests tell roles apart by it. */
static int
find_length(struct world *w, const char *path)
{
	struct tuf_target t;
	struct err e = ERR_INIT;
	int rc = find(w, path, &t, &e);

	if (rc == -1)
		fail_msg("%s", e.text);
	return rc == 1 ? (int)t.length : -1;
}

static void
search_finds_in_targets_first(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	delegate(w, "targets", "a", "*");
	sim_target(w->sim, "targets", "f", "1");
	sim_target(w->sim, "a", "f", "22");
	assert_int_equal(find(w, "f", &t, &e), 1);
	assert_int_equal(t.length, 1);
	assert_true(t.has_sha256);
	assert_string_equal(t.path, "f");
	assert_string_equal(buf_text(&w->sim->asked), "");
}

static void
search_goes_pre_order_in_order_of_appearance(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "z", "*");
	delegate(w, "targets", "a", "*");
	delegate(w, "z", "zz", "*");
	sim_target(w->sim, "a", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
	assert_string_equal(buf_text(&w->sim->asked), "2.z.json 2.zz.json 2.a.json ");
	/* depth before breadth */
	sim_target(w->sim, "zz", "f", "22");
	assert_int_equal(find_length(w, "f"), 2);
}

static void
search_asks_only_roles_whose_paths_cover(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "other/*");
	delegate(w, "targets", "b", "dir/*");
	sim_target(w->sim, "a", "dir/f", "1");
	sim_target(w->sim, "b", "dir/f", "22");
	assert_int_equal(find_length(w, "dir/f"), 2);
	assert_string_equal(buf_text(&w->sim->asked), "2.b.json ");
	assert_int_equal(find_length(w, "dir/sub/f"), -1);
	assert_string_equal(buf_text(&w->sim->asked), "");
}

static void
search_by_hash_prefix(void **state)
{
	struct world *w = *state;
	struct sha256 id;
	char hex[SHA256_HEX_MAX];
	struct err e = ERR_INIT;
	struct jv *entry, *list = jv_new_list();

	assert_int_equal(sha256_of("dir/f", 5, &id, &e), 0);
	(void)sha256_hex(&id, hex);
	hex[3] = '\0';
	delegate(w, "targets", "wrong", "*");
	delegate(w, "targets", "bin", "*");
	entry = sim_delegation(w->sim, "targets", "bin");
	(void)jv_remove(entry, "paths");
	assert_int_equal(jv_push(list, jv_new_text(hex)), 0);
	assert_int_equal(jv_set(entry, "path_hash_prefixes", list), 0);
	hex[0] = hex[0] == '0' ? '1' : '0';
	list = jv_new_list();
	assert_int_equal(jv_push(list, jv_new_text(hex)), 0);
	entry = sim_delegation(w->sim, "targets", "wrong");
	(void)jv_remove(entry, "paths");
	assert_int_equal(jv_set(entry, "path_hash_prefixes", list), 0);
	sim_target(w->sim, "wrong", "dir/f", "1");
	sim_target(w->sim, "bin", "dir/f", "22");
	assert_int_equal(find_length(w, "dir/f"), 2);
	assert_string_equal(buf_text(&w->sim->asked), "2.bin.json ");
}

static void
search_stops_after_a_terminating_role_at_all_levels(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "*");
	delegate(w, "targets", "b", "*");
	delegate(w, "a", "aa", "*");
	delegate(w, "a", "ab", "*");
	sim_target(w->sim, "b", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
	terminate(w, "a", "aa");
	assert_int_equal(find_length(w, "f"), -1);
	assert_string_equal(buf_text(&w->sim->asked), "3.a.json 3.aa.json ");
	/* what comes before it, and below it, is still asked */
	sim_target(w->sim, "ab", "f", "22");
	assert_int_equal(find_length(w, "f"), -1);
	delegate(w, "aa", "aaa", "*");
	sim_target(w->sim, "aaa", "f", "333");
	assert_int_equal(find_length(w, "f"), 3);
}

static void
search_ignores_terminating_of_roles_that_do_not_cover(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "other");
	delegate(w, "targets", "b", "*");
	terminate(w, "targets", "a");
	sim_target(w->sim, "b", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
}

static void
search_survives_cycles(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "*");
	delegate(w, "a", "b", "*");
	delegate(w, "b", "a", "*");
	delegate(w, "b", "b", "*");
	assert_int_equal(find_length(w, "f"), -1);
	assert_string_equal(buf_text(&w->sim->asked), "2.a.json 2.b.json ");
	/* and going round does not use up the limit */
	delegate(w, "targets", "c", "*");
	sim_target(w->sim, "c", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
}

static void
search_looks_into_32_delegated_roles_at_most(void **state)
{
	struct world *w = *state;
	char name[16], last[16] = "targets";

	for (int i = 0; i < 34; i++) {
		(void)snprintf(name, sizeof name, "r%d", i);
		delegate(w, last, name, "*");
		(void)snprintf(last, sizeof last, "%s", name);
	}
	sim_target(w->sim, "r31", "in", "1");
	sim_target(w->sim, "r32", "out", "1");
	assert_int_equal(find_length(w, "in"), 1);
	assert_int_equal(find_length(w, "out"), -1);
}

/* d hangs below a and below b, who trust different keys for it. */
static void
make_diamond(struct world *w, unsigned by_a, unsigned by_b, unsigned signer)
{
	sim_delegate(w->sim, "targets", "a", "*", SIM_KEY(K_CHANNEL));
	sim_delegate(w->sim, "targets", "b", "*", SIM_KEY(K_CHANNEL));
	sim_delegate(w->sim, "a", "d", "via-a", by_a);
	sim_delegate(w->sim, "b", "d", "via-b", by_b);
	sim_role(w->sim, "d")->signers = signer;
	sim_target(w->sim, "d", "via-a", "1");
	sim_target(w->sim, "d", "via-b", "22");
}

static void
diamond_is_verified_by_each_delegator(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	make_diamond(w, SIM_KEY(K_SPARE), SIM_KEY(K_OTHER), SIM_KEY(K_SPARE));
	assert_int_equal(find(w, "via-a", &t, &e), 1);
	/* in memory now, on a's word; b's word is another */
	assert_int_equal(tuf_find(w->dev->tuf, "via-b", &t, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	/* the same from the folder, in a new run */
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_find(w->dev->tuf, "via-b", &t, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(tuf_find(w->dev->tuf, "via-a", &t, &e), 1);
}

static void
diamond_signed_for_both_works_by_both(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	make_diamond(
	    w, SIM_KEY(K_SPARE), SIM_KEY(K_OTHER), SIM_KEY(K_SPARE) | SIM_KEY(K_OTHER));
	assert_int_equal(find(w, "via-a", &t, &e), 1);
	assert_int_equal(tuf_find(w->dev->tuf, "via-b", &t, &e), 1);
	assert_int_equal(t.length, 2);
}

/* Each fault of a delegated role ends the search; it is never passed over. */
static void
expect_fault(struct world *w, enum err_code code, const char *text)
{
	struct tuf_target t;
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_find(w->dev->tuf, "f", &t, &e), -1);
	if (e.code != code || strstr(e.text, text) == NULL)
		fail_msg("%s: %s", err_word(e.code), e.text);
	assert_false(device_has(w->dev, "a.json"));
}

static void
two_roles(struct world *w)
{
	delegate(w, "targets", "a", "*");
	delegate(w, "targets", "b", "*");
	sim_target(w->sim, "b", "f", "1");
}

static void
delegated_role_of_another_key_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	sim_role(w->sim, "a")->signers = SIM_KEY(K_OTHER);
	sim_release(w->sim);
	expect_fault(w, ERR_TRUST, "0 valid signatures");
	sim_role(w->sim, "a")->signers = SIM_KEY(K_CHANNEL);
	assert_int_equal(find_length(w, "f"), 1);
}

static void
delegated_role_that_is_expired_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	sim_set_expires(w->sim, "a", SIM_NOW);
	sim_release(w->sim);
	expect_fault(w, ERR_STALE, "a: metadata expired");
}

static void
delegated_role_of_other_bytes_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	sim_release(w->sim);
	sim_set_expires(w->sim, "a", SIM_NOW + SIM_DAY);
	sim_sign_as(w->sim, "a", "2.a.json");
	expect_fault(w, ERR_TRUST, "sha256 differs");
}

static void
delegated_role_of_another_version_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	w->sim->bare = true;
	sim_release(w->sim);
	sim_set_version(w->sim, "a", 1);
	sim_sign_as(w->sim, "a", "2.a.json");
	expect_fault(w, ERR_TRUST, "is version 1, and 2 was signed");
}

static void
delegated_role_without_end_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	w->sim->bare = true;
	sim_release(w->sim);
	(void)snprintf(w->sim->endless, SIM_NAME_MAX, "2.a.json");
	expect_fault(w, ERR_FORMAT, "over the limit of 5000000");
}

static void
delegated_role_missing_from_the_host_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	sim_release(w->sim);
	sim_remove(w->sim, "2.a.json");
	expect_fault(w, ERR_NET, "2.a.json");
}

static void
delegated_role_missing_from_snapshot_is_an_error(void **state)
{
	struct world *w = *state;

	two_roles(w);
	sim_release(w->sim);
	(void)jv_remove(jv_get_mutable(sim_part(w->sim, "snapshot"), "meta"), "a.json");
	sim_sign_as(w->sim, "snapshot", "2.snapshot.json");
	(void)jv_remove(
	    jv_get_mutable(
		jv_get_mutable(sim_part(w->sim, "timestamp"), "meta"), "snapshot.json"),
	    "hashes");
	(void)jv_remove(
	    jv_get_mutable(
		jv_get_mutable(sim_part(w->sim, "timestamp"), "meta"), "snapshot.json"),
	    "length");
	sim_sign_as(w->sim, "timestamp", "timestamp.json");
	expect_fault(w, ERR_TRUST, "snapshot does not list it");
}

static void
delegated_role_is_stored_once_and_read_from_there(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	two_roles(w);
	assert_int_equal(find(w, "f", &t, &e), 1);
	assert_string_equal(buf_text(&w->sim->asked), "2.a.json 2.b.json ");
	assert_true(device_same(w->dev, "b.json", w->sim, "2.b.json"));
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_find(w->dev->tuf, "f", &t, &e), 1);
	assert_string_equal(buf_text(&w->sim->asked), "2.root.json timestamp.json ");
	/* and without any network */
	assert_int_equal(device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), 0);
	assert_int_equal(tuf_find(w->dev->tuf, "f", &t, &e), 1);
}

static void
delegated_role_of_a_strange_name_keeps_to_the_folder(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "../é/x", "*");
	sim_target(w->sim, "../é/x", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
	assert_string_equal(buf_text(&w->sim->asked), "2...%2F%C3%A9%2Fx.json ");
	assert_true(device_has(w->dev, "..%2F%C3%A9%2Fx.json"));
}

static void
role_chain_goes_by_name_and_verifies(void **state)
{
	static const char *const chain[] = { "targets", "stable", "stable.linux-arm64" };
	static const char *const wrong[] = { "targets", "stable.linux-arm64" };
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;
	const struct jv *part;
	void *it = NULL;

	delegate(w, "targets", "stable", "*/*");
	delegate(w, "stable", "stable.linux-arm64", "*/linux-arm64.*");
	sim_target(w->sim, "stable.linux-arm64", "1/linux-arm64.tar.zst", "full");
	sim_release(w->sim);
	device_must_refresh(w->dev, w->sim);
	buf_reset(&w->sim->asked);
	part = tuf_role(w->dev->tuf, chain, 3, &e);
	assert_non_null(part);
	assert_string_equal(
	    buf_text(&w->sim->asked), "2.stable.json 2.stable.linux-arm64.json ");
	assert_int_equal(tuf_role_target(part, "1/linux-arm64.tar.zst", &t, &e), 1);
	assert_int_equal(tuf_role_target(part, "2/linux-arm64.tar.zst", &t, &e), 0);
	assert_int_equal(tuf_role_each(part, &it, &t, &e), 1);
	assert_string_equal(t.path, "1/linux-arm64.tar.zst");
	assert_int_equal(tuf_role_each(part, &it, &t, &e), 0);
	assert_null(tuf_role(w->dev->tuf, wrong, 2, &e));
	assert_int_equal(e.code, ERR_ABSENT);
}

static void
target_with_a_hash_that_nobody_can_check_is_an_error(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;
	struct jv *target;

	sim_target(w->sim, "targets", "f", "1");
	target =
	    jv_get_mutable(jv_get_mutable(sim_part(w->sim, "targets"), "targets"), "f");
	assert_int_equal(
	    jv_set(jv_get_mutable(target, "hashes"), "blake9", jv_new_text("00")), 0);
	assert_int_equal(find(w, "f", &t, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
}

static void
target_url_has_the_hash_before_its_last_component(void **state)
{
	struct world *w = *state;
	struct buf url = BUF_INIT(1000);
	struct tuf_target t;
	struct err e = ERR_INIT;

	sim_target(w->sim, "targets", "a/b/c.txt", "abc");
	assert_int_equal(find(w, "a/b/c.txt", &t, &e), 1);
	assert_int_equal(tuf_target_url(w->dev->tuf, &t, &url, &e), 0);
	assert_string_equal(buf_text(&url), "a/b/ba7816bf8f01cfea414140de5dae2223b00361a3"
					    "96177a9cb410ff61f20015ad.c.txt");
	buf_free(&url);
}

static int
check_bytes(const struct tuf_target *t, const char *bytes, struct err *e)
{
	int fd = memfd_create("target", 0), rc;

	assert_true(fd != -1);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	rc = tuf_target_check(t, fd, e);
	(void)close(fd);
	return rc;
}

static void
target_is_checked_by_length_and_every_hash(void **state)
{
	struct tuf_target t = { .path = "x", .length = 3, .has_sha256 = true };
	struct err e = ERR_INIT;
	struct hash *h;

	(void)state;
	assert_int_equal(sha256_of("abc", 3, &t.sha256, &e), 0);
	assert_int_equal(check_bytes(&t, "abc", &e), 0);
	assert_int_equal(check_bytes(&t, "abd", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(check_bytes(&t, "ab", &e), -1);
	assert_int_equal(check_bytes(&t, "abcd", &e), -1);
	t.length = 4;
	assert_int_equal(check_bytes(&t, "abc", &e), -1);
	t.length = 3;
	t.has_sha512 = true;
	assert_int_equal(check_bytes(&t, "abc", &e), -1);
	assert_non_null(strstr(e.text, "sha512 differs"));
	h = hash_new(HASH_SHA512, &e);
	assert_int_equal(hash_add(h, "abc", 3, &e), 0);
	assert_int_equal(hash_end(h, t.sha512, &e), 0);
	hash_free(h);
	assert_int_equal(check_bytes(&t, "abc", &e), 0);
	t.has_sha256 = t.has_sha512 = false;
	assert_int_equal(check_bytes(&t, "abc", &e), -1);
}

static void
target_names_that_leave_their_folder_are_refused(void **state)
{
	static const char *const bad[] = { "", "/etc/passwd", "../x", "a/../b", "a//b",
		"a/", ".", "a/./b", "a\\b", "..", "a\nb", "a\177b" };
	static const char *const good[] = { "a", "a/b", "..a", "a..b/...", ".hidden" };
	char *component = malloc(300);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (tuf_target_name_check(bad[i], &e) == 0)
			fail_msg("accepted \"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (tuf_target_name_check(good[i], &e) == -1)
			fail_msg("refused \"%s\"", good[i]);
	memset(component, 'a', 299);
	component[255] = '\0';
	assert_int_equal(tuf_target_name_check(component, &e), 0);
	component[255] = 'a';
	component[256] = '\0';
	assert_int_equal(tuf_target_name_check(component, &e), -1);
	free(component);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(search_finds_in_targets_first),
		CASE(search_goes_pre_order_in_order_of_appearance),
		CASE(search_asks_only_roles_whose_paths_cover),
		CASE(search_by_hash_prefix),
		CASE(search_stops_after_a_terminating_role_at_all_levels),
		CASE(search_ignores_terminating_of_roles_that_do_not_cover),
		CASE(search_survives_cycles),
		CASE(search_looks_into_32_delegated_roles_at_most),
		CASE(diamond_is_verified_by_each_delegator),
		CASE(diamond_signed_for_both_works_by_both),
		CASE(delegated_role_of_another_key_is_an_error),
		CASE(delegated_role_that_is_expired_is_an_error),
		CASE(delegated_role_of_other_bytes_is_an_error),
		CASE(delegated_role_of_another_version_is_an_error),
		CASE(delegated_role_without_end_is_an_error),
		CASE(delegated_role_missing_from_the_host_is_an_error),
		CASE(delegated_role_missing_from_snapshot_is_an_error),
		CASE(delegated_role_is_stored_once_and_read_from_there),
		CASE(delegated_role_of_a_strange_name_keeps_to_the_folder),
		CASE(role_chain_goes_by_name_and_verifies),
		CASE(target_with_a_hash_that_nobody_can_check_is_an_error),
		CASE(target_url_has_the_hash_before_its_last_component),
		cmocka_unit_test(target_is_checked_by_length_and_every_hash),
		cmocka_unit_test(target_names_that_leave_their_folder_are_refused),
	};

	return cmocka_run_group_tests_name("tuf_search", tests, NULL, NULL);
}
