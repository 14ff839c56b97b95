#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/patch/delta.h"

#include "apply/hop_file.h"

#include "apply/hop.h"

enum { OPEN_MAX = 8, STEP = 128 * 1024 }; /* old files kept open while a delta builds */

struct source {
	struct work *work;
	struct output *output;
	int fd[OPEN_MAX];
	size_t entry[OPEN_MAX];
	size_t *built;			/* entries of the outputs so far */
	size_t n_built;
};

/* An earlier output, which stands in the new tree by now. */
static int
open_built(const struct source *s, uint64_t number, const struct entry **entry,
    struct err *e)
{
	const struct hop *h = s->work->hop;
	char name[HOP_NAME_MAX];

	if (number >= s->n_built)
		return err_set(e, ERR_FORMAT, "the delta needs an output to come");
	*entry = &s->work->listing->entries[s->built[number]];
	return h->folder == -1 ? fs_open_file(h->tree, (*entry)->path, NULL, e) :
	    fs_open_file(h->folder, hop_name(s->built[number], name), NULL, e);
}

/* Behind the entries of the old listing come the outputs so far. */
static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	struct source *s = arg;
	const struct listing *have = content_listing(s->work->have);
	size_t slot = (size_t)(index % OPEN_MAX);
	const struct entry *entry = &have->entries[index < have->n ? index : 0];
	bool own;

	if (index < have->n && s->fd[slot] != -1 && s->entry[slot] == index) {
		*fd = s->fd[slot];
		*bytes = entry->size;
		return 0;
	}
	if (s->fd[slot] != -1)
		(void)close(s->fd[slot]);
	s->fd[slot] = -1;
	if (index >= have->n)
		s->fd[slot] = open_built(s, index - have->n, &entry, e);
	else if (content_open(s->work->have, (size_t)index, true, &s->fd[slot], &own,
	    e) == -1)
		s->work->hop->tree_modified |= e->code == ERR_TRUST;
	s->entry[slot] = (size_t)index;
	*fd = s->fd[slot];
	*bytes = entry->size;
	return *fd == -1 ? -1 : 0;
}

static int
write_output(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct source *s = arg;

	if (cancel_check(e) == -1)
		return -1;
	return output_write(s->output, data, n, e);
}

static int
repeat(void *arg, uint64_t number, struct err *e)
{
	struct source *s = arg;
	const struct entry *from;
	uint8_t *buffer;
	int fd = open_built(s, number, &from, e), rc = 0;

	if (fd == -1)
		return -1;
	if (from->size != s->output->size)
		rc = err_set(e, ERR_FORMAT,
		    "the delta repeats an output of another size");
	if ((buffer = malloc(STEP)) == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory for a copy");
	for (uint64_t at = 0; rc == 0 && at < from->size;) {
		size_t n = from->size - at < STEP ? (size_t)(from->size - at) : STEP;

		if ((rc = fs_pread(fd, buffer, n, at, e)) == 0)
			rc = write_output(s, buffer, n, e);
		at += n;
	}
	(void)close(fd);
	free(buffer);
	return rc;
}

/* It goes with the staging folder, should power fail before it has lost its name. */
static int
scratch(void *arg, int *fd, struct err *e)
{
	const struct source *s = arg;
	const struct hop *h = s->work->hop;

	*fd = fs_create_unnamed(h->folder == -1 ? h->tree : h->folder, e);
	return *fd == -1 ? err_wrap(e, "scratch file") : 0;
}

static int
build(struct work *w, size_t i, struct delta *d, struct source *s, struct err *e)
{
	const struct delta_io io = { s, open_old, write_output, repeat, scratch, NULL };
	struct output o = OUTPUT_INIT;

	s->output = &o;
	if (hop_file_start(w, i, &o, e) == -1)
		return -1;
	if (delta_build(d, w->listing->entries[i].size, &io, e) == 0 &&
	    hop_file_end(w, i, &o, e) == 0) {
		s->built[s->n_built++] = i;
		return 0;
	}
	output_drop(&o);
	if (w->hop->tree_modified)
		return -1;
	return err_wrap(e, "build %s", w->listing->entries[i].path);
}

/* Outputs are the files whose hash the delta's listing leaves out. */
static int
build_all(struct work *w, struct delta *d, struct err *e)
{
	struct source s = { .work = w };
	int rc = 0;

	if ((s.built = calloc(w->listing->n + 1, sizeof *s.built)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a tree");
	for (size_t k = 0; k < OPEN_MAX; k++)
		s.fd[k] = -1;
	for (size_t i = 0; rc == 0 && i < w->listing->n; i++) {
		if (!hop_is_first(w->listing, i))
			continue;
		if (!w->listing->entries[i].has_sha256)
			rc = build(w, i, d, &s, e);
		else if ((rc = hop_take(w, i, e)) != -1)
			rc = rc == 1 ? 0 :
			    err_set(e, ERR_FORMAT, "the delta takes %s from the old tree,"
			    " which has no such content", w->listing->entries[i].path);
	}
	for (size_t k = 0; k < OPEN_MAX; k++)
		if (s.fd[k] != -1)
			(void)close(s.fd[k]);
	free(s.built);
	return rc == 0 ? delta_end(d, e) : -1;
}

static struct listing *
next_listing(struct delta *d, const struct listing *have, struct err *e)
{
	struct buf old = BUF_INIT(LISTING_TEXT_MAX), text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *listing = NULL;

	if (listing_emit(have, &old, e) == 0 &&
	    delta_listing(d, old.data, old.len, &text, e) == 0)
		listing = listing_parse(text.data, text.len, true, e);
	buf_free(&old);
	buf_free(&text);
	return listing;
}

struct content *
hop_delta(struct hop *h, struct content *have, int delta, struct err *e)
{
	struct delta *d = delta_open(delta, h->memory_limit, e);
	struct listing *listing = NULL;
	struct content *next;
	struct work w;

	if (d != NULL && delta_scratch(d) > h->scratch) {
		(void)err_set(e, ERR_FORMAT, "more bytes than were signed");
		delta_close(d);
		d = NULL;
	}
	if (d == NULL || (listing = next_listing(d, content_listing(have), e)) == NULL) {
		delta_close(d);
		content_free(have);
		return NULL;
	}
	next = NULL;
	if (work_start(&w, h, have, listing, e) == 0 && hop_begin(&w, e) == 0 &&
	    build_all(&w, d, e) == 0 && hop_end(&w, e) == 0)
		next = work_end(&w, true);
	else
		(void)work_end(&w, false);
	delta_close(d);
	return next;
}
