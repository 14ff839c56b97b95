/*
 * The client workflow of the specification, step by step, as a host sees it: what is
 * asked for, what is stored, which signatures count.  Delegations and downloads are
 * in flow_delegations.c, attacks in flow_hostile.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/key.h"

#include "tests/lab/tuf_world.h"

#define TOP "root.json snapshot.json targets.json timestamp.json"
#define NOBODY "0123456789012345678901234567890123456789012345678901234567890123"
#define NOTHING_NEW "GET /metadata/2.root.json 404\nGET /metadata/timestamp.json 200\n"

static void
the_first_refresh_asks_for_four_files_in_order(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	tuf_world_asked(w, NOTHING_NEW "GET /metadata/1.snapshot.json 200\n"
	    "GET /metadata/1.targets.json 200\n");
	tuf_world_stored(w, TOP);
	assert_true(tuf_world_same(w, "root.json", "1.root.json"));
	assert_true(tuf_world_same(w, "timestamp.json", "timestamp.json"));
	assert_true(tuf_world_same(w, "snapshot.json", "1.snapshot.json"));
	assert_true(tuf_world_same(w, "targets.json", "1.targets.json"));
}

static void
a_refresh_with_nothing_new_asks_for_two_files_and_writes_nothing(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	lab_ok(w->lab, "find m -printf '%%p %%T@ %%C@ %%i\\n' > before");
	for (int i = 0; i < 3; i++) {
		tuf_world_refreshes(w);
		tuf_world_asked(w, NOTHING_NEW);
		lab_ok(w->lab, "find m -printf '%%p %%T@ %%C@ %%i\\n' | cmp - before");
	}
}

/* Only what timestamp and snapshot say is new. */
static void
nothing_current_is_fetched_again(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	sim_bump(w->sim, "timestamp");
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	tuf_world_asked(w, NOTHING_NEW);
	sim_bump(w->sim, "timestamp");
	sim_bump(w->sim, "snapshot");
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	tuf_world_asked(w, NOTHING_NEW "GET /metadata/2.snapshot.json 200\n");
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_world_refreshes(w);
	tuf_world_asked(w, "GET /metadata/2.root.json 200\n"
	    "GET /metadata/3.root.json 404\nGET /metadata/timestamp.json 200\n");
	assert_int_equal(tuf_host_count(w->host, "HEAD"), 0);
}

static void
without_consistent_snapshots_names_have_no_versions(void **state)
{
	struct tuf_world *w = *state;

	w->sim->inconsistent = true;
	sim_bump(w->sim, "root");
	sim_release(w->sim);
	tuf_world_refreshes(w);
	tuf_world_asked(w, "GET /metadata/2.root.json 200\n"
	    "GET /metadata/3.root.json 404\nGET /metadata/timestamp.json 200\n"
	    "GET /metadata/snapshot.json 200\nGET /metadata/targets.json 200\n");
	tuf_world_stored(w, TOP);
}

/* Put these bytes where trust would, behind its back. */
static void
plant(struct tuf_world *w, const char *text)
{
	lab_ok(w->lab, "rm -rf m && mkdir m");
	lab_write_bytes(w->lab, "m/root.json", text, strlen(text));
	lab_write_bytes(w->lab, "given.json", text, strlen(text));
}

static void
check_bad_root(struct tuf_world *w, const char *what, const char *text)
{
	plant(w, text);
	tuf_host_forget(w->host);
	if (tuf_world_refresh(w) != 4 || tuf_world_get(w, "x") != 4)
		fail_msg("%s: status %d: %s", what, w->lab->status, w->lab->err);
	if (tuf_host_count(w->host, "") != 0)
		fail_msg("%s: asked: %s", what, tuf_host_asked(w->host));
	/* And trust takes none of these to begin with. */
	lab_ok(w->lab, "rm -rf m");
	lab_expect(w->lab, 4, "delta-apply trust --metadata-dir m given.json");
	assert_false(lab_exists(w->lab, "m/root.json"));
}

/* What the signed part is after one of its members changed, signed anew. */
static void
check_without(struct tuf_world *w, const char *member)
{
	struct jv *honest = jv_copy(sim_part(w->sim, "root"));
	const struct sim_file *f;

	(void)jv_remove(sim_part(w->sim, "root"), member);
	sim_sign_as(w->sim, "root", "bad");
	f = sim_file(w->sim, "bad");
	check_bad_root(w, member, buf_text(&f->bytes));
	jv_free(sim_role(w->sim, "root")->part);
	sim_role(w->sim, "root")->part = honest;
}

static void
an_initial_root_that_is_malformed_makes_no_request(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "null", "{}", "{\"signed\":{}}",
		"{\"signatures\":[],\"signed\":{\"_type\":\"root\"}}" };
	static const char *const members[] = { "_type", "spec_version", "version",
		"expires", "keys", "roles" };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		check_bad_root(w, texts[i], texts[i]);
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		check_without(w, members[i]);
}

static void
an_initial_root_not_signed_by_itself_makes_no_request(void **state)
{
	static const unsigned signers[] = { 0, SIM_KEY(K_OTHER), SIM_KEY(K_TARGETS) };
	struct tuf_world *w = *state;
	const struct sim_file *f;
	char *sig;

	for (size_t i = 0; i < 3; i++) {
		sim_role(w->sim, "root")->signers = signers[i];
		sim_sign_as(w->sim, "root", "bad");
		f = sim_file(w->sim, "bad");
		check_bad_root(w, "another's signature", buf_text(&f->bytes));
	}
	sim_role(w->sim, "root")->signers = SIM_KEY(K_ROOT);
	sim_sign_as(w->sim, "root", "bad");
	f = sim_file(w->sim, "bad");
	sig = strstr((char *)f->bytes.data, "\"sig\":\"") + 7;
	sig[20] = sig[20] == '0' ? '1' : '0';
	check_bad_root(w, "a broken signature", buf_text(&f->bytes));
}

/* The root of a package may be old: expiry is asked of the newest one alone. */
static void
an_initial_root_may_be_expired(void **state)
{
	struct tuf_world *w = *state;

	lab_ok(w->lab, "rm -rf m");
	sim_set_expires(w->sim, "root", w->sim->now - SIM_DAY * 400);
	assert_int_equal(jv_set(sim_part(w->sim, "root"), "x-signed",
	    jv_new_text("2020-01-01T00:00:00Z")), 0);
	sim_sign_as(w->sim, "root", "1.root.json");
	assert_int_equal(tuf_world_trust(w, "1.root.json"), 0);
	tuf_world_refuses(w, 9, "root: metadata expired");
	sim_set_expires(w->sim, "root", w->sim->now + SIM_DAY);
	sim_bump(w->sim, "root");
	sim_publish(w->sim);
	tuf_world_refreshes(w);
}

static void
trust_needs_no_network_and_is_needed_first(void **state)
{
	struct tuf_world *w = *state;

	assert_int_equal(tuf_host_count(w->host, ""), 0);
	lab_ok(w->lab, "rm -rf m && mkdir m");
	tuf_world_refuses(w, 2, "run `delta-apply trust`");
	assert_int_equal(tuf_host_count(w->host, ""), 0);
}

/* Roots of which each names its keys, its threshold, and who signed it.  The last
 * one is believed or not; those before are. */
struct root {
	unsigned keys, threshold, signers;
};

enum { ROOTS = 4 };
#define K(a) SIM_KEY(a)

static const struct {
	const char *name;
	struct root roots[ROOTS];
	bool believed;
} rotations[] = {
	{ "another key", { { K(1), 1, K(1) }, { K(2), 1, K(1) | K(2) },
	    { K(2), 1, K(2) } }, true },
	{ "signatures that nobody asks for", { { K(1), 1, K(1) | K(3) | K(4) },
	    { K(2), 1, K(1) | K(2) | K(3) }, { K(2), 1, K(2) | K(3) | K(7) } }, true },
	{ "any three of five", { { 0x1f, 3, 0x15 }, { 0x1f, 3, 0x13 }, { 0x1f, 3, 0x0b },
	    { 0x1f, 3, 0x1c } }, true },
	{ "one of five replaced", { { 0x1f, 3, 0x15 }, { 0x3b, 3, 0x13 } }, true },
	{ "one of five replaced, with both sides", { { 0x1f, 3, 0x15 },
	    { 0x3b, 3, 0x35 }, { 0x3b, 3, 0x31 } }, true },
	{ "all replaced at once", { { 0x07, 2, 0x05 }, { 0x38, 2, 0x35 },
	    { 0x38, 2, 0x30 } }, true },
	{ "threshold raised", { { 0x0e, 1, 0x02 }, { 0x0e, 2, 0x06 } }, true },
	{ "threshold lowered", { { 0x0e, 2, 0x06 }, { 0x0e, 1, 0x06 },
	    { 0x0e, 1, 0x02 } }, true },
	{ "a second key", { { 0x02, 1, 0x02 }, { 0x06, 2, 0x06 } }, true },
	{ "not by the old key", { { 0x02, 1, 0x02 }, { 0x04, 1, 0x1c } }, false },
	{ "not by the new key", { { 0x02, 1, 0x02 }, { 0x04, 1, 0x1a } }, false },
	{ "two of the new three", { { 0x1f, 3, 0x15 }, { 0x3b, 3, 0x15 } }, false },
	{ "two of the old three", { { 0x1f, 3, 0x15 }, { 0x3b, 3, 0x31 } }, false },
	{ "below the raised threshold", { { 0x0e, 1, 0x02 }, { 0x0e, 2, 0x04 } }, false },
	{ "below the threshold before it is lowered", { { 0x0e, 2, 0x06 },
	    { 0x0e, 1, 0x02 } }, false },
};

static void
roots_are_signed_by_the_old_threshold_and_the_new(void **state)
{
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof rotations / sizeof rotations[0]; i++) {
		const struct root *r = rotations[i].roots;
		char name[32];
		int n = 0;

		lab_ok(w->lab, "rm -rf m");
		for (int k = 1; k <= ROOTS + 1; k++) {
			(void)snprintf(name, sizeof name, "%d.root.json", k);
			sim_remove(w->sim, name);
		}
		for (; n < ROOTS && r[n].keys != 0; n++) {
			sim_root_keys(w->sim, "root", r[n].keys, r[n].threshold);
			sim_role(w->sim, "root")->signers = r[n].signers;
			sim_set_version(w->sim, "root", n + 1);
			sim_publish(w->sim);
		}
		assert_int_equal(tuf_world_trust(w, "1.root.json"), 0);
		if (rotations[i].believed)
			tuf_world_refreshes(w);
		else
			tuf_world_refuses(w, 4, "valid signatures");
		if (tuf_world_version(w, "root") != n - !rotations[i].believed)
			fail_msg("%s: ends with root %d", rotations[i].name,
			    (int)tuf_world_version(w, "root"));
	}
}

/* The same for the other roles, where only the new root counts. */
static void
other_roles_are_signed_by_the_threshold_of_the_root(void **state)
{
	static const struct root cases[] = { { 0x04, 1, 0x04 }, { 0x02, 1, 0x1a },
		{ 0x1f, 3, 0x15 }, { 0x1f, 3, 0x13 }, { 0x1f, 3, 0x0e },
		{ 0x1f, 3, 0x1c }, { 0x04, 1, 0x1a }, { 0x3b, 3, 0x15 },
		{ 0x3b, 3, 0x11 } };
	static const char *const roles[] = { "timestamp", "snapshot", "targets" };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int k = 0; k < 3; k++) {
			const struct root *r = &cases[i];

			sim_root_keys(w->sim, roles[k], r->keys, r->threshold);
			sim_role(w->sim, roles[k])->signers = r->signers;
			sim_bump(w->sim, "root");
			sim_release(w->sim);
			if (i < 6) {
				tuf_world_refreshes(w);
				continue;
			}
			tuf_world_refuses(w, 4, i == 6 ? "0 valid signatures, 1 needed" :
			    "2 valid signatures, 3 needed");
			lab_must_say(w->lab, roles[k]);
			sim_root_keys(w->sim, roles[k], SIM_KEY(K_ROOT), 1);
			sim_role(w->sim, roles[k])->signers = SIM_KEY(K_ROOT);
			sim_bump(w->sim, "root");
			sim_release(w->sim);
			tuf_world_refreshes(w);
		}
}

static struct jv *
role_of_root(struct tuf_world *w, const char *role)
{
	return jv_get_mutable(jv_get_mutable(sim_part(w->sim, "root"), "roles"), role);
}

/* Root is right, and nobody can sign: it is taken, and then no snapshot is. */
static void
a_threshold_above_the_number_of_keys_is_never_met(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	assert_int_equal(jv_set(role_of_root(w, "snapshot"), "threshold", jv_new_int(2)),
	    0);
	sim_bump(w->sim, "root");
	sim_release(w->sim);
	tuf_world_refuses(w, 4, "snapshot: 1 valid signatures, 2 needed");
	assert_int_equal(tuf_world_version(w, "root"), 2);
	assert_int_equal(tuf_world_version(w, "snapshot"), 1);
	/* An id without a key is nobody. */
	assert_int_equal(jv_push(jv_get_mutable(role_of_root(w, "snapshot"), "keyids"),
	    jv_new_text(NOBODY)), 0);
	sim_bump(w->sim, "root");
	sim_release(w->sim);
	tuf_world_refuses(w, 4, "snapshot: 1 valid signatures, 2 needed");
	assert_int_equal(tuf_world_version(w, "root"), 3);
}

static void
the_same_key_several_times_counts_once(void **state)
{
	struct tuf_world *w = *state;
	struct jv *ids = jv_get_mutable(role_of_root(w, "snapshot"), "keyids");

	tuf_world_refreshes(w);
	sim_bump(w->sim, "root");
	for (int i = 0; i < 9; i++)
		assert_int_equal(jv_push(ids, jv_copy(jv_at(ids, 0))), 0);
	assert_int_equal(jv_set(role_of_root(w, "snapshot"), "threshold", jv_new_int(2)),
	    0);
	sim_release(w->sim);
	tuf_world_refuses(w, 4, "twice");
	assert_int_equal(tuf_world_version(w, "snapshot"), 1);
}

/* Unknown members anywhere are signed with the rest; in a key they leave its id. */
static void
unknown_members_are_kept_and_ignored(void **state)
{
	struct tuf_world *w = *state;
	static const char *const roles[] = { "root", "timestamp", "snapshot", "targets" };
	struct jv *keys = jv_get_mutable(sim_part(w->sim, "root"), "keys");
	const struct jv *key;
	const char *id;
	void *it = NULL;

	for (int i = 0; i < 4; i++) {
		struct jv *more = jv_new_object();

		assert_int_equal(jv_set(more, "a", jv_new_int(-1)), 0);
		assert_int_equal(jv_set(sim_part(w->sim, roles[i]), "custom", more), 0);
		assert_int_equal(jv_set(role_of_root(w, roles[i]), "note",
		    jv_new_text("\x01\xc3\xa9\"\\\x7f")), 0);
	}
	while (jv_each(keys, &it, &id, &key))
		assert_int_equal(jv_set(jv_get_mutable(keys, id), "keyid_hash_algorithms",
		    jv_new_text("md5")), 0);
	sim_bump(w->sim, "root");
	sim_release(w->sim);
	tuf_world_refreshes(w);
	assert_int_equal(tuf_world_version(w, "root"), 2);
	assert_int_equal(tuf_world_version(w, "targets"), 2);
}

static void
specifications_of_the_same_major_version_are_read(void **state)
{
	static const char *const good[] = { "1.0", "1.0.0", "1.0.34", "1.99.12" };
	static const char *const bad[] = { "2.0.0", "0.9", "1", "1.", "1.0.", "1.x", "",
		"10.0.0", "01.0.0", "1.0.0.0", " 1.0.0" };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		for (size_t k = 0; k < 4; k++) {
			assert_int_equal(jv_set(w->sim->roles[k].part, "spec_version",
			    jv_new_text(good[i])), 0);
			sim_release(w->sim);
			tuf_world_refreshes(w);
		}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(jv_set(sim_part(w->sim, "targets"), "spec_version",
		    jv_new_text(bad[i])), 0);
		sim_release(w->sim);
		tuf_world_refuses(w, 4, "targets: follows TUF");
	}
}

/* Each of these was fast-forwarded, and comes down with a new key above it. */
static void
fast_forward_of_every_role_is_recovered_from(void **state)
{
	static const struct {
		const char *role, *rotate[2];
	} cases[] = { { "timestamp", { "timestamp", NULL } },
		{ "snapshot", { "timestamp", "snapshot" } },
		{ "targets", { "snapshot", NULL } } };
	struct tuf_world *w = *state;

	for (int i = 0; i < 3; i++) {
		sim_set_version(w->sim, cases[i].role, 99999);
		if (i == 2)
			sim_bump(w->sim, "snapshot");
		if (i > 0)
			sim_bump(w->sim, "timestamp");
		sim_publish(w->sim);
		tuf_world_refreshes(w);
		assert_int_equal(tuf_world_version(w, cases[i].role), 99999);
		sim_set_version(w->sim, cases[i].role, 2 + i);
		if (i == 2)
			sim_bump(w->sim, "snapshot");
		if (i > 0)
			sim_bump(w->sim, "timestamp");
		sim_publish(w->sim);
		tuf_world_refuses(w, 4, "rollback");
		for (int k = 0; k < 2 && cases[i].rotate[k] != NULL; k++) {
			unsigned next = SIM_KEY((2 * i + 4 + k) % SIM_KEYS);

			sim_root_keys(w->sim, cases[i].rotate[k], next, 1);
			sim_role(w->sim, cases[i].rotate[k])->signers = next;
		}
		sim_bump(w->sim, "root");
		if (i == 2)
			sim_bump(w->sim, "timestamp");
		sim_publish(w->sim);
		tuf_world_refreshes(w);
		assert_int_equal(tuf_world_version(w, cases[i].role), 2 + i);
	}
}

/* The second run finishes what the first could not; what was verified stays. */
static void
a_run_that_broke_off_is_finished_by_the_next(void **state)
{
	static const char *const stops[] = { "/metadata/3.root.json",
		"/metadata/timestamp.json", "/metadata/2.snapshot.json",
		"/metadata/2.targets.json" };
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	sim_bump(w->sim, "root");
	sim_bump(w->sim, "root");
	sim_release(w->sim);
	sim_set_version(w->sim, "root", 2);
	sim_sign_as(w->sim, "root", "2.root.json");
	for (int i = 0; i < 4; i++) {
		tuf_host_lie(w->host, stops[i], LIE_STATUS, 400, "");
		tuf_world_refuses(w, 3, stops[i]);
		tuf_host_honest(w->host);
		assert_int_equal(tuf_world_version(w, "root"), i == 0 ? 2 : 3);
		assert_int_equal(tuf_world_version(w, "timestamp"), i < 2 ? 1 : 2);
		assert_int_equal(tuf_world_version(w, "snapshot"), i < 3 ? 1 : 2);
		assert_int_equal(tuf_world_version(w, "targets"), 1);
	}
	tuf_world_refreshes(w);
	assert_int_equal(tuf_world_version(w, "targets"), 2);
	/* The equal timestamp did not end the run before the snapshot was looked at. */
	tuf_world_asked(w, "GET /metadata/4.root.json 404\n"
	    "GET /metadata/timestamp.json 200\nGET /metadata/2.targets.json 200\n");
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, tuf_world_open, tuf_world_close)
#define FOREIGN(f) \
	cmocka_unit_test_setup_teardown(f, tuf_world_open_foreign, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(the_first_refresh_asks_for_four_files_in_order),
		FLOW(a_refresh_with_nothing_new_asks_for_two_files_and_writes_nothing),
		FLOW(nothing_current_is_fetched_again),
		FLOW(without_consistent_snapshots_names_have_no_versions),
		FLOW(an_initial_root_that_is_malformed_makes_no_request),
		FLOW(an_initial_root_not_signed_by_itself_makes_no_request),
		FLOW(an_initial_root_may_be_expired),
		FLOW(trust_needs_no_network_and_is_needed_first),
		FOREIGN(roots_are_signed_by_the_old_threshold_and_the_new),
		FOREIGN(other_roles_are_signed_by_the_threshold_of_the_root),
		FOREIGN(a_threshold_above_the_number_of_keys_is_never_met),
		FOREIGN(the_same_key_several_times_counts_once),
		FOREIGN(unknown_members_are_kept_and_ignored),
		FOREIGN(specifications_of_the_same_major_version_are_read),
		FOREIGN(fast_forward_of_every_role_is_recovered_from),
		FLOW(a_run_that_broke_off_is_finished_by_the_next),
	};

	return cmocka_run_group_tests_name("workflow", tests, NULL, NULL);
}
