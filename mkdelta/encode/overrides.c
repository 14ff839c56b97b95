#include <stdbool.h>
#include <stdlib.h>

#include "mkdelta/encode/overrides.h"

enum {
	MARGIN = 2,		/* so many references more must agree than with the map */
	KEY_BYTES = 8		/* that votes are sorted by */
};

struct vote {
	uint32_t from, to;
};

struct votes {
	struct vote *list;
	size_t n, cap;
};

static int
add(struct votes *v, uint32_t from, uint32_t to, struct err *e)
{
	if (v->n == v->cap) {
		size_t cap = v->cap == 0 ? 4096 : v->cap * 2;
		struct vote *grown = realloc(v->list, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for references");
		v->list = grown;
		v->cap = cap;
	}
	v->list[v->n++] = (struct vote){ from, to };
	return 0;
}

static unsigned
digit(const struct vote *v, unsigned i)
{
	return (i < KEY_BYTES / 2 ? v->to >> 8 * i : v->from >> 8 * (i - KEY_BYTES / 2)) &
	    0xff;
}

/* By one byte of the key, the order of those that have the same one kept.  False: all
 * have, nothing was done. */
static bool
sort_by(const struct vote *list, size_t n, unsigned i, struct vote *out)
{
	size_t at[256] = { 0 }, sum = 0;

	for (size_t k = 0; k < n; k++)
		at[digit(&list[k], i)]++;
	if (at[digit(&list[0], i)] == n)
		return false;
	for (size_t k = 0; k < 256; k++) {
		size_t here = at[k];

		at[k] = sum;
		sum += here;
	}
	for (size_t k = 0; k < n; k++)
		out[at[digit(&list[k], i)]++] = list[k];
	return true;
}

/* By from, then by to. */
static int
sort(struct votes *v, struct err *e)
{
	struct vote *spare = malloc((v->n + 1) * sizeof *spare);

	if (spare == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for references");
	for (unsigned i = 0; i < KEY_BYTES && v->n > 0; i++)
		if (sort_by(v->list, v->n, i, spare)) {
			struct vote *sorted = spare;

			spare = v->list;
			v->list = sorted;
			v->cap = v->n;
		}
	free(spare);
	return 0;
}

/* What offsets count from has to be known exactly, or all of them are wrong. */
static int
vote_base(const struct image_side *old, const struct image_side *new,
    const struct ref *a, const struct ref *b, struct votes *v, struct err *e)
{
	uint64_t from, to;

	if (a->kind != REF_BASE32 && a->kind != REF_BASE64 && a->kind != REF_INDEX32)
		return 0;
	from = old->image.bases[a->base] - old->image.layout.low;
	to = new->image.bases[b->base] - new->image.layout.low;
	if (from > UINT32_MAX || to > UINT32_MAX)
		return 0;
	return add(v, (uint32_t)from, (uint32_t)to, e);
}

/* The references of one copy that stand in the same place on both sides. */
static int
vote(const struct image_side *old, const struct image_side *new, const struct pair *pair,
    const struct copy *c, struct votes *v, struct err *e)
{
	size_t i = image_side_find(old, c->old_at);
	size_t k = image_side_find(new, c->new_at);
	uint64_t end = c->old_at + c->bytes;

	for (; i < old->n_refs && old->refs[i].at < end; i++) {
		const struct ref *r = &old->refs[i];
		uint64_t at = r->at - c->old_at + c->new_at;
		uint64_t from = r->target - old->image.layout.low, to;
		uint32_t local;

		while (k < new->n_refs && new->refs[k].at < at)
			k++;
		if (k == new->n_refs || new->refs[k].at != at ||
		    new->refs[k].kind != r->kind)
			continue;
		if (vote_base(old, new, r, &new->refs[k], v, e) == -1)
			return -1;
		to = new->refs[k].target - new->image.layout.low;
		if (from > UINT32_MAX || to > UINT32_MAX ||
		    predict_local(&old->image, pair, c, (uint32_t)from, &local))
			continue;
		if (add(v, (uint32_t)from, (uint32_t)to, e) == -1)
			return -1;
	}
	return 0;
}

/* All votes for one target, v[0..n): what to add to the map's guess, or 0. */
static uint32_t
decide(const struct vote *v, size_t n, const struct map *m)
{
	uint32_t guess = map_guess(m, v[0].from), best = guess;
	size_t best_votes = 0, guess_votes = 0;

	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && v[k].to == v[i].to; k++)
			;
		if (k - i > best_votes) {
			best_votes = k - i;
			best = v[i].to;
		}
		if (v[i].to == guess)
			guess_votes = k - i;
	}
	return best_votes >= guess_votes + MARGIN ? best - guess : 0;
}

static int
count(struct votes *v, const struct map *m, struct map_point **out, size_t *n,
    struct err *e)
{
	*n = 0;
	if (sort(v, e) == -1)
		return -1;
	if ((*out = calloc(v->n / MARGIN + 1, sizeof **out)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for references");
	for (size_t i = 0, k; i < v->n; i = k) {
		uint32_t by;

		for (k = i; k < v->n && v->list[k].from == v->list[i].from; k++)
			;
		if ((by = decide(v->list + i, k - i, m)) != 0)
			(*out)[(*n)++] = (struct map_point){ v->list[i].from, by };
	}
	return 0;
}

int
overrides_find(const struct image_side *old, const struct image_side *new,
    const struct pair *pair, const struct copies *copies, const struct map *m,
    struct map_point **out, size_t *n, struct err *e)
{
	struct votes v = { .list = NULL };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < copies->n; i++) {
		struct copy c = copies->get(copies->arg, i);

		rc = vote(old, new, pair, &c, &v, e);
	}
	if (rc == 0)
		rc = count(&v, m, out, n, e);
	free(v.list);
	return rc;
}
