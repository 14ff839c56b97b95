/*
 * The workflow when nobody attacks, the folder, the clock, local loading.
 * Attacks are in test_tuf_attacks.c, delegations in test_tuf_search.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/key.h"
#include "manifest/tuf_state.h"

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
	assert_string_equal(buf_text(&w->sim->asked),
	    "2.root.json timestamp.json 2.snapshot.json ");
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

static void
refresh_verifies_p256_and_ignores_unknown_keys(void **state)
{
	struct world *w = *state;
	static const char strange[] = "{\"keytype\":\"falcon\",\"scheme\":\"f\",\"keyval\":"
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
	assert_int_equal(jv_set(jv_get_mutable(root, "keys"), sha256_hex(&id, hex), key), 0);
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

static void
torn_local_files_count_as_absent(void **state)
{
	static const char *const names[] = { "timestamp.json", "snapshot.json",
		"targets.json" };
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		struct buf bytes = BUF_INIT(100000);

		device_must_refresh(w->dev, w->sim);
		device_read(w->dev, names[i], &bytes);
		device_write(w->dev, names[i], bytes.data, bytes.len / 2);
		device_must_refresh(w->dev, w->sim);
		device_write(w->dev, names[i], "", 0);
		device_must_refresh(w->dev, w->sim);
		assert_int_equal(device_version(w->dev, names[i]), 1);
		buf_free(&bytes);
	}
}

/* Not to be read is not the same as not to be there. */
static void
local_timestamp_that_cannot_be_read_is_an_error(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(mkdirat(w->dev->dir, "timestamp.json", 0755), 0);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_not_equal(e.code, ERR_ABSENT);
	assert_string_equal(buf_text(&w->sim->asked), "");
}

/* Two repositories that share a key: the other's memory is not ours. */
static void
local_timestamp_of_another_product_counts_as_absent(void **state)
{
	struct world *w = *state;
	struct jv *honest = jv_copy(sim_part(w->sim, "timestamp"));
	const struct sim_file *f;

	assert_int_equal(jv_set(sim_part(w->sim, "timestamp"), "x-product",
	    jv_new_text("another")), 0);
	sim_set_version(w->sim, "timestamp", 99);
	sim_sign_as(w->sim, "timestamp", "other");
	f = sim_file(w->sim, "other");
	device_write(w->dev, "timestamp.json", f->bytes.data, f->bytes.len);
	jv_free(sim_role(w->sim, "timestamp")->part);
	sim_role(w->sim, "timestamp")->part = honest;
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "timestamp.json"), 1);
}

static void
torn_local_root_is_fatal_until_trusted_anew(void **state)
{
	struct world *w = *state;
	const struct sim_file *root = sim_file(w->sim, "1.root.json");
	struct err e = ERR_INIT;

	device_write(w->dev, "root.json", root->bytes.data, root->bytes.len - 9);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, "trust the root of the package anew"));
	assert_int_equal(tuf_trust(w->dev->dir, root->bytes.data, root->bytes.len, &e), 0);
	device_must_refresh(w->dev, w->sim);
}

static void
trust_is_needed_before_anything(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(unlinkat(w->dev->dir, "root.json", 0), 0);
	assert_int_equal(device_open(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
}

static void
trust_keeps_a_newer_root_and_takes_one(void **state)
{
	struct world *w = *state;
	const struct sim_file *one, *two;
	struct err e = ERR_INIT;

	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	one = sim_file(w->sim, "1.root.json");
	two = sim_file(w->sim, "2.root.json");
	assert_int_equal(tuf_trust(w->dev->dir, two->bytes.data, two->bytes.len, &e), 0);
	assert_int_equal(device_version(w->dev, "root.json"), 2);
	assert_int_equal(tuf_trust(w->dev->dir, one->bytes.data, one->bytes.len, &e), 0);
	assert_int_equal(device_version(w->dev, "root.json"), 2);
}

static void
trust_refuses_another_repository_and_what_is_no_root(void **state)
{
	struct world *w = *state;
	struct tuf_sim *other = sim_new("fedcba9876543210");
	const struct sim_file *f = sim_file(other, "1.root.json");
	struct buf torn = BUF_INIT(100000);
	struct err e = ERR_INIT;

	assert_int_equal(tuf_trust(w->dev->dir, f->bytes.data, f->bytes.len, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	f = sim_file(other, "timestamp.json");
	assert_int_equal(tuf_trust(w->dev->dir, f->bytes.data, f->bytes.len, &e), -1);
	assert_int_equal(tuf_trust(w->dev->dir, "{}", 2, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	f = sim_file(w->sim, "1.root.json");
	assert_int_equal(buf_add(&torn, f->bytes.data, f->bytes.len, &e), 0);
	memcpy(strstr(buf_text(&torn), "\"sig\":\"") + 7, "00000000", 8);
	assert_int_equal(tuf_trust(w->dev->dir, torn.data, torn.len, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_true(device_same(w->dev, "root.json", w->sim, "1.root.json"));
	buf_free(&torn);
	sim_free(other);
}

static void
two_runs_at_once_do_not_mix(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	int lock = tuf_lock(w->dev->dir, &e);

	assert_true(lock != -1);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	(void)close(lock);
	device_must_refresh(w->dev, w->sim);
}

static void
refresh_clears_what_a_cut_left_behind(void **state)
{
	struct world *w = *state;

	device_write(w->dev, ".tmp.0123456789abcdef", "half", 4);
	device_must_refresh(w->dev, w->sim);
	assert_false(device_has(w->dev, ".tmp.0123456789abcdef"));
}

static void
refresh_goes_on_from_what_another_run_stored(void **state)
{
	struct world *w = *state;
	struct tuf_device *d = w->dev;
	struct err e = ERR_INIT;
	const struct sim_file *two;

	assert_int_equal(device_open(d, w->sim, &e), 0);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	two = sim_file(w->sim, "2.root.json");
	device_write(d, "root.json", two->bytes.data, two->bytes.len);
	assert_int_equal(tuf_refresh(d->tuf, &e), 0);
	assert_int_equal(device_version(d, "root.json"), 2);
	assert_null(strstr(buf_text(&w->sim->asked), "2.root.json"));
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

static void
expiry_is_strict_to_the_second(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	w->dev->clock.system_now = SIM_NOW + 30 * SIM_DAY - 1;
	device_must_refresh(w->dev, w->sim);
	w->dev->clock.system_now++;
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_int_equal(err_exit_status(&e), 9);
}

/* A clock far ahead for one run must leave no trace. */
static void
clock_in_the_future_fails_and_is_forgotten(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	w->dev->clock.system_now = SIM_NOW * 2;
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_non_null(strstr(e.text, "or the clock is wrong"));
	w->dev->clock.system_now = SIM_NOW;
	device_must_refresh(w->dev, w->sim);
}

static void
clock_of_1970_is_lifted_by_build_date_and_x_signed(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	int64_t x_signed, expires;

	w->dev->clock.system_now = 0;
	assert_int_equal(device_open(w->dev, w->sim, &e), 0);
	assert_int_equal(tuf_now(w->dev->tuf), 0);
	assert_int_equal(tuf_times(w->dev->tuf, &x_signed, &expires), -1);
	w->dev->clock.built = 1000;
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_now(w->dev->tuf), SIM_NOW - SIM_DAY);
	assert_int_equal(tuf_times(w->dev->tuf, &x_signed, &expires), 0);
	assert_int_equal(x_signed, SIM_NOW - SIM_DAY);
	assert_int_equal(expires, SIM_NOW + 30 * SIM_DAY);
	/* and what expired before the floor is stale, though it is 1970 */
	sim_release(w->sim);
	sim_set_expires(w->sim, "targets", SIM_NOW - 2 * SIM_DAY);
	assert_int_equal(jv_set(sim_part(w->sim, "targets"), "x-signed",
	    jv_new_text("2020-01-01T00:00:00Z")), 0);
	sim_publish(w->sim);
	sim_release(w->sim);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_non_null(strstr(e.text, "targets"));
}

static void
clock_untrusted_goes_by_the_floor_alone(void **state)
{
	struct world *w = *state;

	w->dev->clock.system_now = SIM_NOW * 2;
	w->dev->clock.untrusted = true;
	device_must_refresh(w->dev, w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_now(w->dev->tuf), SIM_NOW - SIM_DAY);
}

static void
clock_of_a_foreign_repository_is_the_system_clock(void **state)
{
	struct tuf_sim *s = sim_new(NULL);
	struct tuf_device *d = device_new(s);

	(void)state;
	d->clock.system_now = 5;
	d->clock.built = 1000;
	device_must_refresh(d, s);
	device_must_refresh(d, s);
	assert_int_equal(tuf_now(d->tuf), 5);
	device_free(d);
	sim_free(s);
}

static void
local_loading_needs_a_completed_refresh_and_no_network(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	device_must_refresh(w->dev, w->sim);
	w->dev->clock.system_now = SIM_NOW * 2;		/* expiry does not matter */
	assert_int_equal(device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), 0);
	assert_non_null(tuf_signed(w->dev->tuf, "targets"));
	assert_string_equal(tuf_product(w->dev->tuf), "0123456789abcdef");
	/* a refresh on the same client goes on from there */
	w->dev->clock.system_now = SIM_NOW;
	assert_int_equal(device_open(w->dev, w->sim, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), 0);
	assert_int_equal(tuf_refresh(w->dev->tuf, &e), 0);
}

static void
local_loading_verifies(void **state)
{
	struct world *w = *state;
	struct buf bytes = BUF_INIT(100000);
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	device_read(w->dev, "targets.json", &bytes);
	memcpy(strstr(buf_text(&bytes), "\"version\":1") + 10, "2", 1);
	device_write(w->dev, "targets.json", bytes.data, bytes.len);
	assert_int_equal(device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	buf_free(&bytes);
}

static void
local_loading_survives_a_timestamp_that_came_alone(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	sim_release(w->sim);
	(void)snprintf(w->sim->fail_name, SIM_NAME_MAX, "2.snapshot.json");
	w->sim->fail_code = ERR_NET;
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), 0);
}

static void
signed_parts_stay_valid_until_close(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	const struct jv *before;
	int64_t version = 0;

	device_must_refresh(w->dev, w->sim);
	before = tuf_signed(w->dev->tuf, "targets");
	sim_release(w->sim);
	assert_int_equal(tuf_refresh(w->dev->tuf, &e), 0);
	assert_int_equal(jv_int(jv_get(before, "version"), &version), 0);
	assert_int_equal(version, 1);
	assert_int_equal(jv_int(jv_get(tuf_signed(w->dev->tuf, "targets"), "version"),
	    &version), 0);
	assert_int_equal(version, 2);
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
		CASE(refresh_verifies_p256_and_ignores_unknown_keys),
		CASE(refresh_goes_on_where_an_earlier_one_stopped),
		CASE(roots_are_stored_one_by_one_as_they_verify),
		CASE(roots_between_may_be_expired_and_the_last_may_not),
		CASE(roots_rotate_through_all_their_keys),
		CASE(roots_beyond_the_cap_are_left_for_the_next_run),
		CASE(fast_forward_is_cured_by_rotating_the_key),
		CASE(torn_local_files_count_as_absent),
		CASE(local_timestamp_that_cannot_be_read_is_an_error),
		CASE(local_timestamp_of_another_product_counts_as_absent),
		CASE(torn_local_root_is_fatal_until_trusted_anew),
		CASE(trust_is_needed_before_anything),
		CASE(trust_keeps_a_newer_root_and_takes_one),
		CASE(trust_refuses_another_repository_and_what_is_no_root),
		CASE(two_runs_at_once_do_not_mix),
		CASE(refresh_clears_what_a_cut_left_behind),
		CASE(refresh_goes_on_from_what_another_run_stored),
		CASE(snapshot_of_the_same_version_and_other_bytes_is_fetched),
		CASE(expiry_is_strict_to_the_second),
		CASE(clock_in_the_future_fails_and_is_forgotten),
		CASE(clock_of_1970_is_lifted_by_build_date_and_x_signed),
		CASE(clock_untrusted_goes_by_the_floor_alone),
		CASE(clock_of_a_foreign_repository_is_the_system_clock),
		CASE(local_loading_needs_a_completed_refresh_and_no_network),
		CASE(local_loading_verifies),
		CASE(local_loading_survives_a_timestamp_that_came_alone),
		CASE(signed_parts_stay_valid_until_close),
	};

	return cmocka_run_group_tests_name("tuf_client", tests, NULL, NULL);
}
