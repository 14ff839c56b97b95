#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/alike.h"

#include "mkdelta/encode/image_pairs.h"

enum {
	ALIKE_MIN = 4,		/* of 64 */
	SHARED_MAX = 64		/* old images that share a hash: more say nothing */
};

struct sample {
	uint32_t hash;
	uint32_t of;
};

struct likeness {
	unsigned alike;
	size_t old, new;
};

struct pairing {
	const struct image_places *old, *new;
	struct sample *samples;		/* of all old images, ascending */
	size_t n_samples;
	struct likeness *likely;
	size_t n, cap;
	size_t *of;
	bool *taken;
};

static int
compare_samples(const void *pa, const void *pb)
{
	const struct sample *a = pa, *b = pb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->of < b->of ? -1 : a->of > b->of;
}

/* The most alike first, then those that stand at about the same place. */
static int
compare_likely(const void *pa, const void *pb)
{
	const struct likeness *a = pa, *b = pb;
	size_t far_a = alike_apart(a->old, a->new), far_b = alike_apart(b->old, b->new);

	if (a->alike != b->alike)
		return a->alike > b->alike ? -1 : 1;
	if (far_a != far_b)
		return far_a < far_b ? -1 : 1;
	if (a->new != b->new)
		return a->new < b->new ? -1 : 1;
	return a->old < b->old ? -1 : a->old > b->old;
}

static bool
one_kind(const struct image_place *a, const struct image_place *b)
{
	return a->machine == b->machine && a->bits == b->bits &&
	    a->relocatable == b->relocatable && a->raw == b->raw;
}

static int
take_samples(struct pairing *p, struct err *e)
{
	p->samples = calloc(p->old->n * SKETCH_HASHES + 1, sizeof *p->samples);
	if (p->samples == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for images");
	for (size_t i = 0; i < p->old->n; i++) {
		const struct sketch *s = &p->old->list[i].sketch;

		for (size_t k = 0; k < s->n; k++)
			p->samples[p->n_samples++] = (struct sample){ s->hashes[k],
				(uint32_t)i };
	}
	qsort(p->samples, p->n_samples, sizeof *p->samples, compare_samples);
	return 0;
}

/* The first sample of this hash or a larger one. */
static size_t
first_sample(const struct pairing *p, uint32_t hash)
{
	size_t low = 0, high = p->n_samples;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->samples[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
consider(struct pairing *p, size_t old, size_t new, struct err *e)
{
	const struct image_place *a = &p->old->list[old], *b = &p->new->list[new];
	unsigned alike = one_kind(a, b) ? sketch_alike(&a->sketch, &b->sketch) : 0;

	if (alike < ALIKE_MIN)
		return 0;
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 256 : p->cap * 2;
		struct likeness *grown = realloc(p->likely, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for images");
		p->likely = grown;
		p->cap = cap;
	}
	p->likely[p->n++] = (struct likeness){ alike, old, new };
	return 0;
}

/* All old images that share a hash with this new one, each once. */
static int
look_for(struct pairing *p, size_t new, size_t *seen_by, struct err *e)
{
	const struct sketch *s = &p->new->list[new].sketch;

	for (size_t k = 0; k < s->n; k++) {
		size_t at = first_sample(p, s->hashes[k]), n = 0;

		while (at + n < p->n_samples && p->samples[at + n].hash == s->hashes[k])
			n++;
		for (size_t i = 0; i < n && n <= SHARED_MAX; i++) {
			size_t old = p->samples[at + i].of;

			if (seen_by[old] == new + 1)
				continue;
			seen_by[old] = new + 1;
			if (consider(p, old, new, e) == -1)
				return -1;
		}
	}
	return 0;
}

static void
take(struct pairing *p, size_t old, size_t new)
{
	if (p->of[new] != IMAGE_ALONE || p->taken[old])
		return;
	p->of[new] = old;
	p->taken[old] = true;
}

/* Images that look like none stand where their neighbours say. */
static void
take_neighbours(struct pairing *p)
{
	for (size_t new = 1; new < p->new->n; new++) {
		size_t old = p->of[new - 1];
		const struct image_place *a, *b = &p->new->list[new];

		if (old == IMAGE_ALONE || old + 1 >= p->old->n)
			continue;
		a = &p->old->list[old + 1];
		if (one_kind(a, b) && a->bytes / 2 <= b->bytes &&
		    b->bytes / 2 <= a->bytes)
			take(p, old + 1, new);
	}
}

static int
find(struct pairing *p, struct err *e)
{
	size_t *seen_by = calloc(p->old->n + 1, sizeof *seen_by);
	int rc = 0;

	p->taken = calloc(p->old->n + 1, sizeof *p->taken);
	if (seen_by == NULL || p->taken == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory for images");
	if (rc == 0)
		rc = take_samples(p, e);
	for (size_t i = 0; i < p->new->n; i++) {
		p->of[i] = IMAGE_ALONE;
		if (rc == 0)
			rc = look_for(p, i, seen_by, e);
	}
	free(seen_by);
	if (rc == -1)
		return -1;
	if (p->n > 0)
		qsort(p->likely, p->n, sizeof *p->likely, compare_likely);
	for (size_t i = 0; i < p->n; i++)
		take(p, p->likely[i].old, p->likely[i].new);
	take_neighbours(p);
	return 0;
}

int
image_pairs_find(const struct image_places *old, const struct image_places *new,
    size_t *of, struct err *e)
{
	struct pairing p = { .old = old, .new = new, .of = of };
	int rc = find(&p, e);

	free(p.samples);
	free(p.likely);
	free(p.taken);
	return rc;
}
