#include <stdio.h>
#include <string.h>

#include "mkdelta/encode/match_name.h"

#include "mkdelta/encode/match.h"

static const char *const packed_ends[] = { ".gz", ".xz", ".zst", NULL };

enum { END_MAX = 5, PATH_TEXT_MAX = 4200 };

/* The end of the name that says so, or NULL. */
static const char *
packed_end(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; packed_ends[i] != NULL; i++) {
		size_t end = strlen(packed_ends[i]);

		if (n > end && strcmp(path + n - end, packed_ends[i]) == 0)
			return path + n - end;
	}
	return NULL;
}

bool
match_is_packed(const char *path)
{
	return packed_end(path) != NULL;
}

/* The same name, packed on the one side only. */
static long
find_repacked(const struct match_names *names, const char *path)
{
	const char *end = packed_end(path);
	size_t n = end == NULL ? strlen(path) : (size_t)(end - path);
	char text[PATH_TEXT_MAX + END_MAX];
	long at = -1;

	if (n >= PATH_TEXT_MAX)
		return -1;
	memcpy(text, path, n);
	text[n] = '\0';
	if (end != NULL && (at = match_names_find(names, text)) != -1)
		return at;
	for (size_t i = 0; at == -1 && packed_ends[i] != NULL; i++) {
		(void)snprintf(text + n, END_MAX, "%s", packed_ends[i]);
		at = match_names_find(names, text);
	}
	return at;
}

int
match_ancestors(const struct listing *from, const struct listing *to,
    const size_t *outputs, size_t n, size_t *ancestors, struct err *e)
{
	struct match_names *names = match_names_new(from, e);

	if (names == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct entry *x = &to->entries[outputs[i]];
		long at = listing_find(from, x->path);

		if ((at == -1 || from->entries[at].type != ENTRY_FILE) && x->size > 0)
			at = match_names_find(names, x->path);
		if (at == -1 && x->size > 0)
			at = find_repacked(names, x->path);
		ancestors[i] = at == -1 || from->entries[at].type != ENTRY_FILE ?
		    NO_ANCESTOR : listing_group_first(from, (size_t)at);
	}
	match_names_free(names);
	return 0;
}
