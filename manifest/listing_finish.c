#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/listing_index.h"
#include "manifest/listing_text.h"

#include "manifest/listing.h"

static int
compare_entries(const void *a, const void *b)
{
	return listing_compare_paths(((const struct entry *)a)->path,
	    ((const struct entry *)b)->path);
}

/* Components of 1 to 255 bytes, none of them "." or "..". */
static bool
path_is_safe(const char *path)
{
	size_t n;

	if (strlen(path) > LISTING_PATH_MAX)
		return false;
	for (;; path += n + 1) {
		n = strcspn(path, "/");
		if (n == 0 || n > LISTING_NAME_MAX || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[n] == '\0')
			return true;
	}
}

/* Does the folder that holds this path stand in the listing? */
static bool
parent_is_dir(const struct listing *l, const char *path)
{
	char parent[LISTING_PATH_MAX + 1] = ".";
	const char *slash = strrchr(path, '/');
	long at;

	if (slash != NULL) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
	}
	at = listing_find(l, parent);
	return at != -1 && l->entries[at].type == ENTRY_DIR;
}

static bool
text_fits(const char *text, size_t max)
{
	return text != NULL && text[0] != '\0' && strlen(text) <= max;
}

static int
check_xattrs(const struct entry *x, struct err *e)
{
	const char *last = "";

	for (const struct entry_xattr *a = x->xattrs; a != NULL; a = a->next) {
		if (!text_fits(a->name, LISTING_NAME_MAX) || a->size > LISTING_XATTR_MAX)
			return err_set(e, ERR_FORMAT, "an attribute over its limit");
		if (strcmp(a->name, last) <= 0)
			return err_set(e, ERR_FORMAT, "attributes out of order");
		last = a->name;
	}
	return 0;
}

/* Clear what has no meaning for the entry's type, so that equal trees have
 * equal entries. */
static void
normalize(struct entry *x)
{
	if (x->type != ENTRY_FILE) {
		x->size = 0;
		x->has_sha256 = false;
		x->group = 0;
	}
	if (x->type != ENTRY_LINK) {
		free(x->link);
		x->link = NULL;
	} else {
		x->mode = 0777;
	}
	if (!x->has_owner) {
		free(x->uname);
		free(x->gname);
		x->uname = x->gname = NULL;
		x->uid = x->gid = 0;
	}
	x->nlink = 1;
}

static int
check_entry(const struct listing *l, size_t i, struct err *e)
{
	const struct entry *x = &l->entries[i];

	if (i == 0 && (strcmp(x->path, ".") != 0 || x->type != ENTRY_DIR))
		return err_set(e, ERR_FORMAT, "the root '.' is no folder or not there");
	if (i > 0 && !path_is_safe(x->path))
		return err_set(e, ERR_FORMAT, "an unsafe path");
	if (i > 0 && strcmp(x->path, l->entries[i - 1].path) == 0)
		return err_set(e, ERR_FORMAT, "twice");
	if (i > 0 && !parent_is_dir(l, x->path))
		return err_set(e, ERR_FORMAT, "is not inside a folder of the listing");
	if ((x->mode & ~(uint32_t)07777) != 0 || x->size > INT64_MAX)
		return err_set(e, ERR_FORMAT, "a mode or size over its limit");
	if (x->type == ENTRY_LINK && !text_fits(x->link, LISTING_PATH_MAX))
		return err_set(e, ERR_FORMAT,
		    "a link without a target, or over its limit");
	if ((x->uname != NULL && !text_fits(x->uname, LISTING_NAME_MAX)) ||
	    (x->gname != NULL && !text_fits(x->gname, LISTING_NAME_MAX)))
		return err_set(e, ERR_FORMAT, "an owner's name over its limit");
	return check_xattrs(x, e);
}

struct member {
	uint32_t group;		/* as given */
	size_t at;
};

static int
compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int
check_same_inode(const struct entry *a, const struct entry *b, struct err *e)
{
	if (a->size != b->size || a->has_sha256 != b->has_sha256 ||
	    (a->has_sha256 && !sha256_equal(&a->sha256, &b->sha256)) ||
	    !entry_same_meta(a, b))
		return err_set(e, ERR_FORMAT, "%s: differs from %s, its hard link",
		    b->path, a->path);
	return 0;
}

/* One group, m[0..n): the count of its names in each; the place of its first
 * name, plus one, as number for now.  A group of one is none. */
static int
join_group(struct listing *l, const struct member *m, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *x = &l->entries[m[i].at];

		if (check_same_inode(&l->entries[m[0].at], x, e) == -1)
			return -1;
		x->group = n == 1 ? 0 : (uint32_t)m[0].at + 1;
		x->nlink = (uint32_t)n;
	}
	return 0;
}

/* Numbers in order of appearance, and the first name of each for look-up. */
static int
number_groups(struct listing *l, size_t groups, struct err *e)
{
	struct listing_index *index = l->index;

	if ((index->first = calloc(groups, sizeof *index->first)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a listing");
	for (size_t i = 0; i < l->n; i++) {
		struct entry *x = &l->entries[i];

		if (x->group == 0)
			continue;
		if (x->group == i + 1) {
			index->first[index->groups++] = i;
			x->group = (uint32_t)index->groups;
		} else {
			x->group = l->entries[x->group - 1].group;
		}
	}
	return 0;
}

static int
finish_groups(struct listing *l, struct err *e)
{
	struct member *m;
	size_t n = 0, end;
	int rc = 0;

	free(l->index->first);
	l->index->first = NULL;
	l->index->groups = 0;
	if ((m = calloc(l->n, sizeof *m)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a listing");
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].group != 0)
			m[n++] = (struct member){ l->entries[i].group, i };
	qsort(m, n, sizeof *m, compare_members);
	for (size_t at = 0; rc == 0 && at < n; at = end) {
		for (end = at + 1; end < n && m[end].group == m[at].group; end++)
			;
		rc = join_group(l, m + at, end - at, e);
	}
	if (rc == 0 && n > 0)
		rc = number_groups(l, n, e);
	free(m);
	return rc;
}

static int
count_content(struct listing *l, struct err *e)
{
	l->content_bytes = 0;
	l->files = 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct entry *x = &l->entries[i];

		if (x->type != ENTRY_FILE || listing_group_first(l, i) != i)
			continue;
		l->files++;
		if (u64_add(l->content_bytes, x->size, &l->content_bytes) == -1)
			return err_set(e, ERR_FORMAT, "%s: sizes add up over the limit",
			    x->path);
	}
	return 0;
}

int
listing_finish(struct listing *l, struct err *e)
{
	if (l->n == 0)
		return err_set(e, ERR_FORMAT, "listing: no entries");
	free(l->index->by_content);
	l->index->by_content = NULL;
	for (size_t i = 0; i < l->n; i++)
		normalize(&l->entries[i]);
	qsort(l->entries, l->n, sizeof *l->entries, compare_entries);
	for (size_t i = 0; i < l->n; i++)
		if (check_entry(l, i, e) == -1)
			return err_wrap(e, "listing: %s", l->entries[i].path);
	if (finish_groups(l, e) == -1 || count_content(l, e) == -1)
		return err_wrap(e, "listing");
	return 0;
}
