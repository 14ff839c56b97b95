/*
 * Paths are kept backwards, each run of digits as one '0', and sorted: those with
 * the longest common end are neighbours.  Of those that differ in numbers alone the one
 * whose numbers agree longest from the end is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "mkdelta/encode/match_name.h"

struct named {
	char *key;
	char *path;		/* backwards, as it is */
	size_t entry;
};

struct match_names {
	struct named *list;
	size_t n;
};

/* `out` has room for the path.  Returns the length of the last component's part. */
static size_t
make_key(const char *path, char *out)
{
	size_t n = strlen(path), at = 0, name = 0;

	while (n > 0) {
		char c = path[--n];

		if (c >= '0' && c <= '9') {
			while (n > 0 && path[n - 1] >= '0' && path[n - 1] <= '9')
				n--;
			c = '0';
		}
		if (c == '/' && name == 0)
			name = at;
		out[at++] = c;
	}
	out[at] = '\0';
	return name == 0 ? at : name;
}

static void
turn(const char *path, char *out)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < n; i++)
		out[i] = path[n - 1 - i];
	out[n] = '\0';
}

static int
compare_names(const struct named *a, const struct named *b)
{
	int order = strcmp(a->key, b->key);

	return order != 0 ? order : strcmp(a->path, b->path);
}

static int
compare(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int order = compare_names(a, b);

	if (order != 0)
		return order;
	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

struct match_names *
match_names_new(const struct listing *l, struct err *e)
{
	struct match_names *m = calloc(1, sizeof *m);

	if (m == NULL || (m->list = calloc(l->n + 1, sizeof *m->list)) == NULL)
		goto fail;
	for (size_t i = 0; i < l->n; i++) {
		if (l->entries[i].type != ENTRY_FILE)
			continue;
		m->list[m->n].entry = i;
		m->list[m->n].key = malloc(strlen(l->entries[i].path) + 1);
		m->list[m->n].path = malloc(strlen(l->entries[i].path) + 1);
		if (m->list[m->n].key == NULL || m->list[m->n].path == NULL) {
			m->n++;
			goto fail;
		}
		turn(l->entries[i].path, m->list[m->n].path);
		(void)make_key(l->entries[i].path, m->list[m->n++].key);
	}
	qsort(m->list, m->n, sizeof *m->list, compare);
	return m;
fail:
	(void)err_set(e, ERR_NOMEM, "out of memory");
	match_names_free(m);
	return NULL;
}

void
match_names_free(struct match_names *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->list != NULL && i < m->n; i++) {
		free(m->list[i].key);
		free(m->list[i].path);
	}
	free(m->list);
	free(m);
}

static size_t
common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

/* Do both hold the same last component and nothing less? */
static int
same_name(const char *key, size_t common, size_t name)
{
	return common >= name && (key[name] == '\0' || key[name] == '/');
}

long
match_names_find(const struct match_names *m, const char *path)
{
	char key[4200], turned[4200];
	const struct named wanted = { key, turned, 0 };
	size_t name, low = 0, high = m->n, best = 0, exact = 0;
	long found = -1;

	if (strlen(path) >= sizeof key)
		return -1;
	name = make_key(path, key);
	turn(path, turned);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_names(&m->list[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low == 0 ? 0 : low - 1; i <= low && i < m->n; i++) {
		size_t n = common(m->list[i].key, key);
		size_t raw = common(m->list[i].path, turned);

		if ((n > best || (n == best && raw > exact)) &&
		    same_name(m->list[i].key, n, name)) {
			best = n;
			exact = raw;
			found = (long)m->list[i].entry;
		}
	}
	return found;
}
