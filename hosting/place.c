#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "hosting/place.h"

int
place_split(const char *path, char **above, char **name, struct err *e)
{
	size_t end = strlen(path), start;
	char *folder;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	*above = NULL;
	*name = strndup(path + start, end - start);
	folder = start == 0 ? strdup(".") : strndup(path, start);
	if (*name == NULL || folder == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else
		*above = fs_real_path(folder, e);
	free(folder);
	if (*above == NULL)
		free(*name);
	return *above == NULL ? -1 : 0;
}

int
place_make(const char *path, mode_t mode, int *fd, struct err *e)
{
	char *above, *name;
	int parent, rc = -1;

	if ((*fd = fs_open_dir(path, e)) != -1)
		return 0;
	if (e->code != ERR_ABSENT || place_split(path, &above, &name, e) == -1)
		return -1;
	if ((parent = fs_open_dir(above, e)) != -1) {
		if (fs_mkdir(parent, name, mode, e) == 0 &&
		    fs_sync_dir(parent, ".", e) == 0) {
			*fd = fs_open_dir_at(parent, name, e);
			rc = *fd == -1 ? -1 : 0;
		}
		(void)close(parent);
	}
	free(above);
	free(name);
	return rc;
}

char *
place_real(const char *path, struct err *e)
{
	char *real = fs_real_path(path, e), *above, *name;

	if (real != NULL || e->code != ERR_ABSENT ||
	    place_split(path, &above, &name, e) == -1)
		return real;
	if (asprintf(&real, "%s/%s", strcmp(above, "/") == 0 ? "" : above, name) == -1) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		real = NULL;
	}
	free(above);
	free(name);
	return real;
}

/* One inside the other would publish itself, or the temporary files. */
int
place_apart(const char *repo, const char *dest, struct err *e)
{
	char *a = fs_real_path(repo, e), *b = a == NULL ? NULL : place_real(dest, e);
	size_t na, nb;
	int rc = -1;

	if (a == NULL || b == NULL)
		goto out;
	na = strlen(a);
	nb = strlen(b);
	if ((strncmp(a, b, na) == 0 && (b[na] == '/' || b[na] == '\0')) ||
	    (strncmp(a, b, nb) == 0 && a[nb] == '/'))
		rc = err_set(e, ERR_USAGE, "%s and %s: one lies in the other", repo,
		    dest);
	else
		rc = 0;
out:
	free(a);
	free(b);
	return rc;
}
