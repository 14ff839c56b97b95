#include <sys/xattr.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mkdelta/xattr.h"

enum { NAMES_MAX = 65536, VALUE_MAX = 65536 };	/* Linux allows no more */

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

bool
xattr_is_ours(const char *name)
{
	return strcmp(name, "security.selinux") != 0 && !begins_with(name, "system.") &&
	    !begins_with(name, "trusted.overlay.");
}

void
xattr_free(struct entry_xattr *a)
{
	struct entry_xattr *next;

	for (; a != NULL; a = next) {
		next = a->next;
		free(a->name);
		free(a->value);
		free(a);
	}
}

/* Put one attribute where it belongs in the sorted list. */
static int
add_one(int fd, const char *name, uint8_t *value, struct entry_xattr **list,
    struct err *e)
{
	ssize_t n = fgetxattr(fd, name, value, VALUE_MAX);
	struct entry_xattr *a;

	if (n == -1)
		return errno == ENODATA ? err_set(e, ERR_FAIL, "attributes changed")
					: err_sys(e, "read attribute %s", name);
	if ((a = calloc(1, sizeof *a)) == NULL || (a->name = strdup(name)) == NULL ||
	    (a->value = malloc((size_t)n + 1)) == NULL) {
		xattr_free(a);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	memcpy(a->value, value, (size_t)n);
	a->size = (size_t)n;
	while (*list != NULL && strcmp((*list)->name, name) < 0)
		list = &(*list)->next;
	a->next = *list;
	*list = a;
	return 0;
}

int
xattr_read(int fd, struct entry_xattr **out, struct err *e)
{
	struct entry_xattr *list = NULL;
	char *names = malloc(NAMES_MAX + 1);
	uint8_t *value = malloc(VALUE_MAX);
	ssize_t n;
	int rc = -1;

	*out = NULL;
	if (names == NULL || value == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if ((n = flistxattr(fd, names, NAMES_MAX)) == -1) {
		rc = errno == ENOTSUP ? 0 : err_sys(e, "list attributes");
		goto out;
	}
	names[n] = '\0';
	for (const char *p = names; p < names + n; p += strlen(p) + 1)
		if (xattr_is_ours(p) && add_one(fd, p, value, &list, e) == -1)
			goto out;
	*out = list;
	list = NULL;
	rc = 0;
out:
	xattr_free(list);
	free(names);
	free(value);
	return rc;
}
