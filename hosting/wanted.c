#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/hash.h"

#include "hosting/view.h"

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

/* Is it here, whole?  1, 0, -1. */
static int
is_here(int repo, const char *file, const struct object *o, struct err *e)
{
	struct sha256 got;
	struct stat st;
	int fd, rc;

	if ((rc = fs_stat_at(repo, file, &st, e)) != 1)
		return rc;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != o->bytes)
		return 0;
	if ((fd = fs_open_file(repo, file, NULL, e)) == -1)
		return -1;
	rc = sha256_of_fd(fd, &got, NULL, e);
	(void)close(fd);
	return rc == -1 ? -1 : sha256_equal(&got, &o->sha256);
}

static int
fetch_object(const struct site *s, int repo, const char *file, const struct object *o,
    const char *parts, struct err *e)
{
	char partial[SHA256_HEX_MAX + 32], hex[SHA256_HEX_MAX], folder[VIEW_FILE_MAX];

	(void)snprintf(partial, sizeof partial, "%.16s/%s.part", parts,
	    sha256_hex(&o->sha256, hex));
	(void)snprintf(folder, sizeof folder, "%s", file);
	*strrchr(folder, '/') = '\0';
	if (fs_mkdirs(repo, folder, 0755, e) == -1 ||
	    site_fetch(s, file, o, repo, file, partial, e) == -1)
		return -1;
	return fs_sync_dir(repo, folder, e);
}

int
wanted_missing(const struct wanted *w, int dir, uint64_t *objects, uint64_t *bytes,
    uint64_t *kept, struct err *e)
{
	char file[VIEW_FILE_MAX];

	for (size_t i = 0; i < w->n; i++) {
		const struct object *o = &w->objects[i];
		int here = is_here(dir, view_object_file(o, file), o, e);

		if (here == -1)
			return -1;
		*kept += here == 1;
		*objects += here == 0;
		*bytes += here == 0 ? o->bytes : 0;
	}
	return 0;
}

int
wanted_fetch(const struct wanted *w, const struct site *s, int dir, const char *parts,
    struct err *e)
{
	char file[VIEW_FILE_MAX];

	for (size_t i = 0; i < w->n; i++) {
		const struct object *o = &w->objects[i];
		int here = is_here(dir, view_object_file(o, file), o, e);

		if (here == -1)
			return -1;
		if (here == 1 || fetch_object(s, dir, file, o, parts, e) == 0)
			continue;
		if (e->code == ERR_ABSENT)
			e->code = ERR_NET;	/* the host is not complete */
		return -1;
	}
	return 0;
}
