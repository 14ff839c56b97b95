#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs_names_list.h"

static int
add(struct fs_names *list, const char *name, struct err *e)
{
	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? 32 : list->cap * 2;
		char **names = reallocarray(list->names, cap, sizeof *names);

		if (names == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		list->names = names;
		list->cap = cap;
	}
	if ((list->names[list->n] = strdup(name)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	list->n++;
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
fs_names_read(struct fs_names *list, int dir, struct err *e)
{
	struct dirent *entry;
	DIR *stream = NULL;
	int fd, rc = 0;

	memset(list, 0, sizeof *list);
	if ((fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    (stream = fdopendir(fd)) == NULL) {
		(void)err_sys(e, "read the folder");
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	while (errno = 0, rc == 0 && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = add(list, entry->d_name, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "read the folder");
	(void)closedir(stream);
	if (rc == -1)
		fs_names_free(list);
	else if (list->n > 1)
		qsort(list->names, list->n, sizeof *list->names, by_bytes);
	return rc;
}

void
fs_names_free(struct fs_names *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
	memset(list, 0, sizeof *list);
}
