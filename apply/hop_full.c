#include "apply/decoder.h"
#include "apply/hop_file.h"

#include "apply/hop.h"

/* What is here already need not be written; what only seems to be, is. */
static int
take_all(struct work *w, struct err *e)
{
	for (size_t i = 0; i < w->listing->n; i++) {
		if (!hop_is_first(w->listing, i) || hop_take(w, i, e) != -1)
			continue;
		if (e->code != ERR_TRUST)
			return -1;
		err_clear(e);
	}
	w->hop->tree_modified = false;	/* no harm done here */
	return 0;
}

static int
write_output(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return output_write(arg, data, n, e);
}

static int
fill(struct work *w, size_t i, struct decoder *d, const struct decoder_entry *member,
    struct err *e)
{
	struct output o = OUTPUT_INIT;
	const struct decoder_io io = { .arg = &o, .write = write_output };

	if (hop_file_start(w, i, &o, e) == -1)
		return -1;
	if (decoder_take(d, member, &io, e) == 0 && hop_file_end(w, i, &o, e) == 0)
		return 0;
	output_drop(&o);
	return err_wrap(e, "unpack %s", w->listing->entries[i].path);
}

/* The entry to build from this member, -1: none. */
static long
wanted(const struct work *w, const struct decoder_entry *member)
{
	long i = member->is_file ? listing_find(w->listing, member->path) : -1;

	if (i < 0 || w->listing->entries[i].type != ENTRY_FILE)
		return -1;
	i = (long)listing_group_first(w->listing, (size_t)i);
	return w->done[i] || w->listing->entries[i].size != member->bytes ? -1 : i;
}

static int
unpack(struct work *w, struct decoder *d, struct err *e)
{
	struct decoder_entry member;
	int rc;

	while ((rc = decoder_next(d, &member, e)) == 1) {
		long i = wanted(w, &member);

		if (i >= 0 && fill(w, (size_t)i, d, &member, e) == -1)
			return -1;
	}
	return rc;
}

static int
check_all(const struct work *w, struct err *e)
{
	for (size_t i = 0; i < w->listing->n; i++)
		if (hop_is_first(w->listing, i) && !w->done[i])
			return err_set(e, ERR_FORMAT, "the full artifact lacks %s",
			    w->listing->entries[i].path);
	return 0;
}

struct content *
hop_full(struct hop *h, struct content *have, int full, uint64_t bytes,
    struct listing *listing, struct err *e)
{
	const struct decoder_limits limits = { .packed = bytes, .plain = h->left };
	struct decoder *d = decoder_full(full, &limits, e);
	struct content *next;
	struct work w;

	if (d == NULL) {
		content_free(have);
		listing_free(listing);
		return NULL;
	}
	if (work_start(&w, h, have, listing, e) == 0 && hop_begin(&w, e) == 0 &&
	    take_all(&w, e) == 0 && unpack(&w, d, e) == 0 && check_all(&w, e) == 0 &&
	    hop_end(&w, e) == 0)
		next = work_end(&w, true);
	else
		next = work_end(&w, false);
	decoder_close(d);
	return next;
}
