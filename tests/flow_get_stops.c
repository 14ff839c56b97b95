/*
 * Where refresh and get stop: at the first failure, at the signed length, at another
 * protocol, and in 1970 at what had expired before the program was built.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"

#include "tests/lab/tuf_world.h"

#define APP "dir/app"
#define APP_BYTES "the software\n"

static void
get_stops_at_the_first_name_that_fails(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_target(w, "targets", APP, APP_BYTES);
	sim_release(w->sim);
	assert_int_not_equal(tuf_world_get(w, "dir/none " APP), 0);
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 0);
	tuf_world_got_nothing(w);
	assert_int_not_equal(tuf_world_get(w, APP " dir/none"), 0);
	lab_ok(w->lab, "cmp out/" APP " - << 'E'\n" APP_BYTES "E");
}

static void
a_target_without_end_stops_at_its_signed_length(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_target(w, "targets", APP, APP_BYTES);
	sim_release(w->sim);
	tuf_host_lie(w->host, tuf_world_target_path(APP, APP_BYTES), LIE_ENDLESS, 200,
	    NULL);
	(void)snprintf(w->before, sizeof w->before, "timeout 20");
	tuf_world_get_fails(w, APP, 4, "more than the 13 bytes that were signed");
	tuf_world_got_nothing(w);
}

/* The very bytes, in a file of this machine: a host must not make us read files. */
static void
a_redirect_to_a_file_of_this_machine_is_not_followed(void **state)
{
	struct tuf_world *w = *state;
	const struct sim_file *f;
	char url[400];

	sim_release(w->sim);
	f = sim_file(w->sim, "timestamp.json");
	lab_write_bytes(w->lab, "local.json", f->bytes.data, f->bytes.len);
	(void)snprintf(url, sizeof url, "file://%s/local.json", w->lab->dir);
	tuf_host_lie(w->host, "/metadata/timestamp.json", LIE_REDIRECT, 0, url);
	tuf_world_refuses(w, 3, "timestamp.json");
}

/* A clock that was never set does not bring old metadata back to life. */
static void
in_1970_what_expired_before_the_build_is_stale(void **state)
{
	struct tuf_world *w = *state;
	struct jv *part = sim_part(w->sim, "timestamp");

	if (lab_run(w->lab, "faketime -f '@1970-01-02 00:00:00' delta-apply --version") !=
	    0)
		skip();
	(void)snprintf(w->before, sizeof w->before,
	    "TZ=UTC faketime -f '@1970-01-02 00:00:00 x0'");
	tuf_world_refreshes(w);
	lab_ok(w->lab, "rm -r m");
	assert_int_equal(tuf_world_trust(w, "1.root.json"), 0);
	assert_int_equal(
	    jv_set(part, "x-signed", jv_new_text("2019-12-31T00:00:00Z")), 0);
	assert_int_equal(jv_set(part, "expires", jv_new_text("2020-01-01T00:00:00Z")), 0);
	sim_release(w->sim);
	tuf_world_refuses(w, 9, "timestamp: metadata expired on 2020-01-01");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, tuf_world_open, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(get_stops_at_the_first_name_that_fails),
		CASE(a_target_without_end_stops_at_its_signed_length),
		CASE(a_redirect_to_a_file_of_this_machine_is_not_followed),
		CASE(in_1970_what_expired_before_the_build_is_stale),
	};

	return cmocka_run_group_tests_name("get_stops", tests, NULL, NULL);
}
