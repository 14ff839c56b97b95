/*
 * Delegations: who is asked for a target, in what order, and by whose word.
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

static void
terminate(struct world *w, const char *from, const char *to)
{
	assert_int_equal(
	    jv_set(sim_delegation(w->sim, from, to), "terminating", jv_new_bool(true)),
	    0);
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

static void
search_finds_in_targets_first(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	delegate(w, "targets", "a", "*");
	sim_target(w->sim, "targets", "f", "1");
	sim_target(w->sim, "a", "f", "22");
	assert_int_equal(find(w, "f", &t, &e), 1);
	assert_int_equal(t.length, 1);
	assert_true(t.has_sha256);
	assert_string_equal(t.path, "f");
	assert_string_equal(buf_text(&w->sim->asked), "");
}

static void
search_goes_pre_order_in_order_of_appearance(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "z", "*");
	delegate(w, "targets", "a", "*");
	delegate(w, "z", "zz", "*");
	sim_target(w->sim, "a", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
	assert_string_equal(buf_text(&w->sim->asked), "2.z.json 2.zz.json 2.a.json ");
	/* depth before breadth */
	sim_target(w->sim, "zz", "f", "22");
	assert_int_equal(find_length(w, "f"), 2);
}

static void
search_asks_only_roles_whose_paths_cover(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "other/*");
	delegate(w, "targets", "b", "dir/*");
	sim_target(w->sim, "a", "dir/f", "1");
	sim_target(w->sim, "b", "dir/f", "22");
	assert_int_equal(find_length(w, "dir/f"), 2);
	assert_string_equal(buf_text(&w->sim->asked), "2.b.json ");
	assert_int_equal(find_length(w, "dir/sub/f"), -1);
	assert_string_equal(buf_text(&w->sim->asked), "");
}

static void
search_by_hash_prefix(void **state)
{
	struct world *w = *state;
	struct sha256 id;
	char hex[SHA256_HEX_MAX];
	struct err e = ERR_INIT;
	struct jv *entry, *list = jv_new_list();

	assert_int_equal(sha256_of("dir/f", 5, &id, &e), 0);
	(void)sha256_hex(&id, hex);
	hex[3] = '\0';
	delegate(w, "targets", "wrong", "*");
	delegate(w, "targets", "bin", "*");
	entry = sim_delegation(w->sim, "targets", "bin");
	(void)jv_remove(entry, "paths");
	assert_int_equal(jv_push(list, jv_new_text(hex)), 0);
	assert_int_equal(jv_set(entry, "path_hash_prefixes", list), 0);
	hex[0] = hex[0] == '0' ? '1' : '0';
	list = jv_new_list();
	assert_int_equal(jv_push(list, jv_new_text(hex)), 0);
	entry = sim_delegation(w->sim, "targets", "wrong");
	(void)jv_remove(entry, "paths");
	assert_int_equal(jv_set(entry, "path_hash_prefixes", list), 0);
	sim_target(w->sim, "wrong", "dir/f", "1");
	sim_target(w->sim, "bin", "dir/f", "22");
	assert_int_equal(find_length(w, "dir/f"), 2);
	assert_string_equal(buf_text(&w->sim->asked), "2.bin.json ");
}

static void
search_stops_after_a_terminating_role_at_all_levels(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "*");
	delegate(w, "targets", "b", "*");
	delegate(w, "a", "aa", "*");
	delegate(w, "a", "ab", "*");
	sim_target(w->sim, "b", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
	terminate(w, "a", "aa");
	assert_int_equal(find_length(w, "f"), -1);
	assert_string_equal(buf_text(&w->sim->asked), "3.a.json 3.aa.json ");
	/* what comes before it, and below it, is still asked */
	sim_target(w->sim, "ab", "f", "22");
	assert_int_equal(find_length(w, "f"), -1);
	delegate(w, "aa", "aaa", "*");
	sim_target(w->sim, "aaa", "f", "333");
	assert_int_equal(find_length(w, "f"), 3);
}

static void
search_ignores_terminating_of_roles_that_do_not_cover(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "other");
	delegate(w, "targets", "b", "*");
	terminate(w, "targets", "a");
	sim_target(w->sim, "b", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
}

static void
search_survives_cycles(void **state)
{
	struct world *w = *state;

	delegate(w, "targets", "a", "*");
	delegate(w, "a", "b", "*");
	delegate(w, "b", "a", "*");
	delegate(w, "b", "b", "*");
	assert_int_equal(find_length(w, "f"), -1);
	assert_string_equal(buf_text(&w->sim->asked), "2.a.json 2.b.json ");
	/* and going round does not use up the limit */
	delegate(w, "targets", "c", "*");
	sim_target(w->sim, "c", "f", "1");
	assert_int_equal(find_length(w, "f"), 1);
}

static void
search_looks_into_32_delegated_roles_at_most(void **state)
{
	struct world *w = *state;
	char name[16], last[16] = "targets";

	for (int i = 0; i < 34; i++) {
		(void)snprintf(name, sizeof name, "r%d", i);
		delegate(w, last, name, "*");
		(void)snprintf(last, sizeof last, "%s", name);
	}
	sim_target(w->sim, "r31", "in", "1");
	sim_target(w->sim, "r32", "out", "1");
	assert_int_equal(find_length(w, "in"), 1);
	assert_int_equal(find_length(w, "out"), -1);
}

/* d hangs below a and below b, who trust different keys for it. */
static void
make_diamond(struct world *w, unsigned by_a, unsigned by_b, unsigned signer)
{
	sim_delegate(w->sim, "targets", "a", "*", SIM_KEY(K_CHANNEL));
	sim_delegate(w->sim, "targets", "b", "*", SIM_KEY(K_CHANNEL));
	sim_delegate(w->sim, "a", "d", "via-a", by_a);
	sim_delegate(w->sim, "b", "d", "via-b", by_b);
	sim_role(w->sim, "d")->signers = signer;
	sim_target(w->sim, "d", "via-a", "1");
	sim_target(w->sim, "d", "via-b", "22");
}

static void
diamond_is_verified_by_each_delegator(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	make_diamond(w, SIM_KEY(K_SPARE), SIM_KEY(K_OTHER), SIM_KEY(K_SPARE));
	assert_int_equal(find(w, "via-a", &t, &e), 1);
	/* in memory now, on a's word; b's word is another */
	assert_int_equal(tuf_find(w->dev->tuf, "via-b", &t, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	/* the same from the folder, in a new run */
	device_must_refresh(w->dev, w->sim);
	assert_int_equal(tuf_find(w->dev->tuf, "via-b", &t, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(tuf_find(w->dev->tuf, "via-a", &t, &e), 1);
}

static void
diamond_signed_for_both_works_by_both(void **state)
{
	struct world *w = *state;
	struct tuf_target t;
	struct err e = ERR_INIT;

	make_diamond(
	    w, SIM_KEY(K_SPARE), SIM_KEY(K_OTHER), SIM_KEY(K_SPARE) | SIM_KEY(K_OTHER));
	assert_int_equal(find(w, "via-a", &t, &e), 1);
	assert_int_equal(tuf_find(w->dev->tuf, "via-b", &t, &e), 1);
	assert_int_equal(t.length, 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(search_finds_in_targets_first),
		CASE(search_goes_pre_order_in_order_of_appearance),
		CASE(search_asks_only_roles_whose_paths_cover),
		CASE(search_by_hash_prefix),
		CASE(search_stops_after_a_terminating_role_at_all_levels),
		CASE(search_ignores_terminating_of_roles_that_do_not_cover),
		CASE(search_survives_cycles),
		CASE(search_looks_into_32_delegated_roles_at_most),
		CASE(diamond_is_verified_by_each_delegator),
		CASE(diamond_signed_for_both_works_by_both),
	};

	return cmocka_run_group_tests_name("tuf_search", tests, NULL, NULL);
}
