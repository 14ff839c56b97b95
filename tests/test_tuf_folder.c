/*
 * The folder of trusted metadata: the first trust, damage, two runs, no network.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

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

	assert_int_equal(
	    jv_set(sim_part(w->sim, "timestamp"), "x-product", jv_new_text("another")),
	    0);
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
	assert_int_equal(
	    tuf_trust(w->dev->dir, root->bytes.data, root->bytes.len, &e), 0);
	device_must_refresh(w->dev, w->sim);
}

static void
trust_is_needed_before_anything(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(unlinkat(w->dev->dir, "root.json", 0), 0);
	assert_int_equal(tuf_device_open(w->dev, w->sim, &e), -1);
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

static int
trust_sim(struct world *w, struct tuf_sim *s, const char *name, struct err *e)
{
	const struct sim_file *f = sim_file(s, name);

	return tuf_trust(w->dev->dir, f->bytes.data, f->bytes.len, e);
}

/* A newer version is no leave to change the repository. */
static void
trust_goes_on_by_product_or_by_a_key_in_common(void **state)
{
	struct world *w = *state;
	struct tuf_sim *other = sim_new("fedcba9876543210"), *foreign = sim_new(NULL);
	struct err e = ERR_INIT;

	sim_bump(other, "root");
	sim_publish(other);
	assert_int_equal(trust_sim(w, other, "2.root.json", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	sim_bump(foreign, "root");
	sim_publish(foreign);
	assert_int_equal(trust_sim(w, foreign, "2.root.json", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	/* Another product of the same people: their key is no leave either. */
	sim_bump(w->sim, "root");
	assert_int_equal(
	    jv_set(sim_part(w->sim, "root"), "x-product", jv_new_text("another")), 0);
	sim_publish(w->sim);
	assert_int_equal(trust_sim(w, w->sim, "2.root.json", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_true(device_same(w->dev, "root.json", w->sim, "1.root.json"));
	(void)jv_remove(sim_part(w->sim, "root"), "x-product");
	sim_publish(w->sim);
	assert_int_equal(trust_sim(w, w->sim, "2.root.json", &e), 0);
	assert_true(device_same(w->dev, "root.json", w->sim, "2.root.json"));
	sim_free(other);
	sim_free(foreign);
}

static void
trust_refuses_another_root_of_the_same_version(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	sim_set_expires(w->sim, "root", SIM_NOW + 99 * SIM_DAY);
	sim_sign_as(w->sim, "root", "twin");
	assert_int_equal(trust_sim(w, w->sim, "twin", &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_true(device_same(w->dev, "root.json", w->sim, "1.root.json"));
}

/* Signed by the right key, and yet no timestamp: it counts as absent. */
static void
local_file_of_another_role_counts_as_absent(void **state)
{
	struct tuf_sim *s = sim_new(NULL);
	const struct sim_file *f = sim_file(s, "1.snapshot.json");
	struct tuf_device *d = device_new(s);

	(void)state;
	device_write(d, "timestamp.json", f->bytes.data, f->bytes.len);
	device_must_refresh(d, s);
	assert_true(device_same(d, "timestamp.json", s, "timestamp.json"));
	device_free(d);
	sim_free(s);
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

	assert_int_equal(tuf_device_open(d, w->sim, &e), 0);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	two = sim_file(w->sim, "2.root.json");
	device_write(d, "root.json", two->bytes.data, two->bytes.len);
	assert_int_equal(tuf_refresh(d->tuf, &e), 0);
	assert_int_equal(device_version(d, "root.json"), 2);
	assert_null(strstr(buf_text(&w->sim->asked), "2.root.json"));
}

/* No byte can be written: everything stays, and later all goes well. */
static void
full_disk_leaves_what_was_trusted(void **state)
{
	struct world *w = *state;
	struct rlimit old, none;
	struct err e = ERR_INIT;

	device_must_refresh(w->dev, w->sim);
	sim_bump(w->sim, "root");
	sim_release(w->sim);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(e.sys, EFBIG);
	assert_int_equal(device_version(w->dev, "root.json"), 1);
	assert_int_equal(device_version(w->dev, "timestamp.json"), 1);
	assert_int_equal(tuf_device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), 0);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(device_version(w->dev, "root.json"), 2);
	assert_int_equal(device_version(w->dev, "targets.json"), 2);
}

static void
local_loading_needs_a_completed_refresh_and_no_network(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(tuf_device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	device_must_refresh(w->dev, w->sim);
	w->dev->clock.system_now = SIM_NOW * 2; /* expiry does not matter */
	assert_int_equal(tuf_device_open(w->dev, NULL, &e), 0);
	assert_int_equal(tuf_load_local(w->dev->tuf, &e), 0);
	assert_non_null(tuf_signed(w->dev->tuf, "targets"));
	assert_string_equal(tuf_product(w->dev->tuf), "0123456789abcdef");
	/* a refresh on the same client goes on from there */
	w->dev->clock.system_now = SIM_NOW;
	assert_int_equal(tuf_device_open(w->dev, w->sim, &e), 0);
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
	assert_int_equal(tuf_device_open(w->dev, NULL, &e), 0);
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
	assert_int_equal(tuf_device_open(w->dev, NULL, &e), 0);
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
	assert_int_equal(
	    jv_int(jv_get(tuf_signed(w->dev->tuf, "targets"), "version"), &version), 0);
	assert_int_equal(version, 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(torn_local_files_count_as_absent),
		CASE(local_timestamp_that_cannot_be_read_is_an_error),
		CASE(local_timestamp_of_another_product_counts_as_absent),
		CASE(torn_local_root_is_fatal_until_trusted_anew),
		CASE(trust_is_needed_before_anything),
		CASE(trust_keeps_a_newer_root_and_takes_one),
		CASE(trust_refuses_another_repository_and_what_is_no_root),
		CASE(trust_goes_on_by_product_or_by_a_key_in_common),
		CASE(trust_refuses_another_root_of_the_same_version),
		CASE(local_file_of_another_role_counts_as_absent),
		CASE(two_runs_at_once_do_not_mix),
		CASE(refresh_clears_what_a_cut_left_behind),
		CASE(refresh_goes_on_from_what_another_run_stored),
		CASE(full_disk_leaves_what_was_trusted),
		CASE(local_loading_needs_a_completed_refresh_and_no_network),
		CASE(local_loading_verifies),
		CASE(local_loading_survives_a_timestamp_that_came_alone),
		CASE(signed_parts_stay_valid_until_close),
	};

	return cmocka_run_group_tests_name("tuf_folder", tests, NULL, NULL);
}
