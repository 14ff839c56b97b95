#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/memory.h"
#include "apply/patch/packing.h"
#include "apply/plan.h"
#include "apply/spool.h"
#include "apply/state_json.h"

#include "tests/lab/device.h"

/*
 * Releases 41, 42, 43: deltas 41-42 (10 kB), 42-43 (12 kB), 41-43 (30 kB), and a
 * full for each (100 kB) with a listing of 1 kB.
 */
static struct lab_device *l;
static struct record records[3];
static struct edge edges[6];
static struct catalog catalog;
static char words[3][16];

static void
name_object(struct object *o, uint64_t bytes, enum target_kind kind, uint64_t to,
    uint64_t from)
{
	struct target_name name = { kind, to, from, "any" };

	(void)target_path(&name, o->path);
	o->bytes = bytes;
	memcpy(o->sha256.bytes, o->path, 32);
}

static struct sha256
tree_of(uint64_t release)
{
	struct sha256 id = { { (uint8_t)release, 1 } };

	return id;
}

static void
set_edge(struct edge *x, unsigned from, unsigned to, uint64_t bytes)
{
	memset(x, 0, sizeof *x);
	x->is_full = from == 0;
	x->release = to;
	x->from_release = from;
	x->to = tree_of(to);
	if (from != 0)
		x->from = tree_of(from);
	x->output_bytes = 5000;
	x->memory_bytes = from == 0 ? 1 << 20 : 8 << 20;
	x->usable = true;
	name_object(&x->object, bytes, from == 0 ? TARGET_FULL : TARGET_DELTA, to, from);
}

static int
open_device(void **state)
{
	(void)state;
	log_set_level(LOG_QUIET);
	l = lab_device_open(SWAP_SYMLINK, NULL);
	(void)strcpy(words[0], "demo");
	(void)strcpy(words[1], "stable");
	(void)strcpy(words[2], "any");
	l->conf.name = words[0];
	l->conf.channel = words[1];
	l->conf.platform = words[2];
	l->conf.reuse = REUSE_HARDLINK;
	memset(records, 0, sizeof records);
	for (unsigned i = 0; i < 3; i++) {
		struct record *r = &records[i];

		r->release = 41 + i;
		r->listing = tree_of(r->release);
		r->listing_bytes = 2000;
		r->files = 10;
		r->content_bytes = 200000;
		r->created = 1700000000 + i;
		r->usable = true;
		(void)snprintf(r->version, sizeof r->version, "1.%u", i);
		(void)snprintf(r->platform, sizeof r->platform, "any");
		name_object(&r->object, 1000, TARGET_TREE, 41 + i, 0);
	}
	set_edge(&edges[0], 0, 41, 100000);
	set_edge(&edges[1], 0, 42, 100000);
	set_edge(&edges[2], 0, 43, 100000);
	set_edge(&edges[3], 41, 42, 10000);
	set_edge(&edges[4], 42, 43, 12000);
	set_edge(&edges[5], 41, 43, 30000);
	catalog = (struct catalog){ records, 3, edges, 6, 0 };
	return 0;
}

static int
close_device(void **state)
{
	(void)state;
	lab_device_close(l);
	return 0;
}

static struct live
live_at(uint64_t release)
{
	struct live live = { .release = release, .listing = tree_of(release),
		.has_record = release != 0 };

	return live;
}

static struct plan
make(struct live live, const struct sha256 *bad, size_t n_bad)
{
	struct err e = ERR_INIT;
	struct plan p;

	if (plan_make(&l->dev, &catalog, &live, &records[2], bad, n_bad, &p, &e) == -1)
		fail_msg("%s", e.text);
	return p;
}

static enum err_code
fails(struct live live, const struct sha256 *bad, size_t n_bad)
{
	struct err e = ERR_INIT;
	struct plan p;

	assert_int_equal(plan_make(&l->dev, &catalog, &live, &records[2], bad, n_bad, &p,
	    &e), -1);
	return e.code;
}

static void
plan_takes_the_cheapest_chain(void **state)
{
	struct plan p = make(live_at(41), NULL, 0);

	(void)state;
	assert_int_equal(p.n_hops, 2);
	assert_int_equal(p.download_bytes, 22000);
	assert_int_equal(p.full_bytes, 101000);
	assert_int_equal(p.hops[0].release, 42);
	assert_int_equal(p.trees[0].release, 42);
	assert_int_equal(p.trees[1].release, 43);
	assert_int_equal(p.from, 41);
	assert_int_equal(p.from_record.release, 41);
	assert_int_equal(p.memory_bytes, 8 << 20);
	assert_true(p.peak_bytes >= 22000 + 10000);
	plan_clear(&p);
}

static void
plan_of_a_first_install_fetches_the_listing_too(void **state)
{
	struct plan p = make(live_at(0), NULL, 0);

	(void)state;
	assert_int_equal(p.n_hops, 1);
	assert_true(p.hops[0].is_full);
	assert_int_equal(p.download_bytes, 101000);
	assert_int_equal(p.from_record.release, 0);
	plan_clear(&p);
}

static void
plan_of_an_unknown_tree_starts_from_nothing(void **state)
{
	struct live live = live_at(41);
	struct plan p;

	(void)state;
	live.has_record = false;
	p = make(live, NULL, 0);
	assert_int_equal(p.n_hops, 1);
	assert_true(p.hops[0].is_full);
	assert_int_equal(p.from, 41);
	plan_clear(&p);
}

static void
plan_of_the_same_tree_has_no_hop(void **state)
{
	struct plan p;

	(void)state;
	records[2].listing = tree_of(41);
	p = make(live_at(41), NULL, 0);
	assert_int_equal(p.n_hops, 0);
	assert_int_equal(p.download_bytes, 0);
	assert_int_equal(p.to.release, 43);
	plan_clear(&p);
}

static void
plan_leaves_out_what_failed(void **state)
{
	struct sha256 bad[3] = { edges[4].object.sha256, edges[5].object.sha256,
		edges[2].object.sha256 };
	struct plan p = make(live_at(41), bad, 1);

	(void)state;
	assert_int_equal(p.n_hops, 1);
	assert_int_equal(p.hops[0].from_release, 41);
	plan_clear(&p);
	p = make(live_at(41), bad, 2);
	assert_true(p.hops[0].is_full);
	plan_clear(&p);
	assert_int_equal(fails(live_at(41), bad, 3), ERR_NET);
	/* A full is of no use without its listing. */
	bad[2] = records[2].object.sha256;
	assert_int_equal(fails(live_at(41), bad, 3), ERR_NET);
}

static void
plan_respects_the_device(void **state)
{
	struct plan p;

	(void)state;
	l->conf.never_full = true;
	assert_int_equal(fails(live_at(0), NULL, 0), ERR_POLICY);
	l->conf.never_full = false;
	l->conf.memory_bytes = 2 << 20;		/* less than deltas want */
	p = make(live_at(41), NULL, 0);
	assert_true(p.hops[0].is_full);
	plan_clear(&p);
	l->conf.memory_bytes = 1000;
	assert_int_equal(fails(live_at(41), NULL, 0), ERR_POLICY);
}

static void
plan_skips_edges_it_does_not_understand(void **state)
{
	struct plan p;

	(void)state;
	edges[4].usable = false;
	edges[5].needs = jv_new_list();
	assert_int_equal(jv_push(edges[5].needs, jv_new_text("no-such-thing-9")), 0);
	p = make(live_at(41), NULL, 0);
	assert_true(p.hops[0].is_full);
	plan_clear(&p);
	edge_clear(&edges[5]);
}

/* The name of what this zlib makes, and of what another one might. */
static void
plan_skips_edges_that_another_zlib_is_for(void **state)
{
	const struct deflate_params usual = { 6, 8, DEFLATE_PLAIN, 15 };
	char need[PACKING_NEED_MAX];
	struct err e = ERR_INIT;
	struct plan p;

	(void)state;
	assert_int_equal(packing_need(deflate_code(&usual), 20, need, &e), 0);
	for (int other = 0; other < 2; other++) {
		need[strlen(need) - 1] ^= (char)other;
		edges[4].usable = false;
		edges[5].needs = jv_new_list();
		assert_int_equal(jv_push(edges[5].needs, jv_new_text(need)), 0);
		p = make(live_at(41), NULL, 0);
		assert_int_equal(p.hops[0].is_full, other);
		plan_clear(&p);
		edge_clear(&edges[5]);
		set_edge(&edges[5], 41, 43, 30000);
	}
}

static void
plan_without_room_says_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++)
		edges[i].output_bytes = UINT64_MAX / 4;
	assert_int_equal(fails(live_at(41), NULL, 0), ERR_ROOM);
}

/* Bytes that are in the spool cost nothing: a path half fetched stays the best. */
static void
plan_counts_what_is_in_the_spool(void **state)
{
	static uint8_t bytes[29000];
	struct spool_part part;
	struct err e = ERR_INIT;
	struct plan p;

	(void)state;
	assert_int_equal(spool_part_open(&l->dev, &edges[5].object, &part, &e), 0);
	assert_int_equal(spool_part_add(&part, bytes, sizeof bytes, &e), 0);
	spool_part_close(&part);
	p = make(live_at(41), NULL, 0);
	assert_int_equal(p.n_hops, 1);
	assert_int_equal(p.download_bytes, 1000);
	plan_clear(&p);
}

static void
assert_same_plan(const struct plan *a, const struct plan *b)
{
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->to.release, b->to.release);
	assert_string_equal(a->to.version, b->to.version);
	assert_int_equal(a->from_record.release, b->from_record.release);
	assert_memory_equal(&a->from_record.listing, &b->from_record.listing, 32);
	assert_int_equal(a->n_hops, b->n_hops);
	assert_int_equal(a->download_bytes, b->download_bytes);
	assert_int_equal(a->full_bytes, b->full_bytes);
	assert_int_equal(a->peak_bytes, b->peak_bytes);
	assert_int_equal(a->memory_bytes, b->memory_bytes);
	for (size_t i = 0; i < a->n_hops; i++) {
		assert_memory_equal(&a->hops[i].object, &b->hops[i].object,
		    sizeof a->hops[i].object.sha256);
		assert_string_equal(a->hops[i].object.path, b->hops[i].object.path);
		assert_int_equal(a->hops[i].output_bytes, b->hops[i].output_bytes);
		assert_memory_equal(&a->hops[i].from, &b->hops[i].from, 32);
		assert_memory_equal(&a->trees[i].listing, &b->trees[i].listing, 32);
	}
}

static void
plan_survives_a_reboot(void **state)
{
	static const uint64_t from[] = { 0, 41, 42 };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct plan p = make(live_at(from[i]), NULL, 0), q;

		assert_int_equal(plan_save(&l->dev, &p, &e), 0);
		if (plan_load(&l->dev, &q, &e) == -1)
			fail_msg("%s", e.text);
		assert_same_plan(&p, &q);
		plan_clear(&p);
		plan_clear(&q);
	}
	assert_int_equal(plan_remove(&l->dev, &e), 0);
	assert_int_equal(plan_remove(&l->dev, &e), 0);
}

/* 42 is the tree of 41 again, and the delta speaks of 41. */
static void
plan_of_twin_releases_survives_a_reboot(void **state)
{
	struct err e = ERR_INIT;
	struct live live = live_at(42);
	struct plan p, q;

	(void)state;
	records[1].listing = live.listing = tree_of(41);
	catalog.n_edges = 6;
	edges[3] = edges[5];		/* 41 to 43 alone */
	edges[4] = edges[5];
	p = make(live, NULL, 0);
	assert_int_equal(p.n_hops, 1);
	assert_int_equal(p.hops[0].from_release, 41);
	assert_int_equal(p.from_record.release, 42);
	assert_int_equal(plan_save(&l->dev, &p, &e), 0);
	if (plan_load(&l->dev, &q, &e) == -1)
		fail_msg("%s", e.text);
	assert_same_plan(&p, &q);
	plan_clear(&p);
	plan_clear(&q);
}

static void
plan_file_is_looked_at(void **state)
{
	struct err e = ERR_INIT;
	struct plan p;

	(void)state;
	assert_int_equal(plan_load(&l->dev, &p, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	lab_device_sh(l, "echo '{\"format\":2}' > state/plan.json");
	assert_int_equal(plan_load(&l->dev, &p, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	lab_device_sh(l, "echo '{\"format\":1}' > state/plan.json");
	assert_int_equal(plan_load(&l->dev, &p, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	lab_device_sh(l, "echo '{\"format\":1' > state/plan.json");
	assert_int_equal(plan_load(&l->dev, &p, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
}

static void
plan_explains_every_way(void **state)
{
	struct live live = live_at(41);
	struct plan p = make(live, NULL, 0);
	struct err e = ERR_INIT;
	struct jv *v = plan_explain(&l->dev, &catalog, &live, &p, &e);
	const struct jv *ways = jv_get(v, "ways");

	(void)state;
	assert_non_null(v);
	assert_true(jv_count(ways) >= 3);
	assert_true(jv_bool(jv_get(jv_at(ways, 0), "chosen"), false));
	assert_int_equal(json_u64(jv_at(ways, 0), "bytes"), 22000);
	assert_int_equal(json_u64(jv_at(ways, 1), "bytes"), 30000);
	assert_string_equal(json_text(jv_at(ways, 1), "why"), "8.0 kB more");
	for (size_t i = 1; i < jv_count(ways); i++)
		assert_false(jv_bool(jv_get(jv_at(ways, i), "chosen"), true));
	jv_free(v);
	plan_clear(&p);
}

#define PLAN_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAN_TEST(plan_takes_the_cheapest_chain),
		PLAN_TEST(plan_of_a_first_install_fetches_the_listing_too),
		PLAN_TEST(plan_of_an_unknown_tree_starts_from_nothing),
		PLAN_TEST(plan_of_the_same_tree_has_no_hop),
		PLAN_TEST(plan_leaves_out_what_failed),
		PLAN_TEST(plan_respects_the_device),
		PLAN_TEST(plan_skips_edges_it_does_not_understand),
		PLAN_TEST(plan_skips_edges_that_another_zlib_is_for),
		PLAN_TEST(plan_without_room_says_so),
		PLAN_TEST(plan_counts_what_is_in_the_spool),
		PLAN_TEST(plan_survives_a_reboot),
		PLAN_TEST(plan_of_twin_releases_survives_a_reboot),
		PLAN_TEST(plan_file_is_looked_at),
		PLAN_TEST(plan_explains_every_way),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
