#include <stdlib.h>
#include <string.h>

#include "apply/patch/bspatch.h"
#include "apply/patch/image_elf.h"
#include "apply/patch/patch_output.h"
#include "manifest/base/cancel.h"

#include "mkdelta/encode/image_side.h"
#include "mkdelta/encode/mapped.h"
#include "mkdelta/encode/overrides.h"

#include "mkdelta/encode/prediction.h"

enum { WORTH = 64 };		/* bytes that prediction must put right */

/* One pair of images being matched. */
struct finding {
	const struct prediction_job *job;
	struct image_side old, new;
	uint8_t *a, *b;			/* the versions that are matched */
	struct blocks *blocks;
	struct copy *copies;		/* of blocks */
	size_t n_copies;
	struct pair pair;
	struct piece room[2];
	struct pieces pieces;		/* all of both */
	struct map_point *points;	/* of pair */
	struct anchor anchors[DELTA_ANCHORS_MAX];
	uint32_t rules;
	uint64_t memory_bytes;
	int64_t gain[RULE_IDS];
};

static struct copy
get_copy(void *arg, size_t i)
{
	const struct finding *f = arg;

	return f->copies[i];
}

static struct copies
copies_of(struct finding *f)
{
	return (struct copies){ f->n_copies, f, get_copy };
}

/* The blocks as copies: those without one are left out. */
static int
place_copies(struct finding *f, struct err *e)
{
	uint64_t at = 0;
	struct copy *list = realloc(f->copies, (f->blocks->n + 1) * sizeof *list);

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	f->copies = list;
	f->n_copies = 0;
	for (size_t i = 0; i < f->blocks->n; i++) {
		const struct block *b = &f->blocks->list[i];

		if (b->copy > 0)
			list[f->n_copies++] = (struct copy){ b->old_at, at, b->copy };
		at += b->copy + b->extra;
	}
	return 0;
}

/* Memory without bytes in the file, by the names of sections. */
static void
find_anchors(struct finding *f)
{
	const struct image *old = &f->old.image, *new = &f->new.image;

	for (size_t i = 0; i < old->n_sections &&
	    f->pair.n_anchors < DELTA_ANCHORS_MAX; i++) {
		const struct image_section *x = &old->sections[i];
		const struct image_section *y = image_section(new, x->name);
		uint64_t from = x->address - old->layout.low;

		if (x->type != IMAGE_NOBITS || (x->flags & IMAGE_TLS) != 0 ||
		    x->address == 0 || y == NULL || from > UINT32_MAX ||
		    x->memory > UINT32_MAX)
			continue;
		f->anchors[f->pair.n_anchors++] = (struct anchor){ (uint32_t)from,
			(uint32_t)x->memory, (uint32_t)(y->address - new->layout.low) };
	}
	f->pair.anchors = f->anchors;
}

static int
start_predict(struct finding *f, struct predict *p, struct arena *arena, struct err *e)
{
	*arena = (struct arena){ .limit = UINT64_MAX };
	*p = (struct predict){ .old = &f->old.old, .rules = f->rules, .pairs = &f->pair,
		.pieces = &f->pieces, .copies = copies_of(f), .arena = arena };
	return predict_open(p, e) == -1 ? -1 : predict_enter(p, &f->pair, e);
}

/* ---- matching ---- */

static uint32_t
new_meaning(const void *arg, const struct ref *r)
{
	const struct finding *f = arg;

	return (uint32_t)(r->target - f->new.image.layout.low);
}

struct mapped {
	const struct finding *f;
	const struct map *map;
};

static uint32_t
old_meaning(const void *arg, const struct ref *r)
{
	const struct mapped *m = arg;

	return map_address(m->map, (uint32_t)(r->target - m->f->old.image.layout.low));
}

static int
match(struct finding *f, bool quick, struct err *e)
{
	if (cancel_check(e) == -1 ||
	    f->job->match(f->job->arg, quick, f->a, f->b, f->blocks, e) == -1)
		return -1;
	return place_copies(f, e);
}

/* The last match takes most memory of all: what it does not need goes. */
static int
match_last(struct finding *f, struct err *e)
{
	image_side_drop(&f->old);
	image_side_drop(&f->new);
	if (match(f, false, e) == -1)
		return -1;
	/* What only matching needs is large. */
	free(f->a);
	free(f->b);
	f->a = f->b = NULL;
	return image_side_again(&f->old, e) == -1 || image_side_again(&f->new, e) == -1 ?
	    -1 : 0;
}

/* The overrides for the blocks at hand. */
static int
find_points(struct finding *f, const struct predict *p, struct err *e)
{
	struct copies copies = copies_of(f);

	free(f->points);
	f->points = NULL;
	f->pair.n_points = 0;
	if (!f->job->overrides)
		return 0;
	if (overrides_find(&f->old, &f->new, &f->pair, &copies, &p->map, &f->points,
	    &f->pair.n_points, e) == -1)
		return -1;
	f->pair.points = f->points;
	return 0;
}

/* Both versions anew, with every operand a hash of what it means. */
static int
blur(struct finding *f, struct err *e)
{
	struct predict p;
	struct arena arena;
	int rc;

	f->pair.n_points = 0;
	if ((rc = start_predict(f, &p, &arena, e)) == 0 &&
	    (rc = find_points(f, &p, e)) == 0) {
		struct mapped mapped = { f, &p.map };

		p.map.points = f->points;
		p.map.n_points = f->pair.n_points;
		memcpy(f->a, f->job->old, f->job->n_old);
		memcpy(f->b, f->job->new, f->job->n_new);
		image_side_blur(&f->old, f->a, old_meaning, &mapped);
		image_side_blur(&f->new, f->b, new_meaning, f);
	}
	predict_close(&p);
	return rc;
}

static int
match_passes(struct finding *f, struct err *e)
{
	memcpy(f->a, f->job->old, f->job->n_old);
	memcpy(f->b, f->job->new, f->job->n_new);
	image_side_blank(&f->old, f->a);
	image_side_blank(&f->new, f->b);
	for (unsigned pass = 0; pass < f->job->passes; pass++)
		if (match(f, f->job->quick, e) == -1 || blur(f, e) == -1)
			return -1;
	return match_last(f, e);
}

/* ---- what comes out ---- */

/* `old` and `out` leave memory as the work goes on. */
static int
predict_copy(struct bspatch *patch, const struct bspatch_job *job, const struct copy *c,
    const uint8_t *old, uint8_t *out, struct err *e)
{
	for (uint64_t done = 0; done < c->bytes;) {
		uint64_t left = c->bytes - done;
		size_t n = left < BSPATCH_STEP ? (size_t)left : BSPATCH_STEP;
		const uint8_t *bytes = bspatch_predicted(patch, job, c, c->old_at + done,
		    n, e);

		if (bytes == NULL)
			return -1;
		memcpy(out + c->new_at + done, bytes, n);
		if (mapped_step(c->new_at + done, n)) {
			mapped_forget(old);
			mapped_forget(out);
		}
		done += n;
	}
	return 0;
}

/* What the decoder will have before it adds differences; and what it takes to get
 * there. */
static int
predict_copies(struct predict *p, const uint8_t *old, uint8_t *out,
    uint64_t *memory_bytes, struct err *e)
{
	struct bspatch *patch = calloc(1, sizeof *patch);
	struct arena arena = { .limit = UINT64_MAX };
	struct bspatch_job job = { .old = p->old, .predict = p };
	int rc;

	if (patch == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	p->arena = &arena;
	rc = predict_open(p, e);
	for (size_t i = 0; rc == 0 && i < p->copies.n; i++) {
		struct copy c = p->copies.get(p->copies.arg, i);

		rc = predict_copy(patch, &job, &c, old, out, e);
	}
	*memory_bytes = arena.peak;
	predict_close(p);
	free(patch);
	return rc;
}

static int
predict_all(struct finding *f, uint8_t *out, struct err *e)
{
	struct predict p = { .old = &f->old.old, .rules = f->rules, .pairs = &f->pair,
		.pieces = &f->pieces, .copies = copies_of(f) };

	return predict_copies(&p, f->job->old, out, &f->memory_bytes, e);
}

/* Bytes that a rule puts right less those it makes wrong. */
static void
measure(const struct finding *f, const uint8_t *predicted, int64_t gain[RULE_IDS])
{
	for (size_t i = 0; i < f->n_copies; i++) {
		const struct copy *c = &f->copies[i];
		uint64_t end = c->old_at + c->bytes;
		size_t k = image_side_find(&f->old, c->old_at);

		for (; k < f->old.n_refs && f->old.refs[k].at < end; k++) {
			const struct ref *r = &f->old.refs[k];
			size_t n = ref_bytes((enum ref_kind)r->kind);
			uint64_t at = r->at - c->old_at + c->new_at;
			const uint8_t *new = f->job->new + at, *got = predicted + at;

			for (size_t j = 0; j < n && r->at + n <= end; j++)
				gain[r->rule] += (got[j] == new[j]) -
				    (f->job->old[r->at + j] == new[j]);
		}
	}
}

/* Leave out the rules that do not pay.  True: some pay. */
static int
choose_rules(struct finding *f, uint8_t *predicted, struct err *e)
{
	int64_t *gain = f->gain, all = 0;
	uint32_t kept = 0;

	if (predict_all(f, predicted, e) == -1)
		return -1;
	measure(f, predicted, gain);
	for (unsigned i = 0; i < RULE_IDS; i++)
		if (gain[i] > 0) {
			kept |= (uint32_t)1 << i;
			all += gain[i];
		}
	if (all < WORTH)
		return 0;
	if (kept == f->rules)
		return 1;
	f->rules = kept;
	return predict_all(f, predicted, e) == -1 ? -1 : 1;
}

static int
hand_over(struct finding *f, struct prediction *out, struct err *e)
{
	struct anchor *anchors = calloc(f->pair.n_anchors + 1, sizeof *anchors);

	out->pairs = calloc(1, sizeof *out->pairs);
	out->from = calloc(1, sizeof *out->from);
	if (anchors == NULL || out->pairs == NULL || out->from == NULL) {
		free(anchors);
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	}
	memcpy(anchors, f->anchors, f->pair.n_anchors * sizeof *anchors);
	out->n = 1;
	out->pairs[0] = f->pair;
	out->pairs[0].anchors = anchors;
	f->points = NULL;		/* it is theirs now */
	out->from[0] = f->old.image.layout;
	out->rules = f->rules;
	out->memory_bytes = f->memory_bytes;
	memcpy(out->gain, f->gain, sizeof out->gain);
	return 0;
}

static int
find(struct finding *f, struct prediction *out, uint8_t *predicted, struct err *e)
{
	struct predict p;
	struct arena arena;
	int rc;

	f->a = malloc(f->job->n_old + 1);
	f->b = malloc(f->job->n_new + 1);
	if (f->a == NULL || f->b == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for matches");
	f->rules = f->job->rules;
	f->pair = (struct pair){ .to = f->new.image.layout };
	pieces_whole(&f->pieces, f->room, f->job->n_old, f->job->n_new);
	find_anchors(f);
	if (match_passes(f, e) == -1)
		return -1;
	f->pair.n_points = 0;
	if ((rc = start_predict(f, &p, &arena, e)) == 0)
		rc = find_points(f, &p, e);
	predict_close(&p);
	if (rc == 0 && (rc = choose_rules(f, predicted, e)) == 1)
		rc = hand_over(f, out, e);
	return rc;
}

int
prediction_find(const struct prediction_job *job, struct blocks *blocks,
    struct prediction *out, uint8_t *predicted, struct err *e)
{
	struct finding f = { .job = job, .blocks = blocks };
	int rc;

	memset(out, 0, sizeof *out);
	if ((rc = image_side_open(&f.old, job->old, job->n_old, job->rules, e)) != 1)
		return rc;
	rc = image_side_open(&f.new, job->new, job->n_new, job->rules, e);
	if (rc == 1) {
		rc = 0;
		if (f.old.image.machine == f.new.image.machine &&
		    f.old.image.bits == f.new.image.bits && f.old.n_refs > 0)
			rc = find(&f, out, predicted, e);
		image_side_close(&f.new);
	}
	image_side_close(&f.old);
	free(f.a);
	free(f.b);
	free(f.copies);
	free(f.points);
	if (out->rules == 0)
		blocks->n = 0;
	return rc;
}

void
prediction_free(struct prediction *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free((void *)(uintptr_t)p->pairs[i].anchors);
		free((void *)(uintptr_t)p->pairs[i].points);
	}
	free(p->pairs);
	free(p->from);
	free(p->parts);
	free(p->pieces.images);
	free(p->pieces.olds);
	free(p->pieces.news);
	free(p->new_images);
	memset(p, 0, sizeof *p);
}

static int
read_bytes(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	(void)e;
	memcpy(out, (const uint8_t *)arg + at, n);
	return 0;
}

int
prediction_apply(struct prediction *x, const uint8_t *old, size_t n_old,
    const struct blocks *blocks, uint8_t *predicted, struct err *e)
{
	struct finding f = { .blocks = (struct blocks *)(uintptr_t)blocks };
	const struct old side = { .arg = (void *)(uintptr_t)old, .read = read_bytes,
		.bytes = n_old };
	struct predict p = { .old = &side, .rules = x->rules, .pairs = x->pairs,
		.pieces = &x->pieces };
	int rc = place_copies(&f, e);

	p.copies = copies_of(&f);
	if (rc == 0)
		rc = predict_copies(&p, old, predicted, &x->memory_bytes, e);
	free(f.copies);
	return rc;
}

/* Of the part that has the most. */
static size_t
most_blocks(const struct prediction *x, size_t blocks)
{
	size_t most = 0;

	if (x->parts == NULL)
		return blocks;
	for (size_t i = 0; i < x->n_parts; i++)
		most = x->parts[i].blocks > most ? x->parts[i].blocks : most;
	return most;
}

uint64_t
prediction_memory(const struct prediction *x, size_t blocks)
{
	/* Rows of pieces double, and one of them is copied. */
	uint64_t n = x->memory_bytes + x->n * PAIR_COUNTS +
	    4 * (x->pieces.n_olds + x->pieces.n_news) * PIECE_COUNTS +
	    (most_blocks(x, blocks) + 1) * sizeof(struct placed);

	for (size_t k = 0; k < x->n; k++)
		n += 2 * x->pairs[k].n_anchors * sizeof(struct anchor) +
		    x->pairs[k].n_points * sizeof(struct map_point);
	return x->rules == 0 ? 0 : n;
}
