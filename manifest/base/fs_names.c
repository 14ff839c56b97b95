/*
 * Names: making, linking, renaming and removing them.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_resolve.h"

#include "manifest/base/fs_change.h"

/* A folder that mkdirat just made gets its mode where the umask or a set-group
 * parent came between. */
static int
dir_mode(int dir, const char *name, mode_t mode)
{
	struct stat st;
	int fd, rc = -1, sys;

	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0)
		rc = (st.st_mode & 07777) == mode ? 0 : fchmod(fd, mode);
	sys = errno;
	(void)close(fd);
	errno = sys;
	return rc;
}

int
fs_mkdir(int at, const char *rel, mode_t mode, struct err *e)
{
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	rc = mkdirat(place.dir, place.last, mode | 0700);
	if (rc == 0)
		rc = dir_mode(place.dir, place.last, mode);
	fs_place_end(&place);
	return rc == -1 ? err_sys(e, "%s", rel) : 0;
}

/* rel is there as a folder (not a symlink to one). */
static int
expect_dir(int at, const char *rel, struct err *e)
{
	int fd = fs_resolve(at, rel, O_PATH | O_DIRECTORY);

	if (fd == -1)
		return err_sys(e, "%s", rel);
	(void)close(fd);
	return 0;
}

int
fs_mkdirs(int at, const char *rel, mode_t mode, struct err *e)
{
	char path[PATH_MAX + 1];
	size_t len = strlen(rel);

	if (strcmp(rel, ".") == 0)
		return 0;
	if (!fs_rel_is_safe(rel) || len >= sizeof path)
		return err_set(e, ERR_FORMAT, "%s: not a path below a folder", rel);
	memcpy(path, rel, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (rel[i] != '/' && rel[i] != '\0')
			continue;
		path[i] = '\0';
		if (fs_mkdir(at, path, i == len ? mode : 0755, e) == -1 &&
		    (e->sys != EEXIST || expect_dir(at, path, e) == -1))
			return -1;
		path[i] = rel[i];
	}
	err_clear(e);
	return 0;
}

int
fs_symlink(int at, const char *target, const char *rel, struct err *e)
{
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	rc = symlinkat(target, place.dir, place.last);
	fs_place_end(&place);
	return rc == -1 ? err_sys(e, "%s", rel) : 0;
}

int
fs_link_fd(int fd, int at, const char *rel, struct err *e)
{
	char self[40];
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	rc = linkat(fd, "", place.dir, place.last, AT_EMPTY_PATH);
	/* Without CAP_DAC_READ_SEARCH the kernel hides the file: ENOENT. */
	if (rc == -1 && (errno == ENOENT || errno == EPERM)) {
		(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
		rc = linkat(AT_FDCWD, self, place.dir, place.last,
		    AT_SYMLINK_FOLLOW);
	}
	fs_place_end(&place);
	return rc == -1 ? err_sys(e, "%s", rel) : 0;
}

/* Two places at once; neither is open when it fails. */
static int
find_both(struct fs_place *a, int a_at, const char *a_rel,
    struct fs_place *b, int b_at, const char *b_rel, struct err *e)
{
	if (fs_place_find(a, a_at, a_rel, e) == -1)
		return -1;
	if (fs_place_find(b, b_at, b_rel, e) == -1) {
		fs_place_end(a);
		return -1;
	}
	return 0;
}

int
fs_link(int from_at, const char *from, int at, const char *rel, struct err *e)
{
	struct fs_place a, b;
	int rc;

	if (find_both(&a, from_at, from, &b, at, rel, e) == -1)
		return -1;
	rc = linkat(a.dir, a.last, b.dir, b.last, 0);
	fs_place_end(&a);
	fs_place_end(&b);
	return rc == -1 ? err_sys(e, "link %s to %s", rel, from) : 0;
}

int
fs_rename(int from_at, const char *from, int at, const char *to, struct err *e)
{
	struct fs_place a, b;
	int rc;

	if (find_both(&a, from_at, from, &b, at, to, e) == -1)
		return -1;
	rc = renameat(a.dir, a.last, b.dir, b.last);
	fs_place_end(&a);
	fs_place_end(&b);
	return rc == -1 ? err_sys(e, "rename %s to %s", from, to) : 0;
}

static int
rename_by(unsigned flags, int a_at, const char *a_rel, int b_at,
    const char *b_rel)
{
	struct fs_place a, b;
	struct err ignored;
	int rc;

	if (find_both(&a, a_at, a_rel, &b, b_at, b_rel, &ignored) == -1) {
		errno = ignored.sys != 0 ? ignored.sys : EINVAL;
		return -1;
	}
	rc = renameat2(a.dir, a.last, b.dir, b.last, flags);
	fs_place_end(&a);
	fs_place_end(&b);
	return rc;
}

int
fs_rename_new(int from_at, const char *from, int at, const char *to, struct err *e)
{
	if (rename_by(RENAME_NOREPLACE, from_at, from, at, to) == -1)
		return err_sys(e, "rename %s to %s", from, to);
	return 0;
}

int
fs_exchange(int a_at, const char *a, int b_at, const char *b, struct err *e)
{
	if (rename_by(RENAME_EXCHANGE, a_at, a, b_at, b) == -1)
		return err_sys(e, "exchange %s and %s", a, b);
	return 0;
}

static int
unlink_by(int flags, int at, const char *rel, struct err *e)
{
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return e->sys == ENOENT ? 0 : -1;
	rc = unlinkat(place.dir, place.last, flags);
	fs_place_end(&place);
	if (rc == -1 && errno != ENOENT)
		return err_sys(e, "remove %s", rel);
	return 0;
}

int
fs_unlink(int at, const char *rel, struct err *e)
{
	return unlink_by(0, at, rel, e);
}

int
fs_rmdir(int at, const char *rel, struct err *e)
{
	return unlink_by(AT_REMOVEDIR, at, rel, e);
}
