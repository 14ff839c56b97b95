/*
 * Delegated roles get every check that the top-level ones get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Nothing says how long it is: then a limit of its own does. */
static void
snapshot_without_end_is_an_error(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	w->sim->bare = true;
	sim_release(w->sim);
	(void)snprintf(w->sim->endless, SIM_NAME_MAX, "2.snapshot.json");
	assert_int_equal(device_refresh(w->dev, w->sim, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, "over the limit of 2000000"));
}

/* However much is on offer, no more than was signed is received. */
static void
delegated_role_without_end_stops_at_its_signed_length(void **state)
{
	struct world *w = *state;
	uint64_t before, requests, bytes;
	struct tuf_target t;
	struct err e = ERR_INIT;
	char text[64];

	two_roles(w);
	sim_release(w->sim);
	(void)snprintf(text, sizeof text, "over the limit of %zu",
	    sim_file(w->sim, "2.a.json")->bytes.len);
	device_must_refresh(w->dev, w->sim);
	tuf_counts(w->dev->tuf, &requests, &before);
	(void)snprintf(w->sim->endless, SIM_NAME_MAX, "2.a.json");
	assert_int_equal(tuf_find(w->dev->tuf, "f", &t, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, text));
	tuf_counts(w->dev->tuf, &requests, &bytes);
	assert_true(bytes - before <= sim_file(w->sim, "2.a.json")->bytes.len);
}

/* A signature under a length is no reason to fill the memory. */
static void
delegated_role_of_a_huge_signed_length_stops_before(void **state)
{
	struct world *w = *state;
	struct jv *listed;

	two_roles(w);
	sim_release(w->sim);
	listed = jv_get_mutable(
	    jv_get_mutable(sim_part(w->sim, "snapshot"), "meta"), "a.json");
	assert_int_equal(jv_set(listed, "length", jv_new_int(17 << 20)), 0);
	sim_sign_as(w->sim, "snapshot", "2.snapshot.json");
	listed = jv_get_mutable(
	    jv_get_mutable(sim_part(w->sim, "timestamp"), "meta"), "snapshot.json");
	(void)jv_remove(listed, "hashes");
	(void)jv_remove(listed, "length");
	sim_sign_as(w->sim, "timestamp", "timestamp.json");
	(void)snprintf(w->sim->endless, SIM_NAME_MAX, "2.a.json");
	expect_fault(w, ERR_FORMAT, "over the limit of 16777216");
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
	assert_int_equal(tuf_device_open(w->dev, NULL, &e), 0);
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(delegated_role_of_another_key_is_an_error),
		CASE(delegated_role_that_is_expired_is_an_error),
		CASE(delegated_role_of_other_bytes_is_an_error),
		CASE(delegated_role_of_another_version_is_an_error),
		CASE(delegated_role_without_end_is_an_error),
		CASE(snapshot_without_end_is_an_error),
		CASE(delegated_role_without_end_stops_at_its_signed_length),
		CASE(delegated_role_of_a_huge_signed_length_stops_before),
		CASE(delegated_role_missing_from_the_host_is_an_error),
		CASE(delegated_role_missing_from_snapshot_is_an_error),
		CASE(delegated_role_is_stored_once_and_read_from_there),
		CASE(delegated_role_of_a_strange_name_keeps_to_the_folder),
	};

	return cmocka_run_group_tests_name("tuf_delegated", tests, NULL, NULL);
}
