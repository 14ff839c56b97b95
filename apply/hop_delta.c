#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/decoder.h"
#include "apply/hop_file.h"

#include "apply/hop.h"

enum { STEP = 128 * 1024 };

struct source {
	struct work *work;
	struct output *output;
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
	const struct entry *entry = &have->entries[index < have->n ? index : 0];
	bool own;

	*fd = -1;
	if (index >= have->n)
		*fd = open_built(s, index - have->n, &entry, e);
	else if (content_open(s->work->have, (size_t)index, true, fd, &own, e) == -1)
		s->work->hop->tree_modified |= e->code == ERR_TRUST;
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
build(struct work *w, size_t i, struct decoder *d, struct source *s, struct err *e)
{
	const struct decoder_io io = { s, open_old, write_output, repeat, scratch };
	struct output o = OUTPUT_INIT;
	int rc;

	if (hop_file_start(w, i, &o, e) == -1)
		return -1;
	s->output = &o;
	rc = decoder_build(d, w->listing->entries[i].size, &io, e);
	s->output = NULL;
	if (rc == 0 && hop_file_end(w, i, &o, e) == 0) {
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
build_all(struct work *w, struct decoder *d, struct err *e)
{
	struct source s = { .work = w };
	int rc = 0;

	if ((s.built = calloc(w->listing->n + 1, sizeof *s.built)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a tree");
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
	free(s.built);
	return rc == 0 ? decoder_end(d, e) : -1;
}

static struct listing *
next_listing(struct decoder *d, const struct buf *old, struct err *e)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *listing = NULL;

	if (decoder_listing(d, old->data, old->len, &text, e) == 0)
		listing = listing_parse(text.data, text.len, true, e);
	buf_free(&text);
	return listing;
}

/* The decoder with its header read, and what it makes of the listing. */
static struct decoder *
start(const struct hop *h, const struct listing *have, int delta,
    struct listing **listing, struct err *e)
{
	struct decoder_limits limits = { .memory = h->conf->memory_bytes,
		.scratch = h->scratch };
	struct buf old = BUF_INIT(LISTING_TEXT_MAX);
	struct decoder *d = NULL;

	*listing = NULL;
	if (listing_emit(have, &old, e) == 0 &&
	    u64_add(old.len, h->listing_bytes, &limits.texts) == 0) {
		d = decoder_delta(delta, &limits, e);
		if (d != NULL)
			*listing = next_listing(d, &old, e);
	}
	buf_free(&old);
	return d;
}

struct content *
hop_delta(struct hop *h, struct content *have, int delta, struct err *e)
{
	struct listing *listing;
	struct decoder *d = start(h, content_listing(have), delta, &listing, e);
	struct content *next;
	struct work w;

	if (listing == NULL) {
		decoder_close(d);
		content_free(have);
		return NULL;
	}
	next = NULL;
	if (work_start(&w, h, have, listing, e) == 0 && hop_begin(&w, e) == 0 &&
	    build_all(&w, d, e) == 0 && hop_end(&w, e) == 0)
		next = work_end(&w, true);
	else
		(void)work_end(&w, false);
	decoder_close(d);
	return next;
}
