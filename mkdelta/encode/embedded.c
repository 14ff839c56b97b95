#include <stdlib.h>
#include <string.h>

#include "apply/patch/delta_format.h"
#include "apply/patch/image.h"

#include "mkdelta/encode/budget.h"
#include "mkdelta/encode/composition.h"
#include "mkdelta/encode/image_pairs.h"
#include "mkdelta/encode/jobs.h"
#include "mkdelta/encode/suffix.h"

#include "mkdelta/encode/embedded.h"

enum { WORTH = 64, WORTH_PAIR = 48 };	/* bytes put right; of one pair: its layout */

/* One image and what it was. */
struct couple {
	const struct image_place *old, *new;
	struct blocks blocks;
	struct prediction prediction;
	int64_t gain;
};

struct embedding {
	const struct embedded_job *job;
	struct image_places old, new;
	struct couple *couples;		/* ascending in the old file */
	size_t n;
	size_t *said;			/* couples that the delta tells of */
	struct budget budget;
	struct composition all;
	uint8_t *predicted;
};

/* ---- one pair ---- */

struct matching {
	const struct embedded_job *job;
	size_t n_old, n_new;
};

static int
match(void *arg, bool rough, const uint8_t *old, const uint8_t *new,
    struct blocks *blocks, struct err *e)
{
	const struct matching *m = arg;

	return m->job->match(m->job->arg, rough, old, m->n_old, new, m->n_new, blocks, e);
}

static int
whole_copy(struct couple *p, struct err *e)
{
	if ((p->blocks.list = calloc(1, sizeof *p->blocks.list)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	p->blocks.list[0].copy = p->new->bytes;
	p->blocks.n = p->blocks.cap = 1;
	return 0;
}

static int
match_bytes(struct embedding *x, struct couple *p, const uint8_t *old,
    const uint8_t *new, struct err *e)
{
	struct matching m = { x->job, (size_t)p->old->bytes, (size_t)p->new->bytes };
	struct prediction_job job = x->job->files;
	uint8_t *predicted;
	int rc;

	job.old = old;
	job.new = new;
	job.n_old = m.n_old;
	job.n_new = m.n_new;
	job.match = match;
	job.arg = &m;
	if (m.n_old == m.n_new && memcmp(old, new, m.n_new) == 0)
		return whole_copy(p, e);
	if ((predicted = malloc(m.n_new + 1)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for images");
	rc = prediction_find(&job, &p->blocks, &p->prediction, predicted, e);
	free(predicted);
	if (rc == -1 || p->prediction.rules != 0)
		return rc;
	blocks_free(&p->blocks);
	return match(&m, false, old, new, &p->blocks, e);
}

static int
match_couple(struct embedding *x, struct couple *p, struct err *e)
{
	const struct prediction_job *f = &x->job->files;
	uint8_t *old = image_place_gather(f->old, p->old, e), *new;
	int rc = -1;

	if (old == NULL)
		return -1;
	if ((new = image_place_gather(f->new, p->new, e)) != NULL)
		rc = match_bytes(x, p, old, new, e);
	free(old);
	free(new);
	return rc;
}

/* The files, their blurred versions, what is predicted, references. */
static uint64_t
memory_of(const struct couple *p)
{
	return 4 * p->old->bytes + 6 * p->new->bytes + suffix_memory(p->old->bytes);
}

static int
match_one(void *arg, size_t i, struct err *e)
{
	struct embedding *x = arg;
	uint64_t bytes = memory_of(&x->couples[i]);
	int rc;

	budget_take(&x->budget, bytes);
	rc = match_couple(x, &x->couples[i], e);
	budget_give(&x->budget, bytes);
	return rc;
}

/* ---- which pairs ---- */

static int
compare_couples(const void *pa, const void *pb)
{
	const struct couple *a = pa, *b = pb;

	return a->old->at < b->old->at ? -1 : a->old->at > b->old->at;
}

/* An image that is most of its file on both sides is no part of it. */
static bool
is_file(const struct embedding *x, const struct image_place *old,
    const struct image_place *new)
{
	const struct prediction_job *f = &x->job->files;

	return old->at == 0 && new->at == 0 && old->bytes >= f->n_old - f->n_old / 8 &&
	    new->bytes >= f->n_new - f->n_new / 8;
}

static int
pair_up(struct embedding *x, struct err *e)
{
	size_t *of = calloc(x->new.n + 1, sizeof *of);
	int rc = -1;

	x->couples = calloc(x->new.n + 1, sizeof *x->couples);
	x->said = calloc(x->new.n + 1, sizeof *x->said);
	if (of == NULL || x->couples == NULL || x->said == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory for images");
	else
		rc = image_pairs_find(&x->old, &x->new, of, e);
	for (size_t i = 0; rc == 0 && i < x->new.n; i++) {
		struct couple *p = &x->couples[x->n];

		if (of[i] == IMAGE_ALONE || is_file(x, &x->old.list[of[i]],
		    &x->new.list[i]))
			continue;
		*p = (struct couple){ .old = &x->old.list[of[i]],
			.new = &x->new.list[i] };
		x->n += memory_of(p) <= x->job->memory_bytes;
	}
	if (rc == 0 && x->n > 0)
		qsort(x->couples, x->n, sizeof *x->couples, compare_couples);
	free(of);
	return rc;
}

static int
find_couples(struct embedding *x, struct err *e)
{
	const struct prediction_job *f = &x->job->files;

	if (image_places_find(f->old, f->n_old, &x->old, e) == -1 ||
	    image_places_find(f->new, f->n_new, &x->new, e) == -1)
		return -1;
	if (x->old.n == 0 || x->new.n == 0)
		return 0;
	if (image_places_sketch(f->old, &x->old, x->job->jobs, e) == -1 ||
	    image_places_sketch(f->new, &x->new, x->job->jobs, e) == -1)
		return -1;
	return pair_up(x, e);
}

/* ---- all of them ---- */

/* The rules that put more right than wrong, over all images; what each image gains. */
static uint32_t
choose_rules(struct embedding *x)
{
	int64_t all = 0, gain[RULE_IDS] = { 0 };
	uint32_t kept = 0;

	for (size_t i = 0; i < x->n; i++)
		for (unsigned r = 0; r < RULE_IDS; r++)
			gain[r] += x->couples[i].prediction.gain[r];
	for (unsigned r = 0; r < RULE_IDS; r++)
		if (gain[r] > 0) {
			kept |= (uint32_t)1 << r;
			all += gain[r];
		}
	for (size_t i = 0; i < x->n; i++) {
		const struct prediction *p = &x->couples[i].prediction;

		x->couples[i].gain = 0;
		for (unsigned r = 0; r < RULE_IDS && p->rules != 0; r++)
			x->couples[i].gain += (kept >> r & 1) != 0 ? p->gain[r] : 0;
	}
	return all < WORTH ? 0 : kept;
}

static int
compose(struct embedding *x, struct blocks *blocks, struct err *e)
{
	const struct prediction_job *f = &x->job->files;

	composition_start(&x->all, f->old, f->n_old, f->new, f->n_new,
	    x->job->memory_bytes / 8);
	for (size_t i = 0; i < x->n; i++) {
		const struct couple *p = &x->couples[i];

		if (composition_add(&x->all, &p->blocks,
		    (struct stretches){ p->old->pieces, p->old->n_pieces },
		    (struct stretches){ p->new->pieces, p->new->n_pieces }, e) == -1)
			return -1;
	}
	return composition_finish(&x->all, x->job->match, x->job->arg, blocks, e);
}

/* The images that gain at least so much are said. */
static int
say_images(struct embedding *x, int64_t gain, struct prediction *out, struct err *e)
{
	out->pairs = calloc(x->n + 1, sizeof *out->pairs);
	out->from = calloc(x->n + 1, sizeof *out->from);
	out->n = 0;
	if (out->pairs == NULL || out->from == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for images");
	for (size_t i = 0; i < x->n; i++) {
		struct couple *p = &x->couples[i];

		if (p->prediction.rules == 0 || p->gain < gain)
			continue;
		out->pairs[out->n] = p->prediction.pairs[0];
		x->said[out->n] = i;
		out->from[out->n++] = p->prediction.from[0];
	}
	return 0;
}

/* The pieces of all images that were said, of one side, in their order. */
static struct piece *
say_side(const struct embedding *x, const struct prediction *out, bool is_new, size_t *n,
    struct err *e)
{
	struct piece *list;
	size_t k = 0;

	*n = 0;
	for (size_t i = 0; i < out->n; i++) {
		const struct couple *p = &x->couples[x->said[i]];

		*n += is_new ? p->new->n_pieces : p->old->n_pieces;
	}
	if ((list = calloc(*n + 1, sizeof *list)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for images");
		return NULL;
	}
	for (size_t i = 0; i < out->n; i++) {
		const struct couple *p = &x->couples[x->said[i]];
		const struct image_place *place = is_new ? p->new : p->old;

		for (size_t j = 0; j < place->n_pieces; j++)
			list[k++] = (struct piece){ place->pieces[j].at,
				place->pieces[j].bytes,
				(uint32_t)place->pieces[j].joined_at, (uint32_t)i };
	}
	return list;
}

static struct piece *
sorted(const struct piece *list, size_t n, struct err *e)
{
	struct piece *copy = calloc(n + 1, sizeof *copy);

	if (copy == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for images");
		return NULL;
	}
	memcpy(copy, list, n * sizeof *copy);
	if (pieces_settle(copy, n, e) == 0)
		return copy;
	free(copy);
	return NULL;
}

static int
say_pieces(const struct embedding *x, struct prediction *out, struct err *e)
{
	struct pieces *s = &out->pieces;

	if ((s->images = say_side(x, out, false, &s->n_olds, e)) == NULL ||
	    (out->new_images = say_side(x, out, true, &s->n_news, e)) == NULL ||
	    (s->olds = sorted(s->images, s->n_olds, e)) == NULL ||
	    (s->news = sorted(out->new_images, s->n_news, e)) == NULL)
		return -1;
	return 0;
}

/* What was said is not said, but anchors and overrides stay the couples'. */
static void
unsay(struct prediction *out)
{
	uint32_t rules = out->rules;

	out->n = 0;
	prediction_free(out);
	out->rules = rules;
}

/* As many images as the decoder has memory for. */
static int
say(struct embedding *x, const struct blocks *blocks, struct prediction *out,
    struct err *e)
{
	const struct prediction_job *f = &x->job->files;

	for (int64_t gain = WORTH_PAIR;; gain *= 4) {
		if (say_images(x, gain, out, e) == -1 || say_pieces(x, out, e) == -1 ||
		    composition_parts(&x->all, out, blocks, e) == -1)
			return -1;
		if (out->n <= DELTA_IMAGES_MAX && out->pieces.n_olds < PIECES_MAX &&
		    out->pieces.n_news < PIECES_MAX) {
			if (out->n == 0)
				break;
			if (prediction_apply(out, f->old, f->n_old, blocks, x->predicted,
			    e) == -1)
				return -1;
			if (prediction_memory(out, blocks->n) <= x->job->decoder_bytes)
				break;
		}
		unsay(out);
	}
	if (out->n > 0)
		return 0;
	unsay(out);
	out->rules = 0;
	return 0;
}

/* Anchors and overrides of the pairs that were said are theirs now. */
static void
let_go(struct embedding *x, const struct prediction *out)
{
	for (size_t i = 0; i < out->n; i++) {
		struct pair *p = &x->couples[x->said[i]].prediction.pairs[0];

		p->anchors = NULL;
		p->points = NULL;
	}
}

static int
find(struct embedding *x, struct blocks *blocks, struct prediction *out, struct err *e)
{
	uint32_t rules;

	if (find_couples(x, e) == -1)
		return -1;
	if (x->n == 0)
		return 0;
	if (jobs_run(x->job->jobs, x->n, match_one, x, e) == -1)
		return -1;
	if ((rules = choose_rules(x)) == 0)
		return 0;
	if (compose(x, blocks, e) == -1)
		return -1;
	out->rules = rules;
	if (say(x, blocks, out, e) == -1) {
		unsay(out);
		out->rules = 0;
		return -1;
	}
	let_go(x, out);
	return 0;
}

int
embedded_find(const struct embedded_job *job, struct blocks *blocks,
    struct prediction *out, uint8_t *predicted, struct err *e)
{
	struct embedding x = { .job = job, .predicted = predicted };
	int rc;

	memset(out, 0, sizeof *out);
	budget_init(&x.budget, job->memory_bytes);
	rc = find(&x, blocks, out, e);
	for (size_t i = 0; i < x.n; i++) {
		blocks_free(&x.couples[i].blocks);
		prediction_free(&x.couples[i].prediction);
	}
	if (out->rules == 0)
		blocks->n = 0;
	free(x.couples);
	free(x.said);
	composition_free(&x.all);
	image_places_free(&x.old);
	image_places_free(&x.new);
	budget_free(&x.budget);
	return rc;
}
