#include <stdlib.h>
#include <string.h>

#include "manifest/listing_index.h"
#include "manifest/listing_text.h"

#include "manifest/listing.h"

struct listing *
listing_new(struct err *e)
{
	struct listing *l = calloc(1, sizeof *l);

	if (l == NULL || (l->index = calloc(1, sizeof *l->index)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a listing");
		free(l);
		return NULL;
	}
	return l;
}

static void
free_xattrs(struct entry_xattr *a)
{
	struct entry_xattr *next;

	for (; a != NULL; a = next) {
		next = a->next;
		free(a->name);
		free(a->value);
		free(a);
	}
}

void
listing_entry_clear(struct entry *x)
{
	free(x->path);
	free(x->link);
	free(x->uname);
	free(x->gname);
	free_xattrs(x->xattrs);
	memset(x, 0, sizeof *x);
}

void
listing_free(struct listing *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		listing_entry_clear(&l->entries[i]);
	free(l->index->first);
	free(l->index->by_content);
	free(l->index);
	free(l->entries);
	free(l);
}

static int
make_room(struct listing *l, struct err *e)
{
	size_t cap = l->index->cap;
	struct entry *more;

	if (l->n == LISTING_ENTRIES_MAX)
		return err_set(e, ERR_FORMAT, "more than %u entries",
		    LISTING_ENTRIES_MAX);
	if (l->n < cap)
		return 0;
	cap = cap == 0 ? 64 : cap * 2;
	if ((more = realloc(l->entries, cap * sizeof *more)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a listing");
	l->entries = more;
	l->index->cap = cap;
	return 0;
}

int
listing_take(struct listing *l, const struct entry *x, struct err *e)
{
	if (make_room(l, e) == -1)
		return -1;
	l->entries[l->n++] = *x;
	return 0;
}

/* *out becomes a copy of text (NULL stays NULL). */
static int
copy_text(char **out, const char *text)
{
	if (text == NULL)
		return 0;
	*out = strdup(text);
	return *out == NULL ? -1 : 0;
}

static int
copy_xattrs(struct entry_xattr **out, const struct entry_xattr *from)
{
	for (; from != NULL; from = from->next) {
		struct entry_xattr *a = calloc(1, sizeof *a);

		if (a == NULL)
			return -1;
		*out = a;
		out = &a->next;
		if (copy_text(&a->name, from->name) == -1 ||
		    (a->value = malloc(from->size + 1)) == NULL)
			return -1;
		if (from->size > 0)
			memcpy(a->value, from->value, from->size);
		a->size = from->size;
	}
	return 0;
}

int
listing_add(struct listing *l, const struct entry *from, struct err *e)
{
	struct entry *x;

	if (make_room(l, e) == -1)
		return -1;
	x = &l->entries[l->n];
	*x = *from;
	x->path = x->link = x->uname = x->gname = NULL;
	x->xattrs = NULL;
	if (copy_text(&x->path, from->path) == -1 ||
	    copy_text(&x->link, from->link) == -1 ||
	    copy_text(&x->uname, from->uname) == -1 ||
	    copy_text(&x->gname, from->gname) == -1 ||
	    copy_xattrs(&x->xattrs, from->xattrs) == -1) {
		listing_entry_clear(x);
		return err_set(e, ERR_NOMEM, "out of memory for a listing");
	}
	l->n++;
	return 0;
}

int
listing_compare_paths(const char *a, const char *b)
{
	bool root_a = strcmp(a, ".") == 0, root_b = strcmp(b, ".") == 0;

	if (root_a || root_b)
		return (int)root_b - (int)root_a;
	return strcmp(a, b);
}

static int
compare_to_path(const void *path, const void *entry)
{
	return listing_compare_paths(path, ((const struct entry *)entry)->path);
}

long
listing_find(const struct listing *l, const char *path)
{
	const struct entry *x;

	if (l->n == 0)
		return -1;
	x = bsearch(path, l->entries, l->n, sizeof *x, compare_to_path);
	return x == NULL ? -1 : (long)(x - l->entries);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_xattrs(const struct entry_xattr *a, const struct entry_xattr *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		if (strcmp(a->name, b->name) != 0 || a->size != b->size ||
		    (a->size > 0 && memcmp(a->value, b->value, a->size) != 0))
			return false;
	return a == b;
}

bool
entry_same_meta(const struct entry *a, const struct entry *b)
{
	return a->mode == b->mode && a->has_owner == b->has_owner &&
	    (!a->has_owner || (a->uid == b->uid && a->gid == b->gid &&
		same_text(a->uname, b->uname) && same_text(a->gname, b->gname))) &&
	    same_xattrs(a->xattrs, b->xattrs);
}
