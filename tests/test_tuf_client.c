/*
 * The workflow when nobody attacks: order, requests, roots.
 * The folder: test_tuf_folder.c, time: test_tuf_clock.c, attacks: test_tuf_attacks.c,
 * delegations: test_tuf_search.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "manifest/key.h"

#include "tests/lab/tuf_device.h"

struct world {
	struct tuf_sim *sim;
	struct tuf_device *dev;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->sim = sim_new("0123456789abcdef");
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
refresh_stores_every_file_byte_for_byte(void **state)
{
	struct world *w = *state;

	device_must_refresh(w->dev, w->sim);
	assert_string_equal(buf_text(&w->sim->asked),
	    "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	assert_true(device_same(w->dev, "root.json", w->sim, "1.root.json"));
	assert_true(device_same(w->dev, "timestamp.json", w->sim, "timestamp.json"));
	assert_true(device_same(w->dev, "snapshot.json", w->sim, "1.snapshot.json"));
	assert_true(device_same(w->dev, "targets.json", w->sim, "1.targets.json"));
}

static void
stat_of(const struct world *w, const char *name, struct stat *st)
{
	assert_int_equal(fstatat(w->dev->dir, name, st, 0), 0);
}

static void
refresh_with_nothing_new_asks_for_two_names_and_writes_nothing(void **state)
{
	struct world *w = *state;
	struct stat before, after, folder[2];
	uint64_t requests, bytes;

	device_must_refresh(w->dev, w->sim);
	stat_of(w, "timestamp.json", &before);
	stat_of(w, ".", &folder[0]);
	device_must_refresh(w->dev, w->sim);
	assert_string_equal(buf_text(&w->sim->asked), "2.root.json timestamp.json ");
	stat_of(w, "timestamp.json", &after);
	stat_of(w, ".", &folder[1]);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(folder[0].st_mtim.tv_sec, folder[1].st_mtim.tv_sec);
	assert_int_equal(folder[0].st_mtim.tv_nsec, folder[1].st_mtim.tv_nsec);
	tuf_counts(w->dev->tuf, &requests, &bytes);
	assert_int_equal(requests, 2);
	assert_int_equal(bytes, sim_file(w->sim, "timestamp.json")->bytes.len);
}

static void
refresh_fetches_only_the_roles_that_changed(void **state)
{
	struct world *w = *state;

	device_must_refresh(w->dev, w->sim);
	sim_bump(w->sim, "timestamp");
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_string_equal(buf_text(&w->sim->asked), "2.root.json timestamp.json ");
	assert_int_equal(device_version(w->dev, "timestamp.json"), 2);
	sim_bump(w->sim, "timestamp");
	sim_bump(w->sim, "snapshot");
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_string_equal(
	    buf_text(&w->sim->asked), "2.root.json timestamp.json 2.snapshot.json ");
}

static void
refresh_works_without_consistent_snapshots(void **state)
{
	struct world *w = *state;
	struct tuf_device *d;

	w->sim->inconsistent = true;
	sim_publish(w->sim);
	d = device_new(w->sim);
	device_must_refresh(d, w->sim);
	assert_string_equal(buf_text(&w->sim->asked),
	    "2.root.json timestamp.json snapshot.json targets.json ");
	device_free(d);
}

static void
refresh_works_with_a_foreign_repository_and_bare_listings(void **state)
{
	struct tuf_sim *s = sim_new(NULL);
	struct tuf_device *d;

	(void)state;
	s->bare = true;
	sim_publish(s);
	d = device_new(s);
	device_must_refresh(d, s);
	assert_null(tuf_product(d->tuf));
	sim_release(s);
	device_must_refresh(d, s);
	assert_int_equal(device_version(d, "targets.json"), 2);
	device_free(d);
	sim_free(s);
}

/* Other writers indent, escape and order as they like: what is signed is the
 * canonical form of what they mean. */
static void
refresh_reads_files_in_any_form_of_json(void **state)
{
	static const char path[] = "dir/\xc3\xa9\xf0\x9f\x98\x80 \"\\\x7f";
	struct tuf_sim *s = sim_new(NULL);
	struct tuf_target t;
	struct tuf_device *d;
	struct err e = ERR_INIT;

	(void)state;
	s->bare = true;
	sim_target(s, "targets", path, "1");
	sim_root_keys(s, "targets", SIM_KEY(K_P256), 1);
	sim_role(s, "targets")->signers = SIM_KEY(K_P256);
	sim_publish(s);
	for (struct sim_file *f = s->files; f != NULL; f = f->next) {
		struct jv *v = jv_parse(f->bytes.data, f->bytes.len, &e);

		buf_reset(&f->bytes);
		assert_int_equal(jv_print(v, &f->bytes, &e), 0);
		assert_int_equal(buf_add_text(&f->bytes, "\r\n \t", &e), 0);
		jv_free(v);
	}
	assert_non_null(strstr(buf_text(&sim_file(s, "1.targets.json")->bytes),
	    "dir/\\u00E9\\uD83D\\uDE00"));
	d = device_new(s);
	device_must_refresh(d, s);
	assert_int_equal(tuf_find(d->tuf, path, &t, &e), 1);
	assert_int_equal(t.length, 1);
	device_free(d);
	sim_free(s);
}

static void
refresh_verifies_p256_and_ignores_unknown_keys(void **state)
{
	struct world *w = *state;
	static const char strange[] =
	    "{\"keytype\":\"falcon\",\"scheme\":\"f\",\"keyval\":"
	    "{\"public\":\"00\"}}";
	struct err e = ERR_INIT;
	struct jv *key = jv_parse(strange, sizeof strange - 1, &e);
	char hex[SHA256_HEX_MAX];
	struct sha256 id;
	struct jv *root, *role;

	sim_root_keys(w->sim, "timestamp", SIM_KEY(K_P256) | SIM_KEY(K_ONLINE), 2);
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_P256) | SIM_KEY(K_ONLINE);
	root = sim_part(w->sim, "root");
	assert_int_equal(key_id_of(key, &id, &e), 0);
	assert_int_equal(
	    jv_set(jv_get_mutable(root, "keys"), sha256_hex(&id, hex), key), 0);
	role = jv_get_mutable(jv_get_mutable(root, "roles"), "timestamp");
	assert_int_equal(jv_push(jv_get_mutable(role, "keyids"), jv_new_text(hex)), 0);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 2);
}

/* The first run stopped between timestamp and snapshot: an equal timestamp must
 * not end the second. */
static void
refresh_goes_on_where_an_earlier_one_stopped(void **state)
{
	static const char *const stops[] = { "2.snapshot.json", "2.targets.json" };
	struct world *w = *state;
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	sim_release(w->sim);
	w->sim->fail_code = ERR_NET;
	for (int i = 0; i < 2; i++) {
		(void)snprintf(w->sim->fail_name, SIM_NAME_MAX, "%s", stops[i]);
		assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
		assert_int_equal(e.code, ERR_NET);
		assert_int_equal(device_version(w->dev, "timestamp.json"), 2);
	}
	w->sim->fail_name[0] = '\0';
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "targets.json"), 2);
}

static void
roots_are_stored_one_by_one_as_they_verify(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	for (int i = 0; i < 5; i++) {
		sim_bump(w->sim, "root");
		sim_publish(w->sim);
	}
	(void)snprintf(w->sim->fail_name, SIM_NAME_MAX, "5.root.json");
	w->sim->fail_code = ERR_NET;
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_true(device_same(w->dev, "root.json", w->sim, "4.root.json"));
	assert_false(device_has(w->dev, "timestamp.json"));
	w->sim->fail_name[0] = '\0';
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 6);
}

static void
roots_between_may_be_expired_and_the_last_may_not(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	sim_bump(w->sim, "root");
	sim_set_expires(w->sim, "root", SIM_NOW - 5);
	sim_publish(w->sim);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	/* stored all the same: it verified */
	assert_int_equal(device_version(w->dev, "root.json"), 2);
	sim_bump(w->sim, "root");
	sim_set_expires(w->sim, "root", SIM_NOW + SIM_DAY);
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 3);
}

static void
roots_rotate_through_all_their_keys(void **state)
{
	struct world *w = *state;
	static const int keys[] = { K_SPARE, K_P256, K_OTHER };
	unsigned old = SIM_KEY(K_ROOT);

	for (int i = 0; i < 3; i++) {
		sim_root_keys(w->sim, "root", SIM_KEY(keys[i]), 1);
		sim_role(w->sim, "root")->signers = old | SIM_KEY(keys[i]);
		old = SIM_KEY(keys[i]);
		sim_bump(w->sim, "root");
		sim_publish(w->sim);
	}
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 4);
}

static void
roots_beyond_the_cap_are_left_for_the_next_run(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 260; i++) {
		char name[32];

		sim_bump(w->sim, "root");
		(void)snprintf(name, sizeof name, "%d.root.json", i + 2);
		sim_sign_as(w->sim, "root", name);
	}
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 257);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 261);
}

/* An attacker held the online key and published version 2^40. */
static void
fast_forward_is_cured_by_rotating_the_key(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	sim_set_version(w->sim, "snapshot", INT64_C(1) << 40);
	sim_set_version(w->sim, "timestamp", INT64_C(1) << 40);
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	sim_set_version(w->sim, "snapshot", 2);
	sim_set_version(w->sim, "timestamp", 2);
	sim_publish(w->sim);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	for (int i = 2; i < 4; i++) {
		sim_root_keys(w->sim, w->sim->roles[i].name, SIM_KEY(K_SPARE), 1);
		w->sim->roles[i].signers = SIM_KEY(K_SPARE);
	}
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "timestamp.json"), 2);
	assert_int_equal(device_version(w->dev, "snapshot.json"), 2);
}

/* The timestamp lists other bytes under a version that is here already: these are
 * the ones that count. */
static void
snapshot_of_the_same_version_and_other_bytes_is_fetched(void **state)
{
	struct world *w = *state;

	device_must_refresh(w->dev, w->sim);
	sim_set_expires(w->sim, "snapshot", SIM_NOW + SIM_DAY);
	sim_bump(w->sim, "timestamp");
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_true(device_same(w->dev, "snapshot.json", w->sim, "1.snapshot.json"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(refresh_stores_every_file_byte_for_byte),
		CASE(refresh_with_nothing_new_asks_for_two_names_and_writes_nothing),
		CASE(refresh_fetches_only_the_roles_that_changed),
		CASE(refresh_works_without_consistent_snapshots),
		CASE(refresh_works_with_a_foreign_repository_and_bare_listings),
		CASE(refresh_reads_files_in_any_form_of_json),
		CASE(refresh_verifies_p256_and_ignores_unknown_keys),
		CASE(refresh_goes_on_where_an_earlier_one_stopped),
		CASE(roots_are_stored_one_by_one_as_they_verify),
		CASE(roots_between_may_be_expired_and_the_last_may_not),
		CASE(roots_rotate_through_all_their_keys),
		CASE(roots_beyond_the_cap_are_left_for_the_next_run),
		CASE(fast_forward_is_cured_by_rotating_the_key),
		CASE(snapshot_of_the_same_version_and_other_bytes_is_fetched),
	};

	return cmocka_run_group_tests_name("tuf_client", tests, NULL, NULL);
}
