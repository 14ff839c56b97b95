#include <string.h>

#include "apply/patch/predict.h"

int
predict_open(struct predict *p, struct err *e)
{
	p->pair = NULL;
	p->refs = (struct refs){ .cap = RULES_REFS };
	p->refs.list = arena_new(p->arena, p->refs.cap, sizeof *p->refs.list, e);
	return p->refs.list == NULL ? -1 : 0;
}

static void
leave_pair(struct predict *p)
{
	if (p->pair == NULL)
		return;
	map_close(&p->map);
	spans_free(&p->spans);
	image_close(&p->image);
	p->pair = NULL;
}

void
predict_close(struct predict *p)
{
	leave_pair(p);
	arena_free(p->arena, p->refs.list, p->refs.cap, sizeof *p->refs.list);
	p->refs.list = NULL;
}

/* ---- the map ---- */

/* The part of a copy whose old side is in the image; false: nothing. */
static bool
clip(const struct pair *pair, const struct copy *c, struct copy *out)
{
	uint64_t end = c->old_at + c->bytes, skip;

	if (end > pair->old_at + pair->old_bytes)
		end = pair->old_at + pair->old_bytes;
	*out = *c;
	if (out->old_at < pair->old_at) {
		skip = pair->old_at - out->old_at;
		if (skip >= out->bytes)
			return false;
		out->old_at += skip;
		out->new_at += skip;
	}
	if (out->old_at >= end || out->new_at < pair->new_at)
		return false;
	out->bytes = end - out->old_at;
	return true;
}

static uint32_t
clamp(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* A copy may reach over segments: each stretch that is together in memory on both
 * sides is a range. */
static void
add_copy(const struct pair *pair, const struct image *im, const struct copy *c,
    struct map *m)
{
	uint64_t at = c->old_at - pair->old_at, to = c->new_at - pair->new_at;
	uint64_t left = c->bytes;

	while (left > 0) {
		uint64_t old_run, new_run, n;
		uint64_t from = layout_address(&im->layout, at, &old_run);
		uint64_t new = layout_address(&pair->to, to, &new_run);

		n = old_run < new_run ? old_run : new_run;
		n = n < left ? n : left;
		if (n == 0)
			break;
		map_add(m, (uint32_t)(from - im->layout.low), clamp(n),
		    (uint32_t)(new - pair->to.low));
		at += n;
		to += n;
		left -= n;
	}
}

static struct copy
get(const struct predict *p, size_t i)
{
	return p->copies.get(p->copies.arg, i);
}

/* The first copy that ends behind a place in the output. */
static size_t
first_copy(const struct predict *p, uint64_t new_at)
{
	size_t low = 0, high = p->copies.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct copy c = get(p, middle);

		if (c.new_at + c.bytes <= new_at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Each copy that stays in the image, into a map unless it is NULL; how many. */
static size_t
map_pieces(const struct predict *p, const struct pair *pair, const struct image *im,
    struct map *m)
{
	const struct pieces *s = p->pieces;
	size_t n = 0;
	struct copy c, in;

	for (size_t k = 0; k < s->n_news; k++) {
		const struct piece *to = &s->news[k];

		if (to->image != (size_t)(pair - p->pairs))
			continue;
		for (size_t i = first_copy(p, to->at); i < p->copies.n &&
		    (c = get(p, i)).new_at < to->at + to->bytes; i++) {
			size_t o = pieces_find(s->olds, s->n_olds, c.old_at);

			for (; o < s->n_olds && s->olds[o].at < c.old_at + c.bytes; o++) {
				if (!pieces_meet(&c, &s->olds[o], to, &in))
					continue;
				n++;
				if (m != NULL)
					add_copy(pair, im, &in, m);
			}
		}
	}
	return n;
}

static size_t
map_copies(const struct predict *p, const struct pair *pair, const struct image *im,
    struct map *m)
{
	size_t n = 0;

	if (p->pieces != NULL)
		return map_pieces(p, pair, im, m);
	for (size_t i = 0; i < p->copies.n; i++) {
		struct copy c = get(p, i);

		if (!clip(pair, &c, &c))
			continue;
		n++;
		if (m != NULL)
			add_copy(pair, im, &c, m);
	}
	return n;
}

int
predict_map(const struct predict *p, const struct pair *pair, const struct image *im,
    struct map *m, struct err *e)
{
	/* Copies that reach over segments are few; hostile ones are dropped. */
	if (map_open(m, map_copies(p, pair, im, NULL) + pair->n_anchors +
	    4 * LAYOUT_SEGMENTS_MAX, p->arena, e) == -1)
		return -1;
	for (size_t i = 0; i < pair->n_anchors; i++)
		map_add(m, pair->anchors[i].from, pair->anchors[i].bytes,
		    pair->anchors[i].to);
	(void)map_copies(p, pair, im, m);
	map_settle(m);
	return 0;
}

int
predict_enter(struct predict *p, const struct pair *pair, struct err *e)
{
	int rc;

	if (p->pair == pair)
		return 0;
	leave_pair(p);
	if (p->pieces != NULL) {
		uint64_t bytes;

		p->gather = gather_image(p->pieces, (size_t)(pair - p->pairs), p->old,
		    &bytes);
		p->gathered = (struct old){ .arg = &p->gather, .read = gather_read,
			.bytes = bytes };
	}
	rc = image_open(&p->image, p->pieces != NULL ? &p->gathered : p->old,
	    pair->old_at, pair->old_bytes, p->arena, e);
	if (rc == -1)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_FORMAT, "an image that is none");
	if (rules_open(&p->image, p->rules, &p->spans, e) == -1) {
		image_close(&p->image);
		return -1;
	}
	if (predict_map(p, pair, &p->image, &p->map, e) == -1) {
		spans_free(&p->spans);
		image_close(&p->image);
		return -1;
	}
	p->map.points = pair->points;
	p->map.n_points = pair->n_points;
	for (size_t i = 0; i < p->image.n_bases; i++)
		p->bases[i] = pair->to.low + map_address(&p->map,
		    (uint32_t)(p->image.bases[i] - p->image.layout.low));
	p->pair = pair;
	return 0;
}

/* ---- references ---- */

bool
predict_local(const struct image *im, const struct pair *pair, const struct copy *c,
    uint32_t target, uint32_t *to)
{
	uint64_t old_run, new_run, from, new;

	if (c->old_at < pair->old_at || c->new_at < pair->new_at)
		return false;
	from = layout_address(&im->layout, c->old_at - pair->old_at, &old_run) -
	    im->layout.low;
	new = layout_address(&pair->to, c->new_at - pair->new_at, &new_run) -
	    pair->to.low;
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
	uint64_t new_at = c->new_at + (pair->old_at + r->at - c->old_at);
	uint32_t to;

	if (target > UINT32_MAX || new_at < pair->new_at)
		return;
	if (!predict_local(&p->image, pair, c, (uint32_t)target, &to))
		to = map_address(&p->map, (uint32_t)target);
	place = layout_address(&pair->to, new_at - pair->new_at, &run);
	ref_store(word, r, pair->to.low + to, place,
	    p->bases[r->base < IMAGE_BASES_MAX ? r->base : 0]);
}

/* The references of the pair that is open in bytes[0..n), old bytes from old_at on. */
static int
rewrite_all(struct predict *p, const struct copy *c, uint64_t old_at, uint8_t *bytes,
    size_t n, struct err *e)
{
	uint64_t first = p->pair->old_at, begin = old_at, end = old_at + n;

	/* One that begins before and reaches in counts too. */
	begin = begin - c->old_at < PREDICT_MARGIN - 1 ? c->old_at :
	    begin - (PREDICT_MARGIN - 1);
	if (begin < first)
		begin = first;
	if (end > first + p->pair->old_bytes)
		end = first + p->pair->old_bytes;
	p->refs.n = 0;
	if (begin >= end)
		return 0;
	if (rules_find(&p->image, &p->spans, begin - first, end - first, &p->refs,
	    e) == -1)
		return -1;
	for (size_t i = 0; i < p->refs.n; i++) {
		const struct ref *r = &p->refs.list[i];
		uint64_t at = first + r->at;

		if (at + ref_bytes((enum ref_kind)r->kind) <= c->old_at + c->bytes)
			rewrite(p, c, r, bytes + (ptrdiff_t)(at - old_at));
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
	return rewrite_all(p, &all, here.old_at, bytes +
	    (ptrdiff_t)(old->at + (here.old_at - old->in) - old_at), (size_t)here.bytes,
	    e);
}

static int
rewrite_pieces(struct predict *p, const struct copy *c, uint64_t old_at, uint8_t *bytes,
    size_t n, struct err *e)
{
	const struct pieces *s = p->pieces;
	uint64_t new_at = c->new_at + (old_at - c->old_at);
	size_t first = pieces_find(s->olds, s->n_olds, old_at);
	size_t k = pieces_find(s->news, s->n_news, new_at);

	for (; k < s->n_news && s->news[k].at < new_at + n; k++)
		for (size_t i = first; i < s->n_olds && s->olds[i].at < old_at + n; i++)
			if (rewrite_piece(p, c, old_at, bytes, n, &s->olds[i],
			    &s->news[k], e) == -1)
				return -1;
	return 0;
}

int
predict_part(struct predict *p, const struct copy *c, uint64_t old_at, uint8_t *bytes,
    size_t n, struct err *e)
{
	if (p->pieces != NULL)
		return rewrite_pieces(p, c, old_at, bytes, n, e);
	for (size_t i = 0; i < p->n_pairs; i++) {
		const struct pair *pair = &p->pairs[i];

		if (pair->old_at >= old_at + n ||
		    pair->old_at + pair->old_bytes <= old_at)
			continue;
		if (predict_enter(p, pair, e) == -1)
			return -1;
		if (rewrite_all(p, c, old_at, bytes, n, e) == -1)
			return -1;
	}
	return 0;
}
