#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "apply/persist.h"

enum { NOTE_MAX = 1 << 20 };

int
persist_shared_path(const struct conf *conf, struct buf *out, struct err *e)
{
	size_t n = strlen(conf->root), name;

	while (n > 1 && conf->root[n - 1] == '/')
		n--;
	if (conf->swap == SWAP_SYMLINK)
		return buf_addf(out, e, "%.*s/shared", (int)n, conf->root);
	for (name = n; name > 0 && conf->root[name - 1] != '/';)
		name--;
	return buf_addf(out, e, "%.*s.%.*s.delta/shared", (int)name, conf->root,
	    (int)(n - name), conf->root + name);
}

static const struct persist_path *
find(const struct persist_mask *mask, const char *path)
{
	for (size_t i = 0; i < mask->n; i++)
		if (strcmp(mask->paths[i].path, path) == 0)
			return &mask->paths[i];
	return NULL;
}

static int
add(struct persist_mask *mask, const char *path, size_t n, bool copy, bool noted,
    struct err *e)
{
	struct persist_path *more;
	char *own;

	if ((own = strndup(path, n)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for persist paths");
	if (!fs_rel_is_safe(own)) {
		free(own);
		return err_set(e, ERR_FORMAT,
		    "persist path %.*s: not a path below the tree", (int)n, path);
	}
	if (find(mask, own) != NULL) {
		free(own);
		return 0;
	}
	more = realloc(mask->paths, (mask->n + 1) * sizeof *more);
	if (more == NULL) {
		free(own);
		return err_set(e, ERR_NOMEM, "out of memory for persist paths");
	}
	mask->paths = more;
	more[mask->n++] = (struct persist_path){ own, copy, noted };
	return 0;
}

static int
parse_note(const char *text, struct persist_mask *mask, struct err *e)
{
	const char *end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		bool copy = strncmp(text, "copy ", 5) == 0;

		if (!copy && strncmp(text, "link ", 5) != 0)
			return err_set(e, ERR_FORMAT,
			    PERSIST_NOTE ": not a note of paths");
		if (add(mask, text + 5, (size_t)(end - text) - 5, copy, true, e) == -1)
			return err_wrap(e, PERSIST_NOTE);
	}
	return *text == '\0' ? 0 : err_set(e, ERR_FORMAT, PERSIST_NOTE ": cut short");
}

static int
add_list(struct persist_mask *mask, const struct conf_list *list, bool copy,
    struct err *e)
{
	for (int i = 0; i < list->n; i++)
		if (add(mask, list->items[i], strlen(list->items[i]), copy, false,
		    e) == -1)
			return -1;
	return 0;
}

int
persist_mask_read(int tree, const struct conf *conf, struct persist_mask *mask,
    struct err *e)
{
	struct buf text = BUF_INIT(NOTE_MAX);
	int rc = -1;

	memset(mask, 0, sizeof *mask);
	if (tree != -1 && fs_read_file(tree, PERSIST_NOTE, &text, e) == -1 &&
	    e->code != ERR_ABSENT)
		goto out;
	if (parse_note(buf_text(&text), mask, e) == -1)
		goto out;
	rc = conf == NULL || (add_list(mask, &conf->persist, false, e) == 0 &&
	    add_list(mask, &conf->persist_copy, true, e) == 0) ? 0 : -1;
out:
	if (rc == -1)
		persist_mask_clear(mask);
	buf_free(&text);
	return rc;
}

void
persist_mask_clear(struct persist_mask *mask)
{
	for (size_t i = 0; i < mask->n; i++)
		free(mask->paths[i].path);
	free(mask->paths);
	memset(mask, 0, sizeof *mask);
}

/* Is `path` strictly below `folder`? */
static bool
is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

enum persist_place
persist_place(const struct persist_mask *mask, const char *path,
    const struct persist_path **which)
{
	enum persist_place place = PERSIST_NOT;

	for (size_t i = 0; i < mask->n; i++) {
		const struct persist_path *p = &mask->paths[i];
		enum persist_place here = PERSIST_NOT;

		if (strcmp(path, p->path) == 0)
			here = PERSIST_AT;
		else if (is_below(path, p->path))
			here = PERSIST_BELOW;
		else if (is_below(p->path, path))
			here = PERSIST_ABOVE;
		if (here > place) {
			place = here;
			if (which != NULL)
				*which = p;
		}
	}
	return place;
}

int
persist_where(const struct persist_mask *mask, const char *path, struct buf *out,
    struct err *e)
{
	const struct persist_path *which = NULL;
	enum persist_place place = persist_place(mask, path, &which);

	buf_reset(out);
	if (place >= PERSIST_AT && which->noted &&
	    buf_add_text(out, PERSIST_SEED "/", e) == -1)
		return -1;
	return buf_add_text(out, path, e);
}
