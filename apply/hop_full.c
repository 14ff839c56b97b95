#include <stdlib.h>
#include <string.h>

#include "manifest/base/cancel.h"

#include "apply/patch/untar.h"

#include "apply/hop_file.h"

#include "apply/hop.h"

enum { STEP = 128 * 1024 };

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
fill(struct work *w, size_t i, struct untar *tar, uint8_t *buffer, struct err *e)
{
	struct output o = OUTPUT_INIT;
	size_t got = 0;
	int rc = hop_file_start(w, i, &o, e);

	if (rc == -1)
		return -1;
	do {
		if ((rc = cancel_check(e)) == 0 &&
		    (rc = untar_read(tar, buffer, STEP, &got, e)) == 0)
			rc = output_write(&o, buffer, got, e);
	} while (rc == 0 && got > 0);
	if (rc == 0)
		rc = hop_file_end(w, i, &o, e);
	if (rc == -1) {
		output_drop(&o);
		return err_wrap(e, "unpack %s", w->listing->entries[i].path);
	}
	return 0;
}

/* The entry to build from this member, -1: none. */
static long
wanted(const struct work *w, const struct untar_entry *member)
{
	long i = member->is_file ? listing_find(w->listing, member->path) : -1;

	if (i < 0 || w->listing->entries[i].type != ENTRY_FILE)
		return -1;
	i = (long)listing_group_first(w->listing, (size_t)i);
	return w->done[i] || w->listing->entries[i].size != member->size ? -1 : i;
}

static int
unpack(struct work *w, struct untar *tar, struct err *e)
{
	uint8_t *buffer = malloc(STEP);
	struct untar_entry member;
	int rc = -1;

	if (buffer == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for unpacking");
	while ((rc = untar_next(tar, &member, e)) == 1) {
		long i = wanted(w, &member);

		if (i >= 0 && fill(w, (size_t)i, tar, buffer, e) == -1) {
			rc = -1;
			break;
		}
	}
	free(buffer);
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
	struct untar *tar = untar_open(full, bytes, h->left, e);
	struct content *next;
	struct work w;

	if (tar == NULL) {
		content_free(have);
		listing_free(listing);
		return NULL;
	}
	if (work_start(&w, h, have, listing, e) == 0 && hop_begin(&w, e) == 0 &&
	    take_all(&w, e) == 0 && unpack(&w, tar, e) == 0 && check_all(&w, e) == 0 &&
	    hop_end(&w, e) == 0)
		next = work_end(&w, true);
	else
		next = work_end(&w, false);
	untar_close(tar);
	return next;
}
