#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "mkdelta/jobs.h"
#include "mkdelta/sketch.h"

#include "mkdelta/match.h"

enum { ALIKE_ENOUGH = 4 };	/* of 64: a sixteenth of the sample */

struct match {
	const struct listing *from, *to;
	int from_dir, to_dir;
	const size_t *outputs;
	size_t *ancestors;
	size_t *open;			/* outputs that have no ancestor by name */
	size_t n_open;
	struct sketch *old_sketches;	/* of each entry of from */
	struct sketch *new_sketches;	/* of each open output */
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Bytes that two paths have in common at their ends. */
static size_t
common_end(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b), n = 0;

	while (n < na && n < nb && a[na - 1 - n] == b[nb - 1 - n])
		n++;
	return n;
}

static size_t
by_name(const struct listing *from, const char *path)
{
	size_t best = NO_ANCESTOR, best_common = 0;
	long same = listing_find(from, path);

	if (same != -1 && from->entries[same].type == ENTRY_FILE)
		return (size_t)same;
	for (size_t i = 0; i < from->n; i++) {
		const struct entry *x = &from->entries[i];
		size_t n;

		if (x->type != ENTRY_FILE || strcmp(base_name(x->path), base_name(path)) != 0)
			continue;
		if ((n = common_end(x->path, path)) > best_common) {
			best = i;
			best_common = n;
		}
	}
	return best;
}

static int
sketch_entry(int dir, const struct entry *x, struct sketch *s, struct err *e)
{
	int fd, rc;

	if ((fd = fs_open_file(dir, x->path, NULL, e)) == -1)
		return -1;
	rc = sketch_of_fd(fd, s, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", x->path) : 0;
}

static int
sketch_one(void *arg, size_t i, struct err *e)
{
	struct match *m = arg;

	if (i >= m->from->n) {
		i -= m->from->n;
		return sketch_entry(m->to_dir, &m->to->entries[m->outputs[m->open[i]]],
		    &m->new_sketches[i], e);
	}
	if (m->from->entries[i].type != ENTRY_FILE || listing_group_first(m->from, i) != i)
		return 0;
	return sketch_entry(m->from_dir, &m->from->entries[i], &m->old_sketches[i], e);
}

static size_t
by_content(const struct match *m, const struct sketch *s)
{
	size_t best = NO_ANCESTOR;
	unsigned best_alike = ALIKE_ENOUGH - 1;

	for (size_t i = 0; i < m->from->n; i++) {
		unsigned alike = sketch_alike(&m->old_sketches[i], s);

		if (alike > best_alike) {
			best = i;
			best_alike = alike;
		}
	}
	return best;
}

static int
match_by_content(struct match *m, unsigned jobs, struct err *e)
{
	int rc = -1;

	m->old_sketches = calloc(m->from->n + 1, sizeof *m->old_sketches);
	m->new_sketches = calloc(m->n_open + 1, sizeof *m->new_sketches);
	if (m->old_sketches == NULL || m->new_sketches == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = jobs_run(jobs, m->from->n + m->n_open, sketch_one, m, e);
	for (size_t i = 0; rc == 0 && i < m->n_open; i++)
		m->ancestors[m->open[i]] = by_content(m, &m->new_sketches[i]);
	free(m->old_sketches);
	free(m->new_sketches);
	return rc;
}

int
match_ancestors(const struct listing *from, int from_dir, const struct listing *to,
    int to_dir, const size_t *outputs, size_t n, unsigned jobs, size_t *ancestors,
    struct err *e)
{
	struct match m = { .from = from, .to = to, .from_dir = from_dir, .to_dir = to_dir,
		.outputs = outputs, .ancestors = ancestors };
	int rc = 0;

	if ((m.open = calloc(n + 1, sizeof *m.open)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		ancestors[i] = by_name(from, to->entries[outputs[i]].path);
		if (ancestors[i] == NO_ANCESTOR && to->entries[outputs[i]].size > 0)
			m.open[m.n_open++] = i;
	}
	if (m.n_open > 0)
		rc = match_by_content(&m, jobs, e);
	free(m.open);
	return rc;
}
