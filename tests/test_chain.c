/*
 * test_chain.c - the planner against brute force, and its tie-breaks as facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/err.h"
#include "manifest/chain.h"

static struct sha256
tree(unsigned n)
{
	struct sha256 id = { { 0 } };

	id.bytes[0] = (uint8_t)n;
	id.bytes[31] = 1;
	return id;
}

static struct chain_edge
delta(unsigned from, unsigned to, uint64_t bytes)
{
	struct chain_edge edge = { .from = tree(from), .to = tree(to), .release = to,
		.bytes = bytes, .memory_bytes = 10, .room_bytes = bytes };

	return edge;
}

static struct chain_edge
full(unsigned to, uint64_t bytes)
{
	struct chain_edge edge = delta(0, to, bytes);

	edge.from_nothing = true;
	return edge;
}

static struct chain_want
want(unsigned from, unsigned to)
{
	struct chain_want w = { .has_tree = from != 0,
		.tree = tree(from),
		.target = tree(to),
		.memory_limit = UINT64_MAX,
		.room_limit = UINT64_MAX };

	return w;
}

static int
pick(const struct chain_edge *edges, size_t n, struct chain_want w, struct chain *out)
{
	struct err e = ERR_INIT;

	return chain_pick(edges, n, &w, out, &e);
}

static void
chain_takes_the_fewest_bytes(void **state)
{
	struct chain_edge edges[] = { delta(1, 3, 100), delta(1, 2, 30), delta(2, 3, 40),
		full(3, 500) };
	struct chain c;

	(void)state;
	assert_int_equal(pick(edges, 4, want(1, 3), &c), 1);
	assert_int_equal(c.bytes, 70);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.hops[0], 1);
	assert_int_equal(c.hops[1], 2);
}

static void
chain_prefers_fewer_hops_on_equal_bytes(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, 30), delta(2, 3, 40), delta(1, 3, 70) };
	struct chain c;

	(void)state;
	assert_int_equal(pick(edges, 3, want(1, 3), &c), 1);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.hops[0], 2);
}

static void
chain_prefers_the_newer_intermediate_on_equal_hops(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, 30), delta(2, 9, 40), delta(1, 3, 30),
		delta(3, 9, 40) };
	struct chain c;

	(void)state;
	assert_int_equal(pick(edges, 4, want(1, 9), &c), 1);
	assert_int_equal(c.hops[0], 2);
	assert_int_equal(c.hops[1], 3);
}

static void
chain_already_there_is_empty(void **state)
{
	struct chain c;

	(void)state;
	assert_int_equal(pick(NULL, 0, want(5, 5), &c), 1);
	assert_int_equal(c.n, 0);
	assert_int_equal(c.bytes, 0);
}

static void
chain_takes_the_full_when_deltas_cost_more(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, 300), full(2, 200) };
	struct chain c;

	(void)state;
	assert_int_equal(pick(edges, 2, want(1, 2), &c), 1);
	assert_int_equal(c.hops[0], 1);
}

static void
chain_may_take_a_full_and_then_a_delta(void **state)
{
	struct chain_edge edges[] = { full(1, 50), delta(1, 2, 20), full(2, 100) };
	struct chain c;

	(void)state;
	assert_int_equal(pick(edges, 3, want(0, 2), &c), 1);
	assert_int_equal(c.bytes, 70);
	assert_int_equal(c.n, 2);
}

static void
chain_skips_dropped_edges_and_never_full(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, 20), full(2, 100) };
	struct chain_want w = want(1, 2);
	struct chain c;

	(void)state;
	edges[0].dropped = true;
	assert_int_equal(pick(edges, 2, w, &c), 1);
	assert_int_equal(c.hops[0], 1);
	w.never_full = true;
	assert_int_equal(pick(edges, 2, w, &c), 0);
}

static void
chain_respects_decoder_memory(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, 20), full(2, 100) };
	struct chain_want w = want(1, 2);
	struct chain c;

	(void)state;
	edges[0].memory_bytes = 1000;
	w.memory_limit = 999;
	assert_int_equal(pick(edges, 2, w, &c), 1);
	assert_int_equal(c.hops[0], 1);
}

static void
chain_needing_less_room_wins_when_the_cheapest_does_not_fit(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, 10), delta(1, 2, 12), delta(2, 3, 10) };
	struct chain_want w = want(1, 3);
	struct chain c;

	(void)state;
	edges[0].room_bytes = 90;
	edges[1].room_bytes = 40;
	edges[2].room_bytes = 50;
	w.room_limit = 100;
	assert_int_equal(pick(edges, 3, w, &c), 1);
	assert_int_equal(c.hops[0], 1);
	assert_int_equal(c.bytes, 22);
	assert_int_equal(c.room_bytes, 90);
}

static void
chain_with_sums_over_64_bits_does_not_wrap(void **state)
{
	struct chain_edge edges[] = { delta(1, 2, UINT64_MAX - 1), delta(2, 3, 5),
		full(3, UINT64_MAX - 2) };
	struct chain c;

	(void)state;
	assert_int_equal(pick(edges, 3, want(1, 3), &c), 1);
	assert_int_equal(c.hops[0], 2);
}

/* ---- brute force ---- */

enum { MAX_EDGES = 24, MAX_ALL = 20000 };

struct brute {
	const struct chain_edge *edges;
	size_t n;
	struct chain_want w;
	struct chain all[MAX_ALL];
	size_t n_all;
};

static int
order(const struct brute *b, const struct chain *x, const struct chain *y)
{
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	for (size_t k = 2; k <= x->n; k++) {
		uint64_t rx = b->edges[x->hops[x->n - k]].release;
		uint64_t ry = b->edges[y->hops[y->n - k]].release;

		if (rx != ry)
			return rx > ry ? -1 : 1;
	}
	return 0;
}

static void
grow(struct brute *b, struct chain *c, const struct sha256 *at, bool nothing,
    uint32_t seen)
{
	if (!nothing && sha256_equal(at, &b->w.target)) {
		assert_true(b->n_all < MAX_ALL);
		b->all[b->n_all++] = *c;
		return;
	}
	for (size_t i = 0; i < b->n; i++) {
		const struct chain_edge *edge = &b->edges[i];
		struct chain longer = *c;

		if (edge->dropped || edge->memory_bytes > b->w.memory_limit ||
		    (edge->from_nothing && b->w.never_full))
			continue;
		if (edge->from_nothing != nothing ||
		    (!nothing && !sha256_equal(&edge->from, at)))
			continue;
		if ((seen & 1u << edge->to.bytes[0]) != 0)
			continue;
		longer.hops[longer.n++] = i;
		longer.bytes += edge->bytes;
		longer.room_bytes += edge->room_bytes;
		if (longer.room_bytes <= b->w.room_limit)
			grow(b, &longer, &edge->to, false,
			    seen | 1u << edge->to.bytes[0]);
	}
}

static void
enumerate(struct brute *b)
{
	struct chain empty = { .n = 0 };

	/* Nobody fetches the tree that is there already. */
	uint32_t there = b->w.has_tree ? 1u << b->w.tree.bytes[0] : 0;

	b->n_all = 0;
	grow(b, &empty, NULL, true, there);
	if (b->w.has_tree)
		grow(b, &empty, &b->w.tree, false, there);
}

static size_t
random_graph(struct chain_edge *edges, unsigned nodes, uint64_t *room_limit)
{
	size_t n = 4 + (size_t)rand() % (MAX_EDGES - 4);

	for (size_t i = 0; i < n; i++) {
		unsigned from = 1 + (unsigned)rand() % nodes;
		unsigned to = 1 + (unsigned)rand() % nodes;

		edges[i] = rand() % 6 == 0 ? full(to, 1 + (unsigned)rand() % 12) :
		    delta(from, to, (unsigned)rand() % 6);
		edges[i].room_bytes = (unsigned)rand() % 20;
		edges[i].dropped = rand() % 12 == 0;
		edges[i].memory_bytes = (unsigned)rand() % 20;
	}
	*room_limit = rand() % 2 == 0 ? UINT64_MAX : (unsigned)rand() % 40;
	return n;
}

static void
set_brute(struct brute *b, struct chain_edge *edges)
{
	unsigned nodes = 3 + (unsigned)rand() % 5;

	b->edges = edges;
	b->w = want((unsigned)rand() % (nodes + 1), 1 + (unsigned)rand() % nodes);
	b->n = random_graph(edges, nodes, &b->w.room_limit);
	b->w.memory_limit = 16;
	b->w.never_full = rand() % 8 == 0;
	enumerate(b);
}

static void
chain_equals_brute_force_on_random_graphs(void **state)
{
	static struct brute b;
	struct chain_edge edges[MAX_EDGES];
	size_t with_path = 0;

	(void)state;
	srand(7);
	for (int round = 0; round < 4000; round++) {
		struct chain got;
		const struct chain *best = NULL;
		int found;

		set_brute(&b, edges);
		for (size_t i = 0; i < b.n_all; i++)
			if (best == NULL || order(&b, &b.all[i], best) < 0)
				best = &b.all[i];
		found = pick(edges, b.n, b.w, &got);
		assert_int_equal(found, best != NULL);
		if (best == NULL)
			continue;
		with_path++;
		assert_int_equal(order(&b, &got, best), 0);
		assert_int_equal(got.room_bytes <= b.w.room_limit, 1);
	}
	assert_true(with_path > 1000);
}

static void
list_equals_brute_force_without_room_limits(void **state)
{
	static struct brute b;
	struct chain_edge edges[MAX_EDGES];
	struct err e = ERR_INIT;
	size_t compared = 0;

	(void)state;
	srand(11);
	for (int round = 0; round < 1500; round++) {
		struct chain got[5];
		int n;

		set_brute(&b, edges);
		if (b.w.has_tree && sha256_equal(&b.w.tree, &b.w.target))
			continue;	/* already there: no other way counts */
		b.w.room_limit = UINT64_MAX;
		enumerate(&b);
		n = chain_list(edges, b.n, &b.w, got, 5, &e);
		assert_int_equal(n, b.n_all < 5 ? b.n_all : 5);
		for (int k = 0; k < n; k++) {
			size_t better = 0;

			for (size_t i = 0; i < b.n_all; i++)
				better += order(&b, &b.all[i], &got[k]) < 0;
			assert_true(better <= (size_t)k);
			compared++;
		}
	}
	assert_true(compared > 1000);
}

static void
chain_over_a_thousand_releases_is_found(void **state)
{
	static struct chain_edge edges[3000];
	struct chain_want w = want(1, 1);
	struct chain c;
	size_t n = 0;

	(void)state;
	for (unsigned p = 2; p <= 1000; p++)
		for (unsigned back = 1; p % back == 0 && back < p; back *= 2) {
			edges[n] = delta(0, 0, 10);
			memcpy(&edges[n].from.bytes[4], &(unsigned){ p - back }, 4);
			memcpy(&edges[n].to.bytes[4], &(unsigned){ p }, 4);
			edges[n++].release = p;
		}
	w.tree = edges[0].from;
	w.target = edges[n - 1].to;
	assert_int_equal(pick(edges, n, w, &c), 1);
	assert_true(c.n <= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_takes_the_fewest_bytes),
		cmocka_unit_test(chain_prefers_fewer_hops_on_equal_bytes),
		cmocka_unit_test(chain_prefers_the_newer_intermediate_on_equal_hops),
		cmocka_unit_test(chain_already_there_is_empty),
		cmocka_unit_test(chain_takes_the_full_when_deltas_cost_more),
		cmocka_unit_test(chain_may_take_a_full_and_then_a_delta),
		cmocka_unit_test(chain_skips_dropped_edges_and_never_full),
		cmocka_unit_test(chain_respects_decoder_memory),
		cmocka_unit_test(
		    chain_needing_less_room_wins_when_the_cheapest_does_not_fit),
		cmocka_unit_test(chain_with_sums_over_64_bits_does_not_wrap),
		cmocka_unit_test(chain_equals_brute_force_on_random_graphs),
		cmocka_unit_test(list_equals_brute_force_without_room_limits),
		cmocka_unit_test(chain_over_a_thousand_releases_is_found),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
