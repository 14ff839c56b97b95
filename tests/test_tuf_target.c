/*
 * Targets as a role lists them: reached by a chain of names, their bytes, their names.
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

/* Publish, refresh, look for a path: 1, 0, -1; e says why. */
static int
find(struct world *w, const char *path, struct tuf_target *t, struct err *e)
{
	sim_release(w->sim);
	device_must_refresh(w->dev, w->sim);
	buf_reset(&w->sim->asked);
	return tuf_find(w->dev->tuf, path, t, e);
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
	t.sha256.bytes[0] ^= 1;
	assert_int_equal(check_bytes(&t, "abc", &e), -1);
	assert_non_null(strstr(e.text, "sha256 differs"));
	t.has_sha256 = t.has_sha512 = false;
	assert_int_equal(check_bytes(&t, "abc", &e), -1);
}

/* What this process asked the system to read so far. */
static long long
bytes_read(void)
{
	FILE *f = fopen("/proc/self/io", "re");
	long long n = -1;

	if (f == NULL)
		return -1;
	if (fscanf(f, "rchar: %lld", &n) != 1)
		n = -1;
	(void)fclose(f);
	return n;
}

static void
target_is_not_read_beyond_its_length(void **state)
{
	struct tuf_target t = { .path = "x", .length = 3, .has_sha256 = true };
	int fd = memfd_create("target", 0);
	long long before = bytes_read();
	struct err e = ERR_INIT;

	(void)state;
	if (before == -1)
		skip();
	assert_true(fd != -1);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	assert_int_equal(tuf_target_check(&t, fd, &e), -1);
	assert_true(bytes_read() - before < 1 << 20);
	(void)close(fd);
}

/* Roles come here with their shape checked; this must not be all that counts. */
static void
target_without_a_hash_is_not_read(void **state)
{
	static const char text[] =
	    "{\"targets\":{\"f\":{\"length\":1,\"hashes\":{}}}}";
	struct err e = ERR_INIT;
	struct jv *part = jv_parse(text, sizeof text - 1, &e);
	struct tuf_target t;
	void *it = NULL;

	(void)state;
	assert_int_equal(tuf_role_target(part, "f", &t, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(tuf_role_each(part, &it, &t, &e), -1);
	jv_free(part);
}

static void
target_url_of_a_name_that_leaves_is_refused(void **state)
{
	struct world *w = *state;
	struct buf url = BUF_INIT(1000);
	struct tuf_target t;
	struct err e = ERR_INIT;

	sim_target(w->sim, "targets", "../x", "abc");
	assert_int_equal(find(w, "../x", &t, &e), 1);
	assert_int_equal(tuf_target_url(w->dev->tuf, &t, &url, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(url.len, 0);
	buf_free(&url);
}

static void
target_names_that_leave_their_folder_are_refused(void **state)
{
	static const char *const bad[] = { "", "/etc/passwd", "../x", "a/../b", "a//b",
		"a/", ".", "a/./b", "a\\b", "..", "a\nb", "a\177b" };
	static const char *const good[] = { "a", "a/b", "..a", "a..b/...", ".hidden" };
	char *component = malloc(300), path[4102];
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
	for (size_t i = 0; i < sizeof path; i++)
		path[i] = i % 100 == 99 ? '/' : 'a';
	path[4000] = '\0';
	assert_int_equal(tuf_target_name_check(path + 1, &e), -1);
	path[3999] = 'a';
	assert_int_equal(tuf_target_name_check(path, &e), 0);
	path[4000] = 'a';
	path[4001] = '\0';
	assert_int_equal(tuf_target_name_check(path, &e), -1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(role_chain_goes_by_name_and_verifies),
		CASE(target_with_a_hash_that_nobody_can_check_is_an_error),
		CASE(target_url_has_the_hash_before_its_last_component),
		cmocka_unit_test(target_is_checked_by_length_and_every_hash),
		cmocka_unit_test(target_is_not_read_beyond_its_length),
		cmocka_unit_test(target_without_a_hash_is_not_read),
		CASE(target_url_of_a_name_that_leaves_is_refused),
		cmocka_unit_test(target_names_that_leave_their_folder_are_refused),
	};

	return cmocka_run_group_tests_name("tuf_target", tests, NULL, NULL);
}
