#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/content.h"

struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed, modified;
};

struct place {
	unsigned refs;
	int dir;
	char *path;
	bool built;
	bool checked;
	struct stamp stamp;	/* as it was hashed */
};

struct content {
	struct listing *listing;
	struct place **places;	/* NULL where an entry has none */
};

struct content *
content_new(struct listing *listing, struct err *e)
{
	struct content *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->places = calloc(listing->n + 1, sizeof(struct place *));
	if (c == NULL || c->places == NULL) {
		free(c);
		listing_free(listing);
		(void)err_set(e, ERR_NOMEM, "out of memory for a tree");
		return NULL;
	}
	c->listing = listing;
	return c;
}

static void
place_drop(struct place *p)
{
	struct err ignored = ERR_INIT;

	if (p == NULL || --p->refs > 0)
		return;
	if (p->built)
		(void)fs_unlink(p->dir, p->path, &ignored);
	free(p->path);
	free(p);
}

void
content_free(struct content *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->listing->n; i++)
		place_drop(c->places[i]);
	free(c->places);
	listing_free(c->listing);
	free(c);
}

const struct listing *
content_listing(const struct content *c)
{
	return c->listing;
}

static struct place *
place_new(int dir, const char *path, bool built, struct err *e)
{
	struct place *p = calloc(1, sizeof *p);

	if (p == NULL || (p->path = strdup(path)) == NULL) {
		free(p);
		(void)err_set(e, ERR_NOMEM, "out of memory for a tree");
		return NULL;
	}
	p->refs = 1;
	p->dir = dir;
	p->built = built;
	return p;
}

int
content_at_tree(struct content *c, int tree, const struct persist_mask *mask,
    struct err *e)
{
	struct buf where = BUF_INIT(16384);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->listing->n; i++) {
		const struct entry *entry = &c->listing->entries[i];

		if (entry->type != ENTRY_FILE)
			continue;
		if ((rc = persist_where(mask, entry->path, &where, e)) == 0 &&
		    (c->places[i] = place_new(tree, buf_text(&where), false, e)) == NULL)
			rc = -1;
	}
	buf_free(&where);
	return rc;
}

int
content_put_built(struct content *c, size_t i, int dir, const char *rel, struct err *e)
{
	place_drop(c->places[i]);
	return (c->places[i] = place_new(dir, rel, true, e)) == NULL ? -1 : 0;
}

int
content_put_at(struct content *c, size_t i, int dir, const char *rel, struct err *e)
{
	place_drop(c->places[i]);
	return (c->places[i] = place_new(dir, rel, false, e)) == NULL ? -1 : 0;
}

void
content_share(struct content *c, size_t i, const struct content *other, size_t k)
{
	if (other->places[k] != NULL)
		other->places[k]->refs++;
	place_drop(c->places[i]);
	c->places[i] = other->places[k];
}

static struct stamp
stamp_of(const struct stat *st)
{
	return (struct stamp){ st->st_dev, st->st_ino, st->st_size, st->st_ctim,
		st->st_mtim };
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    same_time(&a->changed, &b->changed) && same_time(&a->modified, &b->modified);
}

/* ERR_TRUST with the path as people know it. */
static int
modified(const struct place *p, const struct entry *entry, const char *fact,
    struct err *e)
{
	if (p->built)
		return err_set(e, ERR_TRUST, "%s: changed in staging (%s)", entry->path,
		    fact);
	return err_set(e, ERR_TRUST, "the installed tree was modified: %s %s",
	    entry->path, fact);
}

static int
check_bytes(struct place *p, int fd, const struct stat *st, const struct entry *entry,
    struct err *e)
{
	struct stamp now = stamp_of(st);
	struct sha256 id;

	if (p->checked && same_stamp(&now, &p->stamp))
		return 0;
	if (sha256_of_fd(fd, &id, NULL, e) == -1)
		return err_wrap(e, "%s", entry->path);
	if (!sha256_equal(&id, &entry->sha256))
		return modified(p, entry, "has other content", e);
	p->checked = true;
	p->stamp = now;
	return 0;
}

int
content_open(struct content *c, size_t i, bool check, int *fd, bool *own, struct err *e)
{
	const struct entry *entry;
	struct place *p;
	struct stat st;

	*fd = -1;
	if (i >= c->listing->n || c->listing->entries[i].type != ENTRY_FILE)
		return err_set(e, ERR_FORMAT, "entry %zu of the old tree is no file", i);
	entry = &c->listing->entries[i];
	if ((p = c->places[i]) == NULL)
		return err_set(e, ERR_FAIL, "%s: is not kept for this hop", entry->path);
	if ((*fd = fs_open_file(p->dir, p->path, &st, e)) == -1) {
		if (e->code == ERR_ABSENT)
			return modified(p, entry, "is missing", e);
		return e->code == ERR_POLICY ?
		    modified(p, entry, "is no regular file any more", e) : -1;
	}
	*own = p->built;
	if ((uint64_t)st.st_size != entry->size)
		(void)modified(p, entry, "has another size", e);
	else if (!check || check_bytes(p, *fd, &st, entry, e) == 0)
		return 0;
	(void)close(*fd);
	*fd = -1;
	return -1;
}
