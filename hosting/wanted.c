#include <stdlib.h>
#include <string.h>

#include "hosting/wanted.h"

int
wanted_add(struct wanted *w, const struct object *o, struct err *e)
{
	struct object *more;

	for (size_t i = 0; i < w->n; i++)
		if (sha256_equal(&w->objects[i].sha256, &o->sha256) &&
		    strcmp(w->objects[i].path, o->path) == 0)
			return 0;
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 64 : 2 * w->cap;

		if ((more = realloc(w->objects, cap * sizeof *more)) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		w->objects = more;
		w->cap = cap;
	}
	w->objects[w->n++] = *o;
	return 0;
}

void
wanted_clear(struct wanted *w)
{
	free(w->objects);
	memset(w, 0, sizeof *w);
}
