#include "mkdelta/match_name.h"

#include "mkdelta/match.h"

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
		ancestors[i] = at == -1 || from->entries[at].type != ENTRY_FILE ?
		    NO_ANCESTOR : listing_group_first(from, (size_t)at);
	}
	match_names_free(names);
	return 0;
}
