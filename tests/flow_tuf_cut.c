/*
 * trust, refresh and get die at each change they make to the disk, by kill and by
 * power cut; the disk is full at each of them; several run at once.  What is stored
 * was verified, is whole, and the next run completes it.
 */
#include <sys/mount.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/cut/cut.h"
#include "tests/lab/tuf_world.h"

#define APP "1/app"
#define APP_BYTES "the software, second edition\n"
#define ALL "root.json snapshot.json stable.json targets.json timestamp.json"

enum { CUTS_MAX = 400 };

static unsigned tried;

/* How many power cuts at each point, each with another part of the rest kept. */
static unsigned
seeds(void)
{
	return getenv("CUT_ALL") == NULL ? 1 : 4;
}

/* The client has seen the first of everything; the host has two more roots, and the
 * second of all else.  m0 and out0 are the device as it was. */
static int
open_world(void **state)
{
	struct tuf_world *w;

	if (tuf_world_open(state) != 0)
		return -1;
	w = *state;
	sim_delegate(w->sim, "targets", "stable", "*/*", SIM_KEY(K_CHANNEL));
	tuf_world_target(w, "stable", APP, "the software\n");
	sim_publish(w->sim);
	tuf_world_gets(w, APP, "the software\n");
	lab_ok(w->lab, "mv m m0 && mv out out0");
	tuf_world_target(w, "stable", APP, APP_BYTES);
	for (int i = 0; i < 2; i++) {
		sim_bump(w->sim, "root");
		sim_release(w->sim);
	}
	return 0;
}

static void
restore(struct tuf_world *w)
{
	w->before[0] = '\0';
	w->program = "delta-apply";
	lab_ok(w->lab, "rm -rf m out stash && cp -a m0 m && cp -a out0 out");
}

/* One of the versions that the host ever had, byte for byte; which. */
static int
whole(struct tuf_world *w, const char *role)
{
	char name[64], file[64];
	int version = (int)tuf_world_version(w, role);

	(void)snprintf(name, sizeof name, "%s.json", role);
	if (strcmp(role, "timestamp") == 0) {
		assert_true(version == 1 || tuf_world_same(w, name, name));
		return version;
	}
	(void)snprintf(file, sizeof file, "%d.%s.json", version, role);
	if (!tuf_world_same(w, name, file))
		fail_msg("%s is not what the host had as version %d", name, version);
	return version;
}

/* Nothing is newer than what vouches for it, and all of it is whole. */
static void
check_between(struct tuf_world *w)
{
	int root = whole(w, "root"), timestamp = whole(w, "timestamp"),
	    snapshot = whole(w, "snapshot"), targets = whole(w, "targets"),
	    stable = whole(w, "stable");
	char *got = lab_read(w->lab, "out/" APP);
	bool new;

	assert_non_null(got);
	new = strcmp(got, APP_BYTES) == 0;
	if (!new)
		assert_string_equal(got, "the software\n");
	free(got);
	assert_true(timestamp == 1 || root == 3);
	assert_true(snapshot <= timestamp && targets <= snapshot && stable <= targets);
	assert_true(!new || stable == 3);
	lab_ok(w->lab, "test -z \"$(ls -A m | grep -v json$ | grep -v '^\\.tmp\\.')\"");
}

static void
check_end(struct tuf_world *w, bool got)
{
	w->before[0] = '\0';
	w->program = "delta-apply";
	if (got)
		tuf_world_gets(w, APP, APP_BYTES);
	else
		tuf_world_refreshes(w);
	tuf_world_stored(w, ALL);
	assert_int_equal(whole(w, "root"), 3);
	assert_int_equal(whole(w, "timestamp"), 3);
	assert_int_equal(whole(w, "targets"), 3);
	lab_ok(w->lab, "test \"$(cd out && find . -type f)\" = ./" APP);
}

/* Run until the n-th change of the disk; false when there is no n-th. */
static bool
cut_at(struct tuf_world *w, unsigned n, unsigned seed, bool get)
{
	(void)snprintf(w->before, sizeof w->before, "mkdir -p stash && CUT_AT=%u "
	    "CUT_MODE=%s CUT_SEED=%u CUT_STASH=$PWD/stash", n, seed == 0 ? "kill" :
	    "power", seed - 1);
	w->program = "\"$BIN\"/../tests/cut/delta-apply";
	if (get)
		(void)tuf_world_get(w, APP);
	else
		(void)tuf_world_refresh(w);
	if (w->lab->status != 0 && w->lab->status != CUT_STATUS)
		fail_msg("cut at %u: status %d: %s", n, w->lab->status, w->lab->err);
	tried++;
	return w->lab->status == CUT_STATUS;
}

static void
cut_everywhere(struct tuf_world *w, bool get)
{
	/* 0: killed; else power fails, with so much of the rest kept. */
	for (unsigned seed = 0; seed <= seeds(); seed++) {
		unsigned n = 1;

		for (;; n++) {
			assert_true(n < CUTS_MAX);
			restore(w);
			if (!cut_at(w, n, seed, get))
				break;
			check_between(w);
			check_end(w, get);
		}
		/* Two roots and three files, or five and a target: some calls each. */
		assert_true(n > (get ? 30 : 25));
	}
}

static void
refresh_survives_a_kill_and_a_power_cut_at_every_change(void **state)
{
	cut_everywhere(*state, false);
}

static void
get_survives_a_kill_and_a_power_cut_at_every_change(void **state)
{
	cut_everywhere(*state, true);
}

/* Nothing, or the root; and a second try succeeds. */
static void
trust_survives_a_kill_and_a_power_cut_at_every_change(void **state)
{
	struct tuf_world *w = *state;

	for (unsigned seed = 0; seed <= seeds(); seed++)
		for (unsigned n = 1;; n++) {
			assert_true(n < CUTS_MAX);
			lab_ok(w->lab, "rm -rf m stash");
			(void)snprintf(w->before, sizeof w->before,
			    "mkdir -p stash && CUT_AT=%u CUT_MODE=%s CUT_SEED=%u "
			    "CUT_STASH=$PWD/stash", n, seed == 0 ? "kill" : "power",
			    seed - 1);
			w->program = "\"$BIN\"/../tests/cut/delta-apply";
			(void)tuf_world_trust(w, "1.root.json");
			tried++;
			if (w->lab->status == 0)
				break;
			assert_int_equal(w->lab->status, CUT_STATUS);
			if (lab_exists(w->lab, "m/root.json"))
				assert_int_equal(whole(w, "root"), 1);
			w->before[0] = '\0';
			w->program = "delta-apply";
			assert_int_equal(tuf_world_trust(w, "1.root.json"), 0);
			tuf_world_refreshes(w);
			tuf_world_stored(w, "root.json snapshot.json targets.json "
			    "timestamp.json");
		}
	restore(w);
}

/* A filesystem on which one block after another is free; afterwards there is room. */
static void
a_full_disk_loses_nothing(void **state)
{
	struct tuf_world *w = *state;
	int refused = 0, full = 0;

	lab_ok(w->lab, "mkdir full");
	if (lab_run(w->lab, "mount -t tmpfs -o size=1m,mode=0755 none full") != 0)
		skip();
	for (int blocks = 0; blocks <= 12; blocks++) {
		restore(w);
		/* m and out live there; what is left is so many blocks. */
		lab_ok(w->lab, "rm -rf full/* full/.[!.]* && mv m out full && "
		    "ln -s full/m m && ln -s full/out out && "
		    "head -c 1048576 /dev/zero > full/zeros 2> why; "
		    "truncate -s -%d full/zeros", blocks * 4096);
		(void)tuf_world_get(w, APP);
		if (w->lab->status != 0) {
			refused++;
			full += lab_said(w->lab, "No space left on device");
		}
		check_between(w);
		lab_ok(w->lab, "test -z \"$(find out/ -name '.*' -type f)\"");
		lab_ok(w->lab, "rm full/zeros");
		check_end(w, true);
		lab_ok(w->lab, "rm m out");
	}
	lab_ok(w->lab, "umount full");
	/* It was full in the beginning, and not in the end. */
	assert_true(refused > 0 && refused < 13);
	assert_int_equal(full, refused);
}

/* Everywhere, and also where nobody may mount: no file may grow. */
static void
a_write_that_fails_loses_nothing(void **state)
{
	struct tuf_world *w = *state;

	restore(w);
	(void)snprintf(w->before, sizeof w->before, "trap '' XFSZ; ulimit -f 0;");
	w->program = "delta-apply 2> /dev/null";
	assert_int_not_equal(tuf_world_get(w, APP), 0);
	check_between(w);
	assert_int_equal(tuf_world_version(w, "root"), 1);
	check_end(w, true);
}

/* In the background, until the host has been asked for this. */
static void
start_and_wait(struct tuf_world *w, const char *words, const char *asked)
{
	tuf_host_forget(w->host);
	lab_ok(w->lab, "delta-apply %s --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata > said 2>&1 & echo $! > pid", words,
	    tuf_host_port(w->host));
	for (int i = 0; i < 2000 && tuf_host_count(w->host, asked) == 0; i++)
		(void)usleep(10000);
	assert_int_equal(tuf_host_count(w->host, asked), 1);
}

static void
stop(struct tuf_world *w)
{
	lab_ok(w->lab, "kill $(cat pid); while kill -0 $(cat pid) 2> /dev/null; do "
	    "sleep 0.05; done");
	tuf_host_honest(w->host);
}

/* The second says so and asks for nothing; what the first stored stays. */
static void
two_refreshes_at_once_do_not_mix(void **state)
{
	struct tuf_world *w = *state;

	restore(w);
	tuf_host_lie(w->host, "/metadata/timestamp.json", LIE_STALL, 200, NULL);
	start_and_wait(w, "refresh", "timestamp");
	tuf_world_refuses(w, 6, "another run refreshes it");
	assert_int_equal(tuf_host_count(w->host, ""), 0);
	assert_int_equal(tuf_world_version(w, "root"), 3);
	stop(w);
	check_end(w, false);
}

static void
two_gets_into_one_folder_do_not_mix(void **state)
{
	struct tuf_world *w = *state;
	char words[100];

	restore(w);
	tuf_host_lie(w->host, tuf_world_target_path(APP, APP_BYTES), LIE_DRIP, 200, NULL);
	(void)snprintf(words, sizeof words, "get --output out --targets-url "
	    "http://127.0.0.1:%d/targets " APP, tuf_host_port(w->host));
	start_and_wait(w, words, "/targets/");
	tuf_world_get_fails(w, APP, 6, "another run writes there");
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 0);
	stop(w);
	check_between(w);
	/* Told to end, it took away what it had begun. */
	lab_ok(w->lab, "test \"$(cd out && find . -type f)\" = ./" APP);
	check_end(w, true);
}

/* All of them start together; each succeeds or finds another at it. */
static void
many_at_once_leave_one_result(void **state)
{
	struct tuf_world *w = *state;

	for (int round = 0; round < 5; round++) {
		restore(w);
		lab_ok(w->lab, "rm -f s.*; for i in 1 2 3 4 5 6; do (delta-apply get "
		    "--metadata-dir m --metadata-url http://127.0.0.1:%d/metadata "
		    "--targets-url http://127.0.0.1:%d/targets --output out " APP
		    " > /dev/null 2> e.$i; echo $? > s.$i) & done; wait; "
		    "cat s.* | sort -u | tr '\\n' ' '", tuf_host_port(w->host),
		    tuf_host_port(w->host));
		if (strcmp(w->lab->out, "0 ") != 0 && strcmp(w->lab->out, "0 6 ") != 0) {
			(void)lab_run(w->lab, "cat s.* e.*");
			fail_msg("statuses and messages: %s", w->lab->out);
		}
		check_end(w, true);
	}
}

#define FLOW_OF(f) cmocka_unit_test_setup_teardown(f, open_world, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_OF(refresh_survives_a_kill_and_a_power_cut_at_every_change),
		FLOW_OF(get_survives_a_kill_and_a_power_cut_at_every_change),
		FLOW_OF(trust_survives_a_kill_and_a_power_cut_at_every_change),
		FLOW_OF(a_full_disk_loses_nothing),
		FLOW_OF(a_write_that_fails_loses_nothing),
		FLOW_OF(two_refreshes_at_once_do_not_mix),
		FLOW_OF(two_gets_into_one_folder_do_not_mix),
		FLOW_OF(many_at_once_leave_one_result),
	};
	int failed = cmocka_run_group_tests_name("tuf cut", tests, NULL, NULL);

	(void)printf("# figure: cut points of trust, refresh and get tried: %u\n", tried);
	return failed;
}
