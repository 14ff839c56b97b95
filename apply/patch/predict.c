#include <string.h>

#include "apply/patch/predict.h"

bool
predict_local(const struct image *im, const struct pair *pair, const struct copy *c,
    uint32_t target, uint32_t *to)
{
	uint64_t old_run, new_run, from, new;

	from = layout_address(&im->layout, c->old_at, &old_run) - im->layout.low;
	new = layout_address(&pair->to, c->new_at, &new_run) - pair->to.low;
	if (target - from >= c->bytes || target - from >= old_run ||
	    target - from >= new_run)
		return false;
	*to = (uint32_t)(new + (target - from));
	return true;
}

/* Rewrite one reference whose word stands at `word`. */
static void
rewrite(const struct predict *p, const struct copy *c, const struct ref *r, uint8_t *word)
{
	const struct pair *pair = p->pair;
	uint64_t target = r->target - p->image.layout.low, run, place;
	uint32_t to;

	if (target > UINT32_MAX)
		return;
	if (!predict_local(&p->image, pair, c, (uint32_t)target, &to))
		to = map_address(&p->map, (uint32_t)target);
	place = layout_address(&pair->to, c->new_at + (r->at - c->old_at), &run);
	ref_store(word, r, pair->to.low + to, place,
	    p->bases[r->base < IMAGE_BASES_MAX ? r->base : 0]);
}

/* The references of the pair that is open in bytes[0..n), old bytes from old_at on; all
 * in the image. */
static int
rewrite_all(struct predict *p, const struct copy *c, uint64_t old_at, uint8_t *bytes,
    size_t n, struct err *e)
{
	uint64_t begin = old_at - c->old_at < PREDICT_MARGIN - 1 ? c->old_at :
	    old_at - (PREDICT_MARGIN - 1);

	/* One that begins before and reaches in counts too. */
	p->refs.n = 0;
	if (rules_find(&p->image, &p->spans, begin, old_at + n, &p->refs, e) == -1)
		return -1;
	for (size_t i = 0; i < p->refs.n; i++) {
		const struct ref *r = &p->refs.list[i];

		if (r->at + ref_bytes((enum ref_kind)r->kind) <= c->old_at + c->bytes)
			rewrite(p, c, r, bytes + (ptrdiff_t)(r->at - old_at));
	}
	return 0;
}

/* One stretch of a copy from piece to piece, as far as it is in bytes[0..n). */
static int
rewrite_piece(struct predict *p, const struct copy *c, uint64_t old_at, uint8_t *bytes,
    size_t n, const struct piece *old, const struct piece *new, struct err *e)
{
	const struct copy part = { old_at, c->new_at + (old_at - c->old_at), n };
	struct copy all, here;

	if (!pieces_meet(c, old, new, &all) || !pieces_meet(&part, old, new, &here))
		return 0;
	if (predict_enter(p, &p->pairs[new->image], e) == -1)
		return -1;
	p->first = old->at - old->in;
	return rewrite_all(p, &all, here.old_at,
	    bytes + (ptrdiff_t)(p->first + here.old_at - old_at), (size_t)here.bytes, e);
}

int
predict_part(struct predict *p, const struct copy *c, uint64_t old_at, uint8_t *bytes,
    size_t n, struct err *e)
{
	const struct pieces *s = p->pieces;
	uint64_t new_at = c->new_at + (old_at - c->old_at);
	size_t first = pieces_find(s->olds, s->n_olds, old_at);
	size_t k = pieces_find(s->news, s->n_news, new_at);

	p->refs.n = 0;
	for (; k < s->n_news && s->news[k].at < new_at + n; k++)
		for (size_t i = first; i < s->n_olds && s->olds[i].at < old_at + n; i++)
			if (rewrite_piece(p, c, old_at, bytes, n, &s->olds[i],
			    &s->news[k], e) == -1)
				return -1;
	return 0;
}
