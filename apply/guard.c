#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "apply/guard.h"

/* Could somebody other than root replace what lies here? */
static bool
only_root_writes(const struct stat *st)
{
	if (st->st_uid != 0)
		return false;
	/* In a sticky folder nobody renames what is root's. */
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
		return true;
	if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0)
		return false;
	return (st->st_mode & S_IWOTH) == 0;
}

static int
check_one(const char *path, const char *what, bool last, struct err *e)
{
	struct stat st;
	bool sticky;

	if (lstat(path, &st) == -1)
		return err_sys(e, "%s: %s", what, path);
	sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0;
	if (only_root_writes(&st) && !(last && sticky && (st.st_mode & S_IWOTH) != 0))
		return 0;
	(void)err_set(e, ERR_POLICY,
	    "%s: %s may be written by others than root (user %u, "
	    "mode %04o)",
	    what, path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
	return err_hint(e,
	    "chown root and chmod go-w it, or run delta-apply as that user");
}

int
guard_path(const char *path, const char *what, struct err *e)
{
	char *real;
	int rc;

	if (geteuid() != 0 || strcmp(path, "-") == 0)
		return 0;
	if ((real = fs_real_path(path, e)) == NULL)
		return err_wrap(e, "%s", what);
	rc = check_one(real, what, true, e);
	while (rc == 0 && strcmp(real, "/") != 0) {
		char *slash = strrchr(real, '/');

		slash[slash == real ? 1 : 0] = '\0';
		rc = check_one(real, what, false, e);
	}
	free(real);
	return rc;
}
