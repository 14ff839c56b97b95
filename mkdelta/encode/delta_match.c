/*
 * Outputs of the same sources are matched together: their suffix array is sorted once.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

#include "mkdelta/encode/budget.h"
#include "mkdelta/encode/changes.h"
#include "mkdelta/encode/effort.h"
#include "mkdelta/encode/embedded.h"
#include "mkdelta/encode/hints.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/mapped.h"
#include "mkdelta/encode/prune.h"
#include "mkdelta/encode/squeeze.h"
#include "mkdelta/encode/suffix.h"
#include "mkdelta/encode/windows.h"
#include "mkdelta/encode/without.h"

#include "mkdelta/encode/delta_plan.h"

enum {
	MEMORY_MAX = 9 << 20,	/* of the decoder, for one output's prediction */
	EFFORT_CHANGES = 2,	/* to compare ways to write them */
	ROOM = 8		/* of the memory: one part at least is for matching */
};

/* Outputs order[first] to order[first + n - 1] have the same sources. */
struct group {
	size_t first, n;
	uint64_t bytes;		/* memory to match them */
	bool whole;		/* with one suffix array of all */
	bool predicted;		/* with images, if there are any */
};

struct matching {
	struct delta_plan *plan;
	struct budget budget;
	const struct effort *effort;
	unsigned jobs;		/* for one group */
	size_t *order;
	struct group *groups;
	size_t n;
};

static const struct entry *
new_entry(const struct delta_plan *p, size_t output)
{
	return &p->job->to->entries[p->outputs[output].entry];
}

/* ---- one group ---- */

static bool
may_not(const struct matching *m, uint32_t what)
{
	return (m->plan->job->without & what) != 0;
}

/* The ancestor of a group, and what is found in it. */
struct ancestor {
	const struct matching *m;
	const struct group *g;
	uint8_t *old;
	size_t n_old;
	struct suffix *suffix;		/* of old: made when it is needed first */
	const uint8_t *new;		/* the output at hand */
	size_t n_new;
	bool part;			/* of files that are no executables */
};

/* What the files at hand leave of the memory.  As they are they need none of it: they
 * are mapped. */
static uint64_t
rest(const struct ancestor *a, enum delta_kind kind)
{
	uint64_t files = kind == DELTA_CODE ?
	    delta_plan_files_bytes(a->n_old, a->n_new) :
	    (uint64_t)a->n_old + 2 * (uint64_t)a->n_new;

	uint64_t all = a->m->budget.bytes, left = files < all ? all - files : 0;

	return (a->part || kind == DELTA_EXTRA) && left < all / 2 ? all / 2 : left;
}

/* The blocks that cost least, of those that the thresholds give.  Takes suffixes
 * that are not the ancestor's own: they are large, and go with the last search. */
static int
match_best(const struct ancestor *a, const uint8_t *old, struct suffix *suffix,
    const uint8_t *new, enum delta_kind kind, const struct blocks *hints,
    struct blocks *out, struct err *e)
{
	const unsigned *thresholds = a->m->effort->thresholds;
	int64_t least = INT64_MAX;
	size_t n = 0;
	int rc = 0;

	while (n < EFFORT_THRESHOLDS && thresholds[n] != 0)
		n++;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct blocks b = { NULL, 0, 0 };
		int64_t bits = INT64_MAX;

		rc = bsdiff_blocks(old, a->n_old, suffix, new, a->n_new, thresholds[i],
		    rest(a, kind), hints, &b, e);
		if (i + 1 == n && suffix != a->suffix) {
			suffix_free(suffix);
			suffix = NULL;
		}
		if (rc == 0 && !may_not(a->m, WITHOUT_PRUNE))
			rc = prune(&b, old, new, kind, &bits, e);
		if (rc == 0 && (i == 0 || bits < least)) {
			blocks_free(out);
			*out = b;
			least = bits;
		} else
			blocks_free(&b);
	}
	if (suffix != a->suffix)
		suffix_free(suffix);
	return rc;
}

/* Blocks of the files as they are. */
static int
match_plain(struct ancestor *a, const uint8_t *new, struct blocks *blocks, struct err *e)
{
	if (a->g->whole && a->suffix == NULL &&
	    (a->suffix = suffix_new(a->old, a->n_old, e)) == NULL)
		return -1;
	return match_best(a, a->old, a->suffix, new, DELTA_EXTRA, NULL, blocks, e);
}

static int
match_exactly(const struct ancestor *a, const uint8_t *old, const uint8_t *new,
    const struct blocks *hints, struct blocks *blocks, struct err *e)
{
	struct windows *wanted = NULL;
	struct suffix *suffix;

	if (!a->g->whole)
		return match_best(a, old, NULL, new, DELTA_CODE, NULL, blocks, e);
	if (hints != NULL && hints_wanted(hints, old, new, a->n_new, &wanted, e) == -1)
		return -1;
	suffix = wanted == NULL ? suffix_new(old, a->n_old, e) :
	    suffix_of(old, a->n_old, wanted, e);
	windows_free(wanted);
	if (suffix == NULL)
		return -1;
	return match_best(a, old, suffix, new, DELTA_CODE, hints, blocks, e);
}

/* Blocks of files whose references were made alike: blocks has those of the match
 * before, which it replaces. */
static int
match_blurred(void *arg, bool rough, const uint8_t *old, const uint8_t *new,
    struct blocks *blocks, struct err *e)
{
	const struct ancestor *a = arg;
	struct blocks before = *blocks;
	const struct blocks *hints = may_not(a->m, WITHOUT_HINTS) ? NULL : &before;
	int rc;

	*blocks = (struct blocks){ NULL, 0, 0 };
	mapped_forget(a->old);
	mapped_forget(a->new);
	rc = rough ? bsdiff_rough(old, a->n_old, new, a->n_new, rest(a, DELTA_CODE),
	    hints, blocks, e) : match_exactly(a, old, new, hints, blocks, e);
	blocks_free(&before);
	return rc;
}

/* Parts of files by themselves: their own size says how. */
static int
match_part(void *arg, bool rough, const uint8_t *old, size_t n_old, const uint8_t *new,
    size_t n_new, struct blocks *blocks, struct err *e)
{
	struct ancestor a = *(const struct ancestor *)arg;
	struct group g = *a.g;

	g.whole = delta_plan_match_bytes(n_old, n_new) <= a.m->budget.bytes;
	a.g = &g;
	a.n_old = n_old;
	a.n_new = n_new;
	a.part = true;
	return match_blurred(&a, rough, old, new, blocks, e);
}

static int
match_embedded(struct ancestor *a, struct delta_output *output,
    const struct prediction_job *files, uint8_t *was, struct err *e)
{
	uint64_t bytes = rest(a, DELTA_EXTRA), least = a->m->budget.bytes / 4;
	struct embedded_job job = { .files = *files, .match = match_part, .arg = a,
		.jobs = a->m->jobs, .decoder_bytes = MEMORY_MAX,
		.memory_bytes = bytes > least ? bytes : least };

	return embedded_find(&job, &output->blocks, &output->prediction, was, e);
}

/* `was` has room for the new file. */
static int
match_bytes(struct ancestor *a, struct delta_output *output, const uint8_t *new,
    uint8_t *was, struct err *e)
{
	struct prediction_job job = { .old = a->old, .new = new, .n_old = a->n_old,
		.n_new = a->n_new, .rules = WITHOUT_RULES & ~a->m->plan->job->without,
		.overrides = !may_not(a->m, WITHOUT_OVERRIDES),
		.passes = a->m->effort->passes, .quick = !a->m->effort->exact,
		.match = match_blurred, .arg = a };

	a->new = new;
	if (a->g->predicted && prediction_find(&job, &output->blocks, &output->prediction,
	    was, e) == -1)
		return -1;
	/* The decoder may not need more than any delta may. */
	if (prediction_memory(&output->prediction, output->blocks.n) > MEMORY_MAX)
		prediction_free(&output->prediction);
	if (output->prediction.rules == 0 && !may_not(a->m, WITHOUT_PIECES)) {
		blocks_free(&output->blocks);
		if (match_embedded(a, output, &job, was, e) == -1)
			return -1;
	}
	if (output->prediction.rules == 0) {
		blocks_free(&output->blocks);
		if (match_plain(a, new, &output->blocks, e) == -1)
			return -1;
		was = NULL;
	}
	if (may_not(a->m, WITHOUT_SPARSE))
		return 0;
	if (changes_choose(&output->blocks, a->old, was, new,
	    effort_of(EFFORT_CHANGES), &output->changes, e) == -1)
		return -1;
	if (may_not(a->m, WITHOUT_SUBSTITUTE))
		output->changes &= ~(unsigned)FLAG_SUBSTITUTE;
	return 0;
}

static int
match_output(struct ancestor *a, size_t i, struct err *e)
{
	uint8_t *new = delta_plan_new(a->m->plan, i, e), *was;
	int rc = -1;

	if (new == NULL)
		return -1;
	a->n_new = (size_t)delta_plan_new_bytes(a->m->plan, i);
	was = mapped_room(a->n_new, a->g->whole ? SIZE_MAX : a->m->budget.bytes / 8, e);
	if (was != NULL)
		rc = match_bytes(a, &a->m->plan->outputs[i], new, was, e);
	mapped_free(was);
	mapped_free(new);
	return rc == -1 ? err_wrap(e, "%s", new_entry(a->m->plan, i)->path) : 0;
}

static int
match_group_now(struct matching *m, const struct group *g, struct err *e)
{
	struct ancestor a = { .m = m, .g = g };
	int rc = 0;

	a.n_old = (size_t)delta_plan_old_bytes(m->plan, m->order[g->first]);
	if ((a.old = delta_plan_old(m->plan, m->order[g->first], e)) == NULL)
		return -1;
	for (size_t i = 0; rc == 0 && i < g->n; i++)
		if ((rc = cancel_check(e)) == 0)
			rc = match_output(&a, m->order[g->first + i], e);
	suffix_free(a.suffix);
	mapped_free(a.old);
	return rc;
}

static int
match_group(void *arg, size_t i, struct err *e)
{
	struct matching *m = arg;
	const struct group *g = &m->groups[i];
	int rc;

	budget_take(&m->budget, g->bytes);
	rc = match_group_now(m, g, e);
	budget_give(&m->budget, g->bytes);
	return rc;
}

/* ---- the groups ---- */

static int
compare_sources(const struct delta_output *a, const struct delta_output *b)
{
	for (size_t i = 0; i < a->n_sources && i < b->n_sources; i++)
		if (a->sources[i] != b->sources[i])
			return a->sources[i] < b->sources[i] ? -1 : 1;
	return a->n_sources < b->n_sources ? -1 : a->n_sources > b->n_sources;
}

static int
compare_outputs(const void *pa, const void *pb, void *arg)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb;
	const struct delta_plan *p = arg;
	int order = compare_sources(&p->outputs[a], &p->outputs[b]);

	if (order != 0)
		return order;
	return a < b ? -1 : a > b;
}

/* An expanded form is made for one output. */
static bool
same_sources(const struct delta_plan *p, size_t a, size_t b)
{
	return compare_sources(&p->outputs[a], &p->outputs[b]) == 0 &&
	    p->outputs[a].expansion == NULL && p->outputs[b].expansion == NULL;
}

/* The most work first, so that all threads end at about the same time. */
static int
compare_work(const void *pa, const void *pb)
{
	const struct group *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static void
measure(struct matching *m, struct group *g)
{
	uint64_t old = delta_plan_old_bytes(m->plan, m->order[g->first]), new = 0;

	for (size_t i = 0; i < g->n; i++) {
		uint64_t bytes = delta_plan_new_bytes(m->plan, m->order[g->first + i]);

		new = bytes > new ? bytes : new;
	}
	g->bytes = delta_plan_match_bytes(old, new);
	g->whole = g->bytes <= m->budget.bytes;
	g->predicted = delta_plan_files_bytes(old, new) <=
	    m->budget.bytes - m->budget.bytes / ROOM;
	if (!g->whole)
		g->bytes = m->budget.bytes;
}

static int
make_groups(struct matching *m, struct err *e)
{
	struct delta_plan *p = m->plan;
	size_t n = 0;

	m->order = calloc(p->n + 1, sizeof *m->order);
	m->groups = calloc(p->n + 1, sizeof *m->groups);
	if (m->order == NULL || m->groups == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < p->n; i++)
		if (p->outputs[i].repeats == i && p->outputs[i].n_sources > 0)
			m->order[n++] = i;
	qsort_r(m->order, n, sizeof *m->order, compare_outputs, p);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !same_sources(p, m->order[i], m->order[i - 1]))
			m->groups[m->n++].first = i;
		m->groups[m->n - 1].n++;
	}
	for (size_t i = 0; i < m->n; i++)
		measure(m, &m->groups[i]);
	qsort(m->groups, m->n, sizeof *m->groups, compare_work);
	return 0;
}

static int
match_listing(struct delta_plan *p, struct err *e)
{
	struct suffix *suffix = suffix_new(p->old_text.data, p->old_text.len, e);
	int rc = -1;

	if (suffix != NULL)
		rc = bsdiff_blocks(p->old_text.data, p->old_text.len, suffix,
		    p->reduced.data, p->reduced.len, 8, 0, NULL, &p->listing, e);
	if (rc == 0)
		rc = changes_choose(&p->listing, p->old_text.data, NULL, p->reduced.data,
		    effort_of(EFFORT_CHANGES), &p->listing_changes, e);
	suffix_free(suffix);
	return rc;
}

int
delta_plan_match(struct delta_plan *p, struct err *e)
{
	struct matching m = { .plan = p, .effort = effort_of(p->job->effort) };
	int rc = -1;

	budget_init(&m.budget, delta_plan_memory(p));
	if (match_listing(p, e) == 0 && make_groups(&m, e) == 0) {
		m.jobs = m.n < jobs_count(p->job->jobs) ? p->job->jobs : 1;
		rc = jobs_run(p->job->jobs, m.n, match_group, &m, e);
	}
	budget_free(&m.budget);
	free(m.order);
	free(m.groups);
	return rc;
}
