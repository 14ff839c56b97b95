/*
 * Outputs that hold what their ancestor lacks get more sources: old files that have
 * much of it.  Each file is read once or twice, whatever there is to find:
 *	1. outputs and ancestors: which samples does each output want?
 *	2. all old files: which of what is wanted does each have?
 *	3. for each output: the few that have the most.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta_format.h"
#include "manifest/base/fs.h"

#include "mkdelta/encode/cover.h"
#include "mkdelta/encode/image_side.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/without.h"

#include "mkdelta/encode/delta_plan.h"

enum {
	FIRST_BYTES = 64,	/* a source must have so much that is wanted */
	MORE_BYTES = 256,	/* one beside others */
	CLEARLY = 8,		/* an eighth more of the file: content beats the name */
	PULL = 256,		/* old bytes worth matching for one byte in common */
	PULL_FREE = 64 << 10,	/* old bytes that need no reason */
	HEAD_BYTES = 64		/* tell an image */
};

/* What an output wants. */
struct need {
	size_t output;
	struct samples wants;	/* hashes, then their numbers; by place */
	unsigned log;		/* one sample stands for 2^log bytes */
	bool fixed;		/* its first source is that of its own path */
	bool image;		/* one source alone, else references lead nowhere */
	uint32_t first;		/* the source that has the most, and how much */
	uint64_t common;
	size_t own;		/* samples that the source of the same name has */
};

struct finding {
	struct delta_plan *plan;
	struct need *needs;	/* of each output */
	struct need **open;	/* those that want something */
	size_t n_open;
	struct wanted wanted;
	bool *images;		/* of each candidate: is it one? */
	struct samples *has;	/* of each candidate: entries of `from`, then outputs */
	size_t n_has;
	struct holders holders;
	uint64_t *pull;		/* by candidate: bytes that outputs want it for */
	size_t *uses;		/* by candidate: outputs whose first source it is */
};

/* ---- what outputs want ---- */

/* Of an image: without operands, as its code is the same wherever it went.  1; 0: no
 * image. */
static int
sample_image(const uint8_t *data, size_t n, struct sampler *s, struct err *e)
{
	uint8_t *blank = malloc(n + 1);
	struct image_side side;
	int rc;

	if (blank == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for samples");
	if ((rc = image_side_open(&side, data, n, ((uint32_t)1 << RULE_IDS) - 1,
	    e)) == 1) {
		memcpy(blank, data, n);
		image_side_blank(&side, blank);
		image_side_close(&side);
		if (sampler_add(s, blank, n, e) == -1)
			rc = -1;
	}
	free(blank);
	return rc;
}

static int
sample_loaded(int fd, const struct entry *x, struct sampler *s, bool *image,
    struct err *e)
{
	uint8_t *data = malloc((size_t)x->size + 1);
	int rc = -1;

	if (data == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for samples");
	if (fs_pread(fd, data, (size_t)x->size, 0, e) == 0)
		rc = sample_image(data, (size_t)x->size, s, e);
	*image = rc == 1;
	if (rc == 0)
		rc = sampler_add(s, data, (size_t)x->size, e);
	free(data);
	return rc == -1 ? -1 : 0;
}

static int
sample_file(const struct delta_plan *p, size_t source, struct sampler *s, bool *image,
    struct err *e)
{
	const struct entry *x = delta_plan_source(p, source);
	int fd = delta_plan_open_source(p, source, e), rc;
	uint8_t head[HEAD_BYTES] = { 0 };

	if (fd == -1)
		return -1;
	*image = pread(fd, head, sizeof head, 0) > 0 &&
	    (memcmp(head, "\177ELF", 4) == 0 || memcmp(head + 56, "ARM\x64", 4) == 0);
	rc = *image ? sample_loaded(fd, x, s, image, e) : sampler_add_fd(s, fd, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", x->path) : 0;
}

static int
compare_numbers(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Keep what is not in `has`, once, in order of place. */
static int
subtract(struct samples *wants, const struct samples *has, struct err *e)
{
	uint64_t *list = calloc(wants->n + 1, sizeof *list);
	size_t n = 0, k = 0;

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for samples");
	for (size_t i = 0; i < wants->n; i++)
		list[i] = (uint64_t)wants->v[i] << 32 | i;
	qsort(list, wants->n, sizeof *list, compare_numbers);
	for (size_t i = 0; i < wants->n; i++) {
		uint32_t hash = (uint32_t)(list[i] >> 32);

		if (i > 0 && hash == (uint32_t)(list[i - 1] >> 32))
			continue;
		while (k < has->n && has->v[k] < hash)
			k++;
		if (k == has->n || has->v[k] != hash)
			list[n++] = (uint64_t)(uint32_t)list[i] << 32 | hash;
	}
	qsort(list, n, sizeof *list, compare_numbers);
	for (size_t i = 0; i < n; i++)
		wants->v[i] = (uint32_t)list[i];
	wants->n = n;
	free(list);
	return 0;
}

static int
find_wants(void *arg, size_t i, struct err *e)
{
	struct finding *f = arg;
	const struct delta_job *job = f->plan->job;
	const struct delta_output *o = &f->plan->outputs[i];
	const struct entry *x = &job->to->entries[o->entry];
	struct need *n = &f->needs[i];
	bool ignored;
	struct samples has = { NULL, 0, 0 };
	struct sampler s = { .log = samples_log(x->size), .take = samples_take,
		.arg = &n->wants };
	int rc;

	n->output = i;
	n->log = s.log;
	n->fixed = o->n_sources > 0 && strcmp(x->path,
	    job->from->entries[o->sources[0]].path) == 0;
	if (o->repeats != i || x->size < SAMPLES_WINDOW)
		return 0;
	rc = sample_file(f->plan, job->from->n + i, &s, &n->image, e);
	n->fixed = n->fixed && !n->image;
	if (rc == 0 && n->fixed) {
		s = (struct sampler){ .log = n->log, .take = samples_take, .arg = &has };
		rc = sample_file(f->plan, o->sources[0], &s, &ignored, e);
		samples_sort(&has);
	}
	if (rc == 0)
		rc = subtract(&n->wants, &has, e);
	samples_free(&has);
	if (n->wants.n << n->log < (n->fixed ? MORE_BYTES : FIRST_BYTES))
		samples_free(&n->wants);
	return rc;
}

/* All hashes together, and each list as numbers. */
static int
number_wants(struct finding *f, struct err *e)
{
	struct samples all = { NULL, 0, 0 };
	int rc = 0;

	for (size_t i = 0; i < f->plan->n; i++) {
		struct need *n = &f->needs[i];

		for (size_t k = 0; rc == 0 && k < n->wants.n; k++)
			rc = samples_take(&all, n->wants.v[k], e);
		if (n->wants.n > 0)
			f->open[f->n_open++] = n;
	}
	if (rc == 0)
		rc = wanted_open(&f->wanted, &all, e);
	samples_free(&all);
	for (size_t i = 0; rc == 0 && i < f->n_open; i++)
		for (size_t k = 0; k < f->open[i]->wants.n; k++)
			f->open[i]->wants.v[k] = wanted_find(&f->wanted,
			    f->open[i]->wants.v[k]);
	return rc;
}

/* ---- what old files have ---- */

struct having {
	const struct wanted *wanted;
	struct samples *has;
};

static int
take_wanted(void *arg, uint32_t hash, struct err *e)
{
	const struct having *h = arg;
	uint32_t number = wanted_find(h->wanted, hash);

	return number == WANTED_NONE ? 0 : samples_take(h->has, number, e);
}

/* May it be a source at all? */
static bool
is_candidate(const struct delta_plan *p, size_t i)
{
	const struct listing *from = p->job->from;

	if (i >= from->n)
		return p->outputs[i - from->n].repeats == i - from->n;
	return from->entries[i].type == ENTRY_FILE && listing_group_first(from, i) == i;
}

static int
find_has(void *arg, size_t i, struct err *e)
{
	struct finding *f = arg;
	struct having h = { &f->wanted, &f->has[i] };
	struct sampler s = { .log = SAMPLES_LOG_MIN, .take = take_wanted, .arg = &h };

	if (!is_candidate(f->plan, i))
		return 0;
	if (sample_file(f->plan, i, &s, &f->images[i], e) == -1)
		return -1;
	samples_sort(h.has);
	return 0;
}

/* ---- the sources of one output ---- */

struct choice {
	struct finding *f;
	const struct need *need;
	uint64_t old_bytes;	/* of the sources so far */
	uint32_t sources[DELTA_SOURCES_MAX];
	uint32_t places[DELTA_SOURCES_MAX];
	size_t n;
};

/* An output draws from those before it, an image from images.  What changed from one
 * release to the next is much the same in images that are alike, and packs well: an
 * earlier output must have more than half of what the old file lacks. */
static bool
may_draw(const struct choice *c, uint32_t candidate, size_t samples)
{
	const struct need *n = c->need;
	size_t old = c->f->plan->job->from->n;

	if (candidate >= old + n->output)
		return false;
	if (!n->image)
		return true;
	return c->n == 0 && c->f->images[candidate] && (candidate < old ||
	    samples > n->own + (n->wants.n - n->own) / 2);
}

static size_t
guess(const struct finding *f, const struct need *n)
{
	const struct delta_output *o = &f->plan->outputs[n->output];

	return o->n_sources == 0 ? WANTED_NONE : o->sources[0];
}

static int
accept_any(void *arg, uint32_t candidate, size_t samples)
{
	const struct choice *c = arg;

	return may_draw(c, candidate, samples) &&
	    samples << c->need->log >= FIRST_BYTES;
}

/* Is it worth the time to sort and search it? */
static int
accept(void *arg, uint32_t candidate, size_t samples)
{
	const struct choice *c = arg;
	const struct finding *f = c->f;
	uint64_t bytes = delta_plan_source(f->plan, candidate)->size, sum = bytes;
	uint64_t common = (uint64_t)samples << c->need->log;

	if (!may_draw(c, candidate, samples))
		return 0;
	if (c->n == 0)
		return candidate == guess(f, c->need) || (common >= FIRST_BYTES &&
		    bytes / PULL <= PULL_FREE / PULL + f->pull[candidate]);
	/* A suffix array that others have no use for. */
	if (f->uses[c->sources[0]] > 1)
		sum += c->old_bytes;
	return common >= MORE_BYTES && sum / PULL <= PULL_FREE / PULL + common &&
	    delta_plan_fits(f->plan, c->old_bytes + bytes,
	    f->plan->job->to->entries[f->plan->outputs[c->need->output].entry].size);
}

/* The first source stays; the others stand as the output comes by them. */
static void
add_source(struct choice *c, uint32_t source, uint32_t place)
{
	size_t at = c->n;

	for (; at > 1 && c->places[at - 1] > place; at--) {
		c->places[at] = c->places[at - 1];
		c->sources[at] = c->sources[at - 1];
	}
	c->places[at] = place;
	c->sources[at] = source;
	c->n++;
	c->old_bytes += delta_plan_source(c->f->plan, source)->size;
}

/* How much has the source of the same name, and which would be the first one, if it
 * costs nothing? */
static int
find_first(void *arg, size_t i, struct err *e)
{
	struct finding *f = arg;
	struct need *n = f->open[i];
	uint32_t name = (uint32_t)guess(f, n);
	struct choice c = { .f = f, .need = n };
	struct cover cover = { .wants = n->wants.v, .n_wants = n->wants.n,
		.accept = accept_any, .arg = &c };
	struct cover_pick pick;
	int rc = 0;

	if (n->fixed)
		return 0;
	for (size_t k = 0; name != WANTED_NONE && k < n->wants.n; k++)
		n->own += samples_have(&f->has[name], n->wants.v[k]);
	if ((rc = cover_open(&cover, &f->holders, WANTED_NONE, NULL, e)) == 0 &&
	    cover_next(&cover, WANTED_NONE, 0, &pick)) {
		n->first = pick.candidate;
		n->common = (uint64_t)pick.samples << n->log;
	}
	cover_close(&cover);
	return rc;
}

static int
set_sources(struct delta_output *o, const struct choice *c, struct err *e)
{
	size_t *list = calloc(c->n + 1, sizeof *list);

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < c->n; i++)
		list[i] = c->sources[i];
	free(o->sources);
	o->sources = list;
	o->n_sources = c->n;
	return 0;
}

static int
choose_sources(void *arg, size_t i, struct err *e)
{
	struct finding *f = arg;
	const struct need *n = f->open[i];
	size_t favour = n->fixed ? 0 : n->wants.n / CLEARLY;
	uint32_t name = (uint32_t)guess(f, n);
	struct choice c = { .f = f, .need = n };
	struct cover cover = { .wants = n->wants.v, .n_wants = n->wants.n,
		.accept = accept, .arg = &c };
	struct cover_pick pick = { .samples = 0 };
	int rc;

	if (n->fixed)
		add_source(&c, name, 0);
	if ((rc = cover_open(&cover, &f->holders, name, name == WANTED_NONE ? NULL :
	    &f->has[name], e)) == 0)
		while (c.n < DELTA_SOURCES_MAX &&
		    cover_next(&cover, c.n == 0 ? name : WANTED_NONE, favour, &pick)) {
			if (c.n == 0 && name != WANTED_NONE && pick.candidate != name &&
			    pick.samples <= favour)
				add_source(&c, name, 0);
			add_source(&c, pick.candidate, pick.place);
		}
	cover_close(&cover);
	if (rc == 0 && c.n == 0 && name != WANTED_NONE)
		add_source(&c, name, 0);
	return rc == -1 ? -1 : set_sources(&f->plan->outputs[n->output], &c, e);
}

static void
count_uses(struct finding *f)
{
	for (size_t i = 0; i < f->plan->n; i++)
		if (f->needs[i].fixed)
			f->uses[f->plan->outputs[i].sources[0]]++;
	for (size_t i = 0; i < f->n_open; i++)
		if (f->open[i]->common > 0) {
			f->uses[f->open[i]->first]++;
			f->pull[f->open[i]->first] += f->open[i]->common;
		}
}

static int
find_all(struct finding *f, struct err *e)
{
	unsigned jobs = f->plan->job->jobs;
	size_t n = f->n_has = f->plan->job->from->n + f->plan->n;

	f->needs = calloc(f->plan->n + 1, sizeof *f->needs);
	f->open = calloc(f->plan->n + 1, sizeof(void *));
	f->has = calloc(n + 1, sizeof *f->has);
	f->images = calloc(n + 1, sizeof *f->images);
	f->pull = calloc(n + 1, sizeof *f->pull);
	f->uses = calloc(n + 1, sizeof *f->uses);
	if (f->needs == NULL || f->open == NULL || f->has == NULL || f->images == NULL ||
	    f->pull == NULL || f->uses == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (jobs_run(jobs, f->plan->n, find_wants, f, e) == -1 ||
	    number_wants(f, e) == -1)
		return -1;
	if (f->n_open == 0)
		return 0;
	if (jobs_run(jobs, n, find_has, f, e) == -1 ||
	    holders_open(&f->holders, &f->wanted, f->has, n, e) == -1 ||
	    jobs_run(jobs, f->n_open, find_first, f, e) == -1)
		return -1;
	count_uses(f);
	return jobs_run(jobs, f->n_open, choose_sources, f, e);
}

int
delta_plan_sources(struct delta_plan *p, struct err *e)
{
	struct finding f = { .plan = p };
	int rc;

	/* One file on either side: that is its source. */
	if ((p->job->without & WITHOUT_SOURCES) != 0 ||
	    (p->job->from->files == 1 && p->n == 1 && p->outputs[0].n_sources == 1))
		return 0;
	rc = find_all(&f, e);
	for (size_t i = 0; f.needs != NULL && i < p->n; i++)
		samples_free(&f.needs[i].wants);
	for (size_t i = 0; f.has != NULL && i < f.n_has; i++)
		samples_free(&f.has[i]);
	wanted_close(&f.wanted);
	holders_close(&f.holders);
	free(f.needs);
	free(f.open);
	free(f.images);
	free(f.has);
	free(f.pull);
	free(f.uses);
	return rc;
}
