#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "mkdelta/jobs.h"
#include "mkdelta/match_name.h"
#include "mkdelta/sketch.h"

#include "mkdelta/match.h"

enum {
	ALIKE_ENOUGH = 4,	/* of 64: a sixteenth of the sample */
	CLEARLY_MORE = 8,	/* so much more content beats the name */
	COMMON_MAX = 32,	/* files looked at for one hash */
	CANDIDATES_MAX = SKETCH_HASHES * COMMON_MAX
};

struct posting {
	uint32_t hash;
	uint32_t entry;		/* of from */
};

struct match {
	const struct match_trees *trees;
	const size_t *outputs;
	size_t *ancestors;
	size_t *open;			/* outputs whose path is new */
	size_t n_open;
	struct match_names *names;
	struct sketch *old_sketches;	/* of each entry of from */
	struct sketch *new_sketches;	/* of each open output */
	struct posting *postings;	/* sorted */
	size_t n_postings;
};

static int
sketch_entry(int dir, const char *name, const struct entry *x, struct sketch *s,
    struct err *e)
{
	int fd, rc;

	if ((fd = fs_open_file(dir, name == NULL ? x->path : name, NULL, e)) == -1)
		return -1;
	rc = sketch_of_fd(fd, s, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", x->path) : 0;
}

static int
sketch_one(void *arg, size_t i, struct err *e)
{
	struct match *m = arg;
	const struct match_trees *t = m->trees;

	if (i >= t->from->n) {
		i -= t->from->n;
		return sketch_entry(t->to_dir, t->to_name,
		    &t->to->entries[m->outputs[m->open[i]]], &m->new_sketches[i], e);
	}
	if (t->from->entries[i].type != ENTRY_FILE ||
	    listing_group_first(t->from, i) != i)
		return 0;
	return sketch_entry(t->from_dir, t->from_name, &t->from->entries[i],
	    &m->old_sketches[i], e);
}

static int
compare_postings(const void *pa, const void *pb)
{
	const struct posting *a = pa, *b = pb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static int
compare_entries(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

static int
post_all(struct match *m, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < m->trees->from->n; i++)
		n += m->old_sketches[i].n;
	if ((m->postings = calloc(n + 1, sizeof *m->postings)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < m->trees->from->n; i++)
		for (unsigned k = 0; k < m->old_sketches[i].n; k++)
			m->postings[m->n_postings++] = (struct posting){
				m->old_sketches[i].hashes[k], (uint32_t)i };
	qsort(m->postings, m->n_postings, sizeof *m->postings, compare_postings);
	return 0;
}

/* Old files that have a hash of the sketch, each as often as it has one. */
static size_t
collect(const struct match *m, const struct sketch *s, uint32_t *entries)
{
	size_t n = 0;

	for (unsigned k = 0; k < s->n; k++) {
		size_t low = 0, high = m->n_postings, first;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (m->postings[middle].hash < s->hashes[k])
				low = middle + 1;
			else
				high = middle;
		}
		for (first = low; low < m->n_postings && low - first < COMMON_MAX &&
		    m->postings[low].hash == s->hashes[k]; low++)
			entries[n++] = m->postings[low].entry;
	}
	qsort(entries, n, sizeof *entries, compare_entries);
	return n;
}

/* The old file most alike by content, at least ALIKE_ENOUGH. */
static size_t
by_content(const struct match *m, const struct sketch *s, unsigned *alike)
{
	uint32_t entries[CANDIDATES_MAX];
	size_t n = collect(m, s, entries), best = NO_ANCESTOR;

	*alike = ALIKE_ENOUGH - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned now;

		if (i > 0 && entries[i] == entries[i - 1])
			continue;
		now = sketch_alike(&m->old_sketches[entries[i]], s);
		if (now > *alike) {
			best = entries[i];
			*alike = now;
		}
	}
	return best;
}

static size_t
choose(const struct match *m, size_t i)
{
	const struct match_trees *t = m->trees;
	const struct entry *x = &t->to->entries[m->outputs[m->open[i]]];
	const struct sketch *s = &m->new_sketches[i];
	unsigned alike;
	size_t content = by_content(m, s, &alike);
	long name = match_names_find(m->names, x->path);

	if (name == -1)
		return content;
	name = (long)listing_group_first(t->from, (size_t)name);
	if (content != NO_ANCESTOR &&
	    alike >= sketch_alike(&m->old_sketches[name], s) + CLEARLY_MORE)
		return content;
	return (size_t)name;
}

static int
match_open(struct match *m, unsigned jobs, struct err *e)
{
	size_t n = m->trees->from->n;

	m->old_sketches = calloc(n + 1, sizeof *m->old_sketches);
	m->new_sketches = calloc(m->n_open + 1, sizeof *m->new_sketches);
	if (m->old_sketches == NULL || m->new_sketches == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((m->names = match_names_new(m->trees->from, e)) == NULL ||
	    jobs_run(jobs, n + m->n_open, sketch_one, m, e) == -1 || post_all(m, e) == -1)
		return -1;
	for (size_t i = 0; i < m->n_open; i++)
		m->ancestors[m->open[i]] = choose(m, i);
	return 0;
}

int
match_ancestors(const struct match_trees *trees, const size_t *outputs, size_t n,
    unsigned jobs, size_t *ancestors, struct err *e)
{
	struct match m = { .trees = trees, .outputs = outputs, .ancestors = ancestors };
	int rc = 0;

	if ((m.open = calloc(n + 1, sizeof *m.open)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct entry *x = &trees->to->entries[outputs[i]];
		long same = listing_find(trees->from, x->path);

		ancestors[i] = NO_ANCESTOR;
		if (same != -1 && trees->from->entries[same].type == ENTRY_FILE)
			ancestors[i] = listing_group_first(trees->from, (size_t)same);
		else if (x->size > 0)
			m.open[m.n_open++] = i;
	}
	if (m.n_open > 0)
		rc = match_open(&m, jobs, e);
	free(m.open);
	free(m.old_sketches);
	free(m.new_sketches);
	free(m.postings);
	match_names_free(m.names);
	return rc;
}
