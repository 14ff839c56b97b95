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
	uint64_t at = c->old_at, to = c->new_at, left = c->bytes;

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
map_copies(const struct predict *p, const struct pair *pair, const struct image *im,
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
	gather_image(&p->gather, p->pieces, (size_t)(pair - p->pairs), p->old);
	rc = image_open(&p->image, &p->gather.old, p->arena, e);
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
