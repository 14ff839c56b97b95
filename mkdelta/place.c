#include <sys/stat.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "mkdelta/place.h"

int
place_open(const char *path, struct place *p, struct err *e)
{
	char parent[PATH_MAX];
	size_t n = strlen(path), from;

	p->at = -1;
	while (n > 1 && path[n - 1] == '/')
		n--;
	for (from = n; from > 0 && path[from - 1] != '/'; from--)
		continue;
	if (n - from >= sizeof p->name || from >= sizeof parent)
		return err_set(e, ERR_USAGE, "%.200s: too long a name", path);
	(void)snprintf(p->name, sizeof p->name, "%.*s", (int)(n - from), path + from);
	(void)snprintf(parent, sizeof parent, "%.*s", (int)from, path);
	if (!fs_rel_is_safe(p->name))
		return err_set(e, ERR_USAGE, "%s: give the path with its last name",
		    path);
	p->at = fs_open_dir(from == 0 ? "." : parent, e);
	return p->at == -1 ? -1 : 0;
}

void
place_close(struct place *p)
{
	if (p->at != -1)
		(void)close(p->at);
	p->at = -1;
}

int
place_make_dir(const char *path, mode_t mode, struct err *e)
{
	struct place p;
	struct stat st;
	int rc;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (place_open(path, &p, e) == -1)
		return -1;
	rc = fs_mkdir(p.at, p.name, mode, e);
	if (rc == 0)
		rc = fs_sync_dir(p.at, ".", e);
	place_close(&p);
	return rc;
}

/* The absolute path of what may not exist yet: its folder must. */
static char *
absolute(const char *path)
{
	struct err ignored = ERR_INIT;
	struct place p;
	char *real = realpath(path, NULL), *dir, *out = NULL;
	char parent[PATH_MAX];
	size_t n;

	if (real != NULL || place_open(path, &p, &ignored) == -1)
		return real;
	n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	n -= strlen(p.name);
	(void)snprintf(parent, sizeof parent, "%.*s", (int)n, path);
	if ((dir = realpath(n == 0 ? "." : parent, NULL)) != NULL &&
	    asprintf(&out, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, p.name) == -1)
		out = NULL;
	place_close(&p);
	free(dir);
	return out;
}

bool
place_is_inside(const char *outer, const char *inner)
{
	char *out = absolute(outer), *in = absolute(inner);
	size_t n = out == NULL ? 0 : strlen(out);
	bool inside = out != NULL && in != NULL && strncmp(out, in, n) == 0 &&
	    (in[n] == '\0' || in[n] == '/' || out[n - 1] == '/');

	free(out);
	free(in);
	return inside;
}
