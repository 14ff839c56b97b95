#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "apply/hop_file.h"

#include "apply/hop.h"

const char *
hop_name(size_t i, char out[static HOP_NAME_MAX])
{
	(void)snprintf(out, HOP_NAME_MAX, "%zu", i);
	return out;
}

int
hop_begin(struct work *w, struct err *e)
{
	struct hop *h = w->hop;

	w->layout = (struct layout){ .tree = h->tree, .listing = w->listing,
		.created = h->created };
	if (h->folder != -1)
		return 0;
	w->layout.owners = *h->owners;
	if (owners_check(w->listing, h->conf, e) == -1)
		return -1;
	return layout_begin(&w->layout, e);
}

int
hop_file_start(struct work *w, size_t i, struct output *o, struct err *e)
{
	const struct entry *entry = &w->listing->entries[i];

	if (entry->size > w->hop->left)
		return err_set(e, ERR_FORMAT, "%s: more bytes than were signed",
		    entry->path);
	w->hop->left -= entry->size;
	if (w->hop->folder == -1)
		return output_start(o, w->hop->tree, entry->path, entry->size, e);
	return output_start(o, w->hop->folder, hop_name(i, w->name), entry->size, e);
}

int
hop_file_end(struct work *w, size_t i, struct output *o, struct err *e)
{
	struct entry *entry = &w->listing->entries[i];
	struct sha256 id;

	if (output_end(o, &id, e) == -1)
		return -1;
	if (!entry->has_sha256)
		listing_set_hash(w->listing, i, &id);
	else if (!sha256_equal(&id, &entry->sha256))
		return err_set(e, ERR_TRUST,
		    "%s: what was built has another hash than the signed listing",
		    entry->path);
	if (w->hop->folder == -1 && layout_file(&w->layout, o->fd, entry, e) == -1)
		return -1;
	if (w->hop->folder != -1 &&
	    content_put_built(w->next, i, w->hop->folder, o->rel, e) == -1)
		return -1;
	output_close(o);
	progress_add(entry->size);
	w->done[i] = true;
	return 0;
}

/* An empty file needs nobody's content. */
static int
make_empty(struct work *w, size_t i, struct err *e)
{
	struct output o = OUTPUT_INIT;
	int rc = hop_file_start(w, i, &o, e);

	if (rc == 0 && (rc = hop_file_end(w, i, &o, e)) == -1)
		output_drop(&o);
	return rc;
}

/* Entry i from entry k of what is here.  0, -1; ERR_TRUST: k is not as listed. */
static int
take_from(struct work *w, size_t i, size_t k, struct err *e)
{
	struct hop *h = w->hop;
	const struct entry *entry = &w->listing->entries[i];
	enum reuse_how how;
	bool own;
	int fd;

	/* reuse.h hashes by itself, while it copies where it has to copy. */
	if (content_open(w->have, k, h->folder != -1, &fd, &own, e) == -1)
		return -1;
	if (h->folder != -1) {
		(void)close(fd);
		content_share(w->next, i, w->have, k);
		return 0;
	}
	how = own ? reuse_own(h->reuse, fd, h->tree, entry, h->created, e) :
	    reuse_file(h->reuse, fd, h->tree, entry, e);
	(void)close(fd);
	return how == REUSED_NOT ? -1 : 0;
}

/* Other places with the same content, when the first one was changed. */
static int
take_elsewhere(struct work *w, size_t i, size_t not, struct err *e)
{
	const struct listing *have = content_listing(w->have);
	const struct entry *entry = &w->listing->entries[i];
	struct err other = ERR_INIT;

	for (size_t k = 0; k < have->n; k++) {
		const struct entry *from = &have->entries[k];

		if (k == not || from->type != ENTRY_FILE || from->size != entry->size ||
		    !sha256_equal(&from->sha256, &entry->sha256))
			continue;
		if (take_from(w, i, k, &other) == 0)
			return 0;
		if (other.code != ERR_TRUST) {
			*e = other;
			return -1;
		}
	}
	return -1;	/* with what was wrong with the first */
}

int
hop_take(struct work *w, size_t i, struct err *e)
{
	const struct entry *entry = &w->listing->entries[i];
	long k;

	if (cancel_check(e) == -1)
		return -1;
	if (entry->size == 0)
		return make_empty(w, i, e) == -1 ? -1 : 1;
	if (w->have == NULL)
		return 0;
	k = listing_find_content(content_listing(w->have), &entry->sha256, entry->size);
	if (k < 0)
		return 0;
	if (take_from(w, i, (size_t)k, e) == -1) {
		if (e->code != ERR_TRUST || take_elsewhere(w, i, (size_t)k, e) == -1) {
			w->hop->tree_modified |= e->code == ERR_TRUST;
			return -1;
		}
	}
	progress_add(entry->size);
	w->done[i] = true;
	return 1;
}

int
hop_end(struct work *w, struct err *e)
{
	struct sha256 id;

	if (listing_id(w->listing, &id, e) == -1)
		return -1;
	if (!sha256_equal(&id, &w->hop->target))
		return err_set(e, ERR_TRUST,
		    "what was built is not the tree that is signed");
	if (w->hop->folder == -1)
		return layout_names(&w->layout, e);
	/* Later names of hard links are where the first is. */
	for (size_t i = 0; i < w->listing->n; i++) {
		size_t first = listing_group_first(w->listing, i);

		if (first != i)
			content_share(w->next, i, w->next, first);
	}
	return 0;
}

int
work_start(struct work *w, struct hop *h, struct content *have, struct listing *listing,
    struct err *e)
{
	*w = (struct work){ .hop = h, .have = have, .listing = listing };
	w->done = calloc(listing->n + 1, sizeof *w->done);
	if (w->done == NULL) {
		listing_free(listing);
		return err_set(e, ERR_NOMEM, "out of memory for a tree");
	}
	return (w->next = content_new(listing, e)) == NULL ? -1 : 0;
}

struct content *
work_end(struct work *w, bool good)
{
	struct content *next = w->next;

	content_free(w->have);
	free(w->done);
	if (!good) {
		content_free(next);
		next = NULL;
	}
	memset(w, 0, sizeof *w);
	return next;
}

/* A file of its own, not a later name of another. */
bool
hop_is_first(const struct listing *listing, size_t i)
{
	return listing->entries[i].type == ENTRY_FILE &&
	       listing_group_first(listing, i) == i;
}

struct content *
hop_same(struct hop *h, struct content *have, struct listing *listing, struct err *e)
{
	struct work w;
	bool good = work_start(&w, h, have, listing, e) == 0 && hop_begin(&w, e) == 0;

	for (size_t i = 0; good && i < listing->n; i++) {
		int took = hop_is_first(listing, i) ? hop_take(&w, i, e) : 1;

		if (took == 0)
			(void)err_set(e, ERR_TRUST,
			    "the installed tree was modified: %s is not there",
			    listing->entries[i].path);
		good = took == 1;
	}
	good = good && hop_end(&w, e) == 0;
	return work_end(&w, good);
}
