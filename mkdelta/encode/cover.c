#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/cover.h"

/* ---- what is wanted ---- */

int
wanted_open(struct wanted *w, struct samples *hashes, struct err *e)
{
	w->hashes = *hashes;
	memset(hashes, 0, sizeof *hashes);
	samples_sort(&w->hashes);
	w->log = 4;
	while (w->log < 31 && (size_t)1 << w->log < 2 * w->hashes.n)
		w->log++;
	if ((w->table = calloc((size_t)1 << w->log, sizeof *w->table)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for samples");
	for (size_t i = 0; i < w->hashes.n; i++) {
		size_t at = w->hashes.v[i] >> (32 - w->log);

		while (w->table[at] != 0)
			at = (at + 1) & (((size_t)1 << w->log) - 1);
		w->table[at] = (uint32_t)i + 1;
	}
	return 0;
}

void
wanted_close(struct wanted *w)
{
	samples_free(&w->hashes);
	free(w->table);
	w->table = NULL;
}

uint32_t
wanted_find(const struct wanted *w, uint32_t hash)
{
	size_t at = hash >> (32 - w->log);

	for (; w->table[at] != 0; at = (at + 1) & (((size_t)1 << w->log) - 1))
		if (w->hashes.v[w->table[at] - 1] == hash)
			return w->table[at] - 1;
	return WANTED_NONE;
}

/* ---- who has it ---- */

int
holders_open(struct holders *h, const struct wanted *w, const struct samples *has,
    size_t n, struct err *e)
{
	uint32_t *counts = calloc(w->hashes.n + 1, sizeof *counts);
	size_t sum = 0;

	h->list = NULL;
	h->begin = calloc(w->hashes.n + 2, sizeof *h->begin);
	if (counts == NULL || h->begin == NULL)
		goto nomem;
	for (size_t c = 0; c < n; c++)
		for (size_t i = 0; i < has[c].n; i++)
			if (counts[has[c].v[i]] < HOLDERS_MAX)
				counts[has[c].v[i]]++;
	for (size_t i = 0; i < w->hashes.n; i++) {
		h->begin[i] = sum;
		sum += counts[i];
		counts[i] = 0;
	}
	h->begin[w->hashes.n] = sum;
	if ((h->list = calloc(sum + 1, sizeof *h->list)) == NULL)
		goto nomem;
	for (size_t c = 0; c < n; c++)
		for (size_t i = 0; i < has[c].n; i++) {
			uint32_t k = has[c].v[i];

			if (counts[k] < HOLDERS_MAX)
				h->list[h->begin[k] + counts[k]++] = (uint32_t)c;
		}
	free(counts);
	return 0;
nomem:
	free(counts);
	return err_set(e, ERR_NOMEM, "out of memory for samples");
}

void
holders_close(struct holders *h)
{
	free(h->begin);
	free(h->list);
	h->begin = NULL;
	h->list = NULL;
}

/* ---- one new file ---- */

/* A candidate has what stands at this place of the list. */
struct cover_has {
	uint32_t candidate, place;
};

static int
compare_has(const void *pa, const void *pb)
{
	const struct cover_has *a = pa, *b = pb;

	if (a->candidate != b->candidate)
		return a->candidate < b->candidate ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

int
cover_open(struct cover *c, const struct holders *h, uint32_t candidate,
    const struct samples *has, struct err *e)
{
	size_t n = c->n_wants;

	for (size_t i = 0; i < c->n_wants; i++)
		n += h->begin[c->wants[i] + 1] - h->begin[c->wants[i]];
	c->n = 0;
	c->list = calloc(n + 1, sizeof *c->list);
	c->covered = calloc(c->n_wants + 1, sizeof *c->covered);
	if (c->list == NULL || c->covered == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for samples");
	for (size_t i = 0; i < c->n_wants; i++) {
		uint32_t number = c->wants[i];

		for (size_t k = h->begin[number]; k < h->begin[number + 1]; k++)
			if (h->list[k] != candidate)
				c->list[c->n++] = (struct cover_has){ h->list[k],
					(uint32_t)i };
		if (has != NULL && samples_have(has, number))
			c->list[c->n++] = (struct cover_has){ candidate, (uint32_t)i };
	}
	qsort(c->list, c->n, sizeof *c->list, compare_has);
	return 0;
}

void
cover_close(struct cover *c)
{
	free(c->list);
	free(c->covered);
	c->list = NULL;
	c->covered = NULL;
}

/* How many places the candidate adds whose entries begin at list[*i]; *i goes behind
 * them. */
static size_t
count(const struct cover *c, size_t *i)
{
	uint32_t candidate = c->list[*i].candidate;
	size_t samples = 0;

	for (; *i < c->n && c->list[*i].candidate == candidate; ++*i)
		samples += !c->covered[c->list[*i].place];
	return samples;
}

bool
cover_next(struct cover *c, uint32_t favoured, size_t favour, struct cover_pick *out)
{
	size_t best = c->n, most = 0;

	for (size_t i = 0; i < c->n;) {
		uint32_t candidate = c->list[i].candidate;
		size_t from = i, samples = count(c, &i);
		size_t worth = samples + (candidate == favoured ? favour : 0);

		if (samples > 0 && worth > most &&
		    c->accept(c->arg, candidate, samples)) {
			best = from;
			most = worth;
			out->candidate = candidate;
			out->samples = samples;
		}
	}
	if (best == c->n)
		return false;
	out->place = UINT32_MAX;
	for (; best < c->n && c->list[best].candidate == out->candidate; best++) {
		uint32_t place = c->list[best].place;

		if (!c->covered[place] && place < out->place)
			out->place = place;
		c->covered[place] = 1;
	}
	return true;
}
