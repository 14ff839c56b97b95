/*
 * Outputs with deflate streams that change are built in their expanded form.  A delta
 * needs few sets of deflate parameters, as a device tries each of them before it takes
 * the delta: outputs that need rare ones stay as they are.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "manifest/base/log.h"

#include "mkdelta/encode/budget.h"
#include "mkdelta/encode/deflate_find.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/mapped.h"
#include "mkdelta/encode/match.h"
#include "mkdelta/encode/without.h"

#include "mkdelta/encode/delta_plan.h"

enum {
	FACES = 4,		/* a file, its form, and both once more while they grow */
	STAND_IN_MAX = 4096	/* bytes of an old file that has nothing to do with it */
};

#define PLAIN_MAX ((uint64_t)1 << 31)

struct expanding {
	struct delta_plan *plan;
	struct budget budget;
	unsigned jobs;		/* for one output */
	size_t *outputs;
	size_t n;
	bool *stand_in;		/* by output: its source has nothing to do with it */
};

/* What stays packed makes a delta large: --verbose says which, and why. */
static void
say_count(const char *path, const struct expansion_count *c)
{
	if (c->too_large > 0)
		log_detail("%s: %zu of %zu changed streams can be made again, %zu would "
		    "take more than %u MiB", path, c->again, c->changed, c->too_large,
		    FOUND_MEMORY_MAX >> 20);
	else if (c->changed > 0)
		log_detail("%s: %zu of %zu changed streams can be made again", path,
		    c->again, c->changed);
}

/* Was the first source packed, and is the output not? */
static bool
was_packed(const struct delta_plan *p, size_t i)
{
	const struct delta_output *o = &p->outputs[i];

	return match_is_packed(delta_plan_source(p, o->sources[0])->path) &&
	    !match_is_packed(p->job->to->entries[o->entry].path);
}

static int
expand_output(struct delta_plan *p, size_t i, unsigned jobs, struct err *e)
{
	uint8_t *new = delta_plan_new(p, i, e), *old;
	size_t n_new = (size_t)delta_plan_new_bytes(p, i);
	struct expansion_count count;
	bool unpack = was_packed(p, i);
	int rc = new == NULL ? -1 : deflate_there(new, n_new, PLAIN_MAX, e);

	if (rc == -1 || (rc == 0 && !unpack)) {
		mapped_free(new);
		return rc;
	}
	if ((old = delta_plan_old(p, i, e)) == NULL) {
		mapped_free(new);
		return -1;
	}
	rc = expansion_make(old, (size_t)delta_plan_old_bytes(p, i), new, n_new, unpack,
	    jobs, &p->forms, &p->outputs[i].expansion, &count, e);
	if (rc == 0)
		say_count(p->job->to->entries[p->outputs[i].entry].path, &count);
	return rc;
}

static int
expand_one(void *arg, size_t k, struct err *e)
{
	struct expanding *x = arg;
	size_t i = x->outputs[k];
	uint64_t bytes = FACES * (delta_plan_old_bytes(x->plan, i) +
	    delta_plan_new_bytes(x->plan, i));
	int rc;

	budget_take(&x->budget, bytes);
	rc = expand_output(x->plan, i, x->jobs, e);
	if (x->plan->outputs[i].expansion == NULL && x->stand_in[i])
		x->plan->outputs[i].n_sources = 0;
	budget_give(&x->budget, bytes);
	return rc == -1 ? err_wrap(e, "%s",
	    x->plan->job->to->entries[x->plan->outputs[i].entry].path) : 0;
}

/* ---- few sets of parameters ---- */

struct use {
	unsigned code;
	uint64_t bytes;		/* of the outputs that need it */
	bool kept;
};

static int
compare_uses(const void *pa, const void *pb)
{
	const struct use *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->code < b->code ? -1 : a->code > b->code;
}

static bool
all_kept(const struct expansion *x, const struct use *by_code)
{
	for (size_t k = 0; k < x->n_codes; k++)
		if (!by_code[x->codes[k]].kept)
			return false;
	return true;
}

static int
keep_frequent(struct delta_plan *p, struct err *e)
{
	struct use *uses = calloc(PACKING_CODES, sizeof *uses),
	    *by_code = calloc(PACKING_CODES, sizeof *by_code);
	int rc = uses == NULL || by_code == NULL ? -1 : 0;

	for (unsigned code = 0; rc == 0 && code < PACKING_CODES; code++)
		uses[code].code = code;
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		const struct expansion *x = p->outputs[i].expansion;

		for (size_t k = 0; x != NULL && k < x->n_codes; k++)
			uses[x->codes[k]].bytes += delta_plan_new_bytes(p, i);
	}
	if (rc == 0)
		qsort(uses, PACKING_CODES, sizeof *uses, compare_uses);
	for (size_t k = 0; rc == 0 && k < DELTA_NEEDS_DEFLATE_MAX; k++)
		by_code[uses[k].code].kept = true;
	for (size_t i = 0; rc == 0 && i < p->n; i++)
		if (p->outputs[i].expansion != NULL &&
		    !all_kept(p->outputs[i].expansion, by_code)) {
			expansion_free(p->outputs[i].expansion);
			p->outputs[i].expansion = NULL;
		}
	free(uses);
	free(by_code);
	return rc == 0 ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* The smallest old file, or from->n. */
static size_t
smallest(const struct listing *from)
{
	size_t best = from->n;

	for (size_t i = 0; i < from->n; i++)
		if (from->entries[i].type == ENTRY_FILE && (best == from->n ||
		    from->entries[i].size < from->entries[best].size))
			best = i;
	return best == from->n || from->entries[best].size > STAND_IN_MAX ? from->n :
	    best;
}

/* What a new file packed is packed better with all else that is new: then it needs an
 * expanded form, and that an old side. */
static int
stand_in(struct expanding *x, struct err *e)
{
	struct delta_plan *p = x->plan;
	size_t source = smallest(p->job->from);

	for (size_t i = 0; i < p->n && source < p->job->from->n; i++) {
		struct delta_output *o = &p->outputs[i];

		if (o->repeats != i || o->n_sources > 0)
			continue;
		free(o->sources);
		if ((o->sources = malloc(sizeof *o->sources)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		o->sources[0] = source;
		o->n_sources = 1;
		x->stand_in[i] = true;
	}
	return 0;
}

int
delta_plan_expand(struct delta_plan *p, struct err *e)
{
	struct expanding x = { .plan = p, .jobs = 1 };
	int rc = -1;

	if ((p->job->without & WITHOUT_EXPANDED) != 0)
		return 0;
	x.outputs = calloc(p->n + 1, sizeof *x.outputs);
	x.stand_in = calloc(p->n + 1, sizeof *x.stand_in);
	if (x.outputs == NULL || x.stand_in == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (stand_in(&x, e) == -1)
		goto out;
	for (size_t i = 0; i < p->n; i++)
		if (p->outputs[i].repeats == i && p->outputs[i].n_sources > 0)
			x.outputs[x.n++] = i;
	if (x.n < jobs_count(p->job->jobs))
		x.jobs = p->job->jobs;
	budget_init(&x.budget, delta_plan_memory(p));
	rc = jobs_run(p->job->jobs, x.n, expand_one, &x, e);
	budget_free(&x.budget);
out:
	free(x.outputs);
	free(x.stand_in);
	return rc == 0 ? keep_frequent(p, e) : -1;
}
