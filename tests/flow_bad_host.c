/*
 * Hosts, networks and things in between that answer wrongly, slowly or not at all;
 * what the client asks for, and what it leaves on the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/tuf_world.h"

#define APP "dir/app"
#define APP_BYTES "the software\n"
#define TOP "root.json snapshot.json targets.json timestamp.json"
#define PORTAL "<html><body>Please log in to this network</body></html>\n"

static int
open_world(void **state)
{
	struct tuf_world *w;

	if (tuf_world_open(state) != 0)
		return -1;
	w = *state;
	sim_delegate(w->sim, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	tuf_world_target(w, "stable", APP, APP_BYTES);
	sim_release(w->sim);
	/* Pauses between tries are seconds. */
	(void)tuf_world_hurry(w, 30);
	return 0;
}

/* Every file on the way to a target, and the target: in the order of the requests. */
static const char *
step_path(int i)
{
	static const char *const paths[] = { "/metadata/2.root.json",
		"/metadata/timestamp.json", "/metadata/2.snapshot.json",
		"/metadata/2.targets.json", "/metadata/2.stable.json" };

	return i < 5 ? paths[i] : tuf_world_target_path(APP, APP_BYTES);
}

/* What is stored when the i-th request fails. */
static const char *const stored_before[] = { "root.json", "root.json",
	"root.json timestamp.json", "root.json snapshot.json timestamp.json", TOP,
	"root.json snapshot.json stable.json targets.json timestamp.json" };

enum { STEPS = 6 };

static void
start_anew(struct tuf_world *w)
{
	tuf_host_honest(w->host);
	lab_ok(w->lab, "rm -rf m out");
	assert_int_equal(tuf_world_trust(w, "1.root.json"), 0);
}

/* The i-th answer is this lie: the run fails in the right way, no byte of it stays,
 * and afterwards all goes well. */
static void
check_lie(struct tuf_world *w, int i, enum host_lie lie, int status, const char *text,
    int want)
{
	char path[300];

	start_anew(w);
	(void)snprintf(path, sizeof path, "%s", step_path(i));
	tuf_host_lie(w->host, path, lie, status, text);
	tuf_world_get_fails(w, APP, want, "");
	tuf_world_stored(w, stored_before[i]);
	tuf_world_got_nothing(w);
	tuf_host_honest(w->host);
	tuf_world_gets(w, APP, APP_BYTES);
}

static void
a_page_of_a_captive_portal_is_no_metadata_and_no_target(void **state)
{
	for (int i = 0; i < STEPS; i++)
		check_lie(*state, i, LIE_INSTEAD, 200, PORTAL, 4);
}

static void
an_empty_answer_is_no_metadata_and_no_target(void **state)
{
	for (int i = 0; i < STEPS; i++)
		check_lie(*state, i, LIE_INSTEAD, 200, "", 4);
}

/* 404 and 403 end the chain of roots and nothing else; nobody asks twice. */
static void
what_is_not_there_is_asked_for_once(void **state)
{
	static const int statuses[] = { 404, 403, 410 };
	struct tuf_world *w = *state;

	for (size_t k = 0; k < 3; k++)
		for (int i = 1; i < STEPS; i++) {
			check_lie(w, i, LIE_STATUS, statuses[k], PORTAL, 3);
			start_anew(w);
			tuf_host_lie(w->host, step_path(i), LIE_STATUS, statuses[k], "");
			tuf_world_get_fails(w, APP, 3, "not there");
			assert_int_equal(tuf_host_count(w->host, ""), i + 1);
		}
	start_anew(w);
	tuf_host_lie(w->host, "/metadata/2.root.json", LIE_STATUS, 403, PORTAL);
	tuf_world_gets(w, APP, APP_BYTES);
	assert_int_equal(tuf_host_count(w->host, "root.json"), 1);
}

static void
answers_that_are_no_file_are_refused(void **state)
{
	static const int statuses[] = { 304, 400, 401, 407, 418, 451 };

	for (int i = 0; i < STEPS; i++) {
		check_lie(*state, i, LIE_STATUS, statuses[i], PORTAL, 3);
		check_lie(*state, i, LIE_STATUS, statuses[STEPS - 1 - i], PORTAL, 3);
	}
}

/* Any other error is not the end of the chain of roots. */
static void
a_failing_host_is_no_end_of_the_root_chain(void **state)
{
	struct tuf_world *w = *state;

	sim_bump(w->sim, "root");
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_host_lie(w->host, "/metadata/2.root.json", LIE_STATUS, 401, "");
	tuf_world_refuses(w, 3, "2.root.json");
	tuf_world_stored(w, "root.json");
	assert_int_equal(tuf_host_count(w->host, "timestamp"), 0);
}

/* Tried again, and if that helps nothing is lost. */
static void
what_may_pass_is_tried_again(void **state)
{
	static const enum host_lie lies[] = { LIE_STATUS, LIE_CUT, LIE_HANG_UP };
	struct tuf_world *w = *state;

	for (size_t k = 0; k < 3; k++)
		for (int i = 0; i < STEPS; i++) {
			char path[300];

			start_anew(w);
			(void)snprintf(path, sizeof path, "%s", step_path(i));
			if (i == 0 && lies[k] == LIE_CUT)
				continue;	/* there is no body to cut */
			tuf_host_lie_times(w->host, path, lies[k], 503, "", 1);
			tuf_world_gets(w, APP, APP_BYTES);
			assert_int_equal(tuf_host_count(w->host, path), 2);
		}
}

static void
what_does_not_pass_ends_after_three_more_tries(void **state)
{
	static const enum host_lie lies[] = { LIE_STATUS, LIE_CUT, LIE_HANG_UP };
	struct tuf_world *w = *state;

	for (size_t k = 0; k < 3; k++) {
		int i = k == 0 ? 0 : k == 1 ? 1 : 5;

		check_lie(w, i, lies[k], 500, PORTAL, 3);
		start_anew(w);
		tuf_host_lie(w->host, step_path(i), lies[k], 500, PORTAL);
		tuf_world_get_fails(w, APP, 3, "");
		assert_int_equal(tuf_host_count(w->host, ""), i + 4);
	}
}

/* The length that the host says is a third opinion, and never a reason to read on. */
static void
wrong_lengths_are_no_way_in(void **state)
{
	for (int i = 1; i < STEPS; i++) {
		check_lie(*state, i, LIE_SHORT, 200, NULL, 4);
		check_lie(*state, i, LIE_HUGE, 200, NULL, 4);
	}
	/* One byte more than was signed; a timestamp has no signed length. */
	for (int i = 1; i < STEPS; i++)
		check_lie(*state, i, LIE_MORE, 200, "x", 4);
}

static void
headers_without_end_are_cut_off(void **state)
{
	struct tuf_world *w = *state;

	tuf_host_lie_times(w->host, "/metadata/2.root.json", LIE_HEADERS, 200, NULL, 1);
	tuf_world_gets(w, APP, APP_BYTES);
	assert_true(tuf_host_sent(w->host) < 8 << 20);
}

/* Nothing is unpacked on the way: what was signed are the bytes that are sent. */
static void
packed_bodies_are_not_unpacked(void **state)
{
	for (int i = 1; i < STEPS; i++)
		check_lie(*state, i, LIE_GZIP, 200, "\x1f\x8b\x08", 4);
}

static void
redirects_are_followed_within_limits(void **state)
{
	struct tuf_world *w = *state;
	char url[200], name[32];

	/* Elsewhere on the host: the bytes count, not where they come from. */
	sim_put(w->sim, "elsewhere", sim_file(w->sim, "timestamp.json")->bytes.data,
	    sim_file(w->sim, "timestamp.json")->bytes.len);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/metadata/elsewhere",
	    tuf_host_port(w->host));
	for (int status = 301; status <= 308; status++) {
		if (status > 303 && status < 307)
			continue;
		start_anew(w);
		tuf_host_lie(w->host, "/metadata/timestamp.json", LIE_REDIRECT, status,
		    url);
		tuf_world_refreshes(w);
	}
	/* Five are followed, six are not. */
	for (int hops = 5; hops <= 6; hops++) {
		start_anew(w);
		tuf_host_lie(w->host, "/metadata/timestamp.json", LIE_REDIRECT, 0,
		    "/metadata/hop1");
		for (int i = 1; i < hops; i++) {
			char from[40];

			(void)snprintf(from, sizeof from, "/metadata/hop%d", i);
			(void)snprintf(name, sizeof name, i == hops - 1 ?
			    "/metadata/elsewhere" : "/metadata/hop%d", i + 1);
			tuf_host_lie(w->host, from, LIE_REDIRECT, 0, name);
		}
		if (hops == 5)
			tuf_world_refreshes(w);
		else
			tuf_world_refuses(w, 3, "redirect");
	}
}

static void
redirects_in_a_circle_end(void **state)
{
	struct tuf_world *w = *state;

	tuf_host_lie(w->host, "/metadata/timestamp.json", LIE_REDIRECT, 0,
	    "/metadata/timestamp.json");
	tuf_world_refuses(w, 3, "redirect");
	/* Once, and three more tries, of six requests each at most. */
	assert_true(tuf_host_count(w->host, "timestamp.json") <= 4 * 6);
	tuf_world_stored(w, "root.json");
}

static void
redirects_lead_to_no_file_and_no_other_protocol(void **state)
{
	static const char *const where[] = { "file:///etc/passwd", "ftp://127.0.0.1/x",
		"gopher://127.0.0.1/x", "dict://127.0.0.1/x" };
	struct tuf_world *w = *state;

	tuf_host_lie(w->host, "/metadata/timestamp.json", LIE_REDIRECT, 0, where[0]);
	tuf_world_refuses(w, 3, "timestamp.json");
	for (size_t k = 1; k < 4; k++) {
		/* The target, whose bytes would be anybody's. */
		start_anew(w);
		tuf_host_lie(w->host, tuf_world_target_path(APP, APP_BYTES),
		    LIE_REDIRECT, 0, where[k]);
		tuf_world_get_fails(w, APP, 3, "");
		tuf_world_got_nothing(w);
	}
}

static void
proxies_are_taken_from_the_environment(void **state)
{
	struct tuf_world *w = *state;
	int port = tuf_host_port(w->host);

	lab_ok(w->lab, "http_proxy=http://127.0.0.1:%d delta-apply get --metadata-dir m "
	    "--metadata-url http://updates.invalid/metadata --targets-url "
	    "http://updates.invalid/targets --output out " APP, port);
	assert_int_equal(tuf_host_count(w->host, "GET http://updates.invalid/"), 6);
	tuf_host_forget(w->host);
	/* A proxy that is not there is no reason to go around it. */
	lab_expect(w->lab, 3, "%s http_proxy=http://127.0.0.1:%d delta-apply refresh "
	    "--metadata-dir m --metadata-url http://127.0.0.1:%d/metadata",
	    w->before[0] == '\0' ? "" : "faketime -f '+0 x30' env", lab_free_port(),
	    port);
	assert_int_equal(tuf_host_count(w->host, ""), 0);
	lab_ok(w->lab, "http_proxy=http://127.0.0.1:1 no_proxy=127.0.0.1 delta-apply "
	    "refresh --metadata-dir m --metadata-url http://127.0.0.1:%d/metadata", port);
}

/* Time runs sixty times as fast: a byte a second is a byte a minute. */
static void
slow_retrieval_is_given_up(void **state)
{
	struct tuf_world *w = *state;
	static const enum host_lie lies[] = { LIE_DRIP, LIE_STALL };

	if (!tuf_world_hurry(w, 60))
		skip();
	for (size_t k = 0; k < 2; k++)
		for (int i = 1; i < STEPS; i += 4) {
			start_anew(w);
			tuf_host_lie(w->host, step_path(i), lies[k], 200, NULL);
			tuf_world_get_fails(w, APP, 3, "too slow");
			tuf_world_stored(w, stored_before[i]);
			tuf_world_got_nothing(w);
		}
	/* A root that does not come is not the end of the chain. */
	start_anew(w);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_host_lie(w->host, "/metadata/2.root.json", LIE_STALL, 200, NULL);
	tuf_world_refuses(w, 3, "2.root.json");
	assert_int_equal(tuf_host_count(w->host, "timestamp"), 0);
	start_anew(w);
	(void)tuf_world_hurry(w, 1);
	tuf_world_gets(w, APP, APP_BYTES);
	assert_int_equal(tuf_world_version(w, "root"), 2);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_world, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_page_of_a_captive_portal_is_no_metadata_and_no_target),
		FLOW(an_empty_answer_is_no_metadata_and_no_target),
		FLOW(what_is_not_there_is_asked_for_once),
		FLOW(answers_that_are_no_file_are_refused),
		FLOW(a_failing_host_is_no_end_of_the_root_chain),
		FLOW(what_may_pass_is_tried_again),
		FLOW(what_does_not_pass_ends_after_three_more_tries),
		FLOW(wrong_lengths_are_no_way_in),
		FLOW(headers_without_end_are_cut_off),
		FLOW(packed_bodies_are_not_unpacked),
		FLOW(redirects_are_followed_within_limits),
		FLOW(redirects_in_a_circle_end),
		FLOW(redirects_lead_to_no_file_and_no_other_protocol),
		FLOW(proxies_are_taken_from_the_environment),
		FLOW(slow_retrieval_is_given_up),
	};

	return cmocka_run_group_tests_name("bad host", tests, NULL, NULL);
}
