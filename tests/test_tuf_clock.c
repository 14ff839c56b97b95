/*
 * Expiry, and clocks that are late, early or not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"

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

/* Everything is current but one file that is in the folder already. */
static void
expiry_is_checked_of_files_that_are_not_fetched_again(void **state)
{
	static const char *const roles[] = { "snapshot", "targets", "stable" };
	struct world *w = *state;
	struct err e = ERR_INIT;
	struct tuf_target t;

	sim_delegate(w->sim, "targets", "stable", "*", SIM_KEY(K_CHANNEL));
	sim_target(w->sim, "stable", "f", "1");
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++)
			sim_set_expires(w->sim, roles[k], SIM_NOW + 9 * SIM_DAY);
		sim_set_expires(w->sim, roles[i], SIM_NOW + SIM_DAY);
		sim_release(w->sim);
		w->dev->clock.system_now = SIM_NOW;
		device_must_refresh(w->dev, w->sim);
		assert_int_equal(tuf_find(w->dev->tuf, "f", &t, &e), 1);
		w->dev->clock.system_now = SIM_NOW + SIM_DAY;
		if (device_refresh(w->dev, w->sim, &e) == 0)
			assert_int_equal(tuf_find(w->dev->tuf, "f", &t, &e), -1);
		assert_int_equal(e.code, ERR_STALE);
		assert_ptr_equal(strstr(e.text, roles[i]), e.text);
	}
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
	assert_int_equal(tuf_device_open(w->dev, w->sim, &e), 0);
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
			     jv_new_text("2020-01-01T00:00:00Z")),
	    0);
	sim_publish(w->sim);
	sim_release(w->sim);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_non_null(strstr(e.text, "targets"));
}

/* Before any timestamp is known, nothing can have been signed later than the
 * program was built and be expired by then. */
static void
clock_of_1970_is_not_before_the_build(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	w->dev->clock.system_now = 0;
	w->dev->clock.built = SIM_NOW + 30 * SIM_DAY;
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_int_equal(tuf_now(w->dev->tuf), SIM_NOW + 30 * SIM_DAY);
}

/* A thief of the online key signs in the far future: every honest file is then
 * stale, until root names another key and the floor is gone with the old one. */
static void
clock_pushed_ahead_is_cured_by_rotating_the_key(void **state)
{
	struct world *w = *state;
	struct jv *honest = jv_copy(sim_part(w->sim, "timestamp"));
	char text[UTC_TEXT_MAX];
	struct err e = ERR_INIT;

	sim_set_expires(w->sim, "timestamp", SIM_NOW + 200 * SIM_DAY);
	assert_int_equal(jv_set(sim_part(w->sim, "timestamp"), "x-signed",
			     jv_new_text(utc_text(text, SIM_NOW + 100 * SIM_DAY))),
	    0);
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_now(w->dev->tuf), SIM_NOW + 100 * SIM_DAY);
	jv_free(sim_role(w->sim, "timestamp")->part);
	sim_role(w->sim, "timestamp")->part = honest;
	sim_release(w->sim);
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_STALE);
	sim_root_keys(w->sim, "timestamp", SIM_KEY(K_SPARE), 1);
	sim_role(w->sim, "timestamp")->signers = SIM_KEY(K_SPARE);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_now(w->dev->tuf), SIM_NOW);
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(expiry_is_strict_to_the_second),
		CASE(expiry_is_checked_of_files_that_are_not_fetched_again),
		CASE(clock_in_the_future_fails_and_is_forgotten),
		CASE(clock_of_1970_is_lifted_by_build_date_and_x_signed),
		CASE(clock_of_1970_is_not_before_the_build),
		CASE(clock_pushed_ahead_is_cured_by_rotating_the_key),
		CASE(clock_untrusted_goes_by_the_floor_alone),
		CASE(clock_of_a_foreign_repository_is_the_system_clock),
	};

	return cmocka_run_group_tests_name("tuf_clock", tests, NULL, NULL);
}
