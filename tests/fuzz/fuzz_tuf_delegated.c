/*
 * A delegated role: the one of a platform, with its releases; or, where it delegates
 * itself, the one of a channel.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/record.h"

#include "tests/fuzz/kit/tuf_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

static bool
no_needs(const char *name)
{
	(void)name;
	return false;
}

/* An edge leads between trees that are known; everything else is left out. */
static void
look(const struct catalog *c, struct err *e)
{
	const char *missing;

	for (size_t i = 0; i < c->n_edges; i++) {
		const struct edge *x = &c->edges[i];
		struct jv *back = edge_to_json(x, e);

		if (catalog_record(c, x->release) == NULL ||
		    (!x->is_full && catalog_by_listing(c, &x->from) == NULL))
			abort();
		(void)needs_met(x->needs, no_needs, &missing);
		jv_free(back);
	}
	for (size_t i = 0; i < c->n_records; i++) {
		struct jv *back = record_to_json(&c->records[i], e);

		if (i > 0 && c->records[i - 1].release > c->records[i].release)
			abort();
		(void)catalog_full(c, c->records[i].release);
		jv_free(back);
	}
}

static void
read_releases(const struct jv *part)
{
	const struct jv *twice[] = { part, part };
	struct err e = ERR_INIT;
	struct catalog c;

	if (catalog_read(part, "any", &c, &e) == 0) {
		look(&c, &e);
		catalog_clear(&c);
	}
	if (catalog_read_parts(twice, 2, "any", &c, &e) == 0) {
		look(&c, &e);
		catalog_clear(&c);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const chain[] = { "targets", "stable", "stable.any" };
	struct err e = ERR_INIT;
	const struct jv *part;
	struct tuf_target target;
	bool channel = memmem(data, n, "\"delegations\"", 13) != NULL;
	struct tuf *t;

	if (n > TUF_TARGETS_MAX)
		return 0;
	t = tuf_case_open(channel ? "3.stable.json" : "3.stable.any.json", data, n);
	tuf_case_trust(t, "snapshot");
	tuf_case_trust(t, "targets");
	if ((part = tuf_role(t, chain, 3, &e)) != NULL) {
		if (tuf_case_stored() != 1)
			abort();
		read_releases(part);
		(void)tuf_role_target(part, "1/any.tree.zst", &target, &e);
	}
	tuf_case_close(t);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
