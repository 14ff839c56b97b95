/*
 * Content: what is in files, their modes, owners and times, and their way to
 * stable storage.
 */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_resolve.h"

#include "manifest/base/fs_change.h"

/* The umask may have taken bits away, a set-group folder may have added one. */
static int
exact_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	return (st.st_mode & 07777) == mode ? 0 : fchmod(fd, mode);
}

int
fs_create(int at, const char *rel, mode_t mode, struct err *e)
{
	struct fs_place place;
	int fd;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	fd = openat(place.dir, place.last,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	fs_place_end(&place);
	if (fd == -1)
		return err_sys(e, "%s", rel);
	if (exact_mode(fd, mode) == -1) {
		(void)err_sys(e, "%s", rel);
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int
open_old(int at, const char *rel, struct err *e)
{
	struct stat st;
	int fd = fs_open_beneath(at, rel, O_RDWR | O_NONBLOCK | O_NOCTTY, 0, e);

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		(void)err_sys(e, "%s", rel);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(e, ERR_POLICY, "%s: not a regular file", rel);
	else
		return fd;
	(void)close(fd);
	return -1;
}

int
fs_open_rw(int at, const char *rel, mode_t mode, struct err *e)
{
	/* Again when somebody made or removed it between the two looks. */
	for (int tries = 0; tries < 8; tries++) {
		int fd = open_old(at, rel, e);

		if (fd != -1 || e->sys != ENOENT)
			return fd;
		fd = fs_create(at, rel, mode, e);
		if (fd != -1 || e->sys != EEXIST)
			return fd;
	}
	return -1;
}

int
fs_write(int fd, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return err_sys(e, "write");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int
fs_pwrite(int fd, const void *data, size_t n, uint64_t offset, struct err *e)
{
	const uint8_t *p = data;

	if (offset > INT64_MAX - n)
		return err_set(e, ERR_FORMAT, "offset out of range");
	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, (off_t)offset);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return err_sys(e, "write");
		p += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

int
fs_truncate(int fd, uint64_t bytes, struct err *e)
{
	if (bytes > INT64_MAX)
		return err_set(e, ERR_FORMAT, "size out of range");
	while (ftruncate(fd, (off_t)bytes) == -1)
		if (errno != EINTR)
			return err_sys(e, "set the size");
	return 0;
}

int
fs_allocate(int fd, uint64_t bytes, struct err *e)
{
	if (bytes == 0)
		return 0;
	if (bytes > INT64_MAX)
		return err_set(e, ERR_FORMAT, "size out of range");
	while (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) == -1) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 0;
		if (errno != EINTR)
			return err_sys(e, "reserve room");
	}
	return 0;
}

int
fs_chmod_fd(int fd, mode_t mode, struct err *e)
{
	return fchmod(fd, mode) == -1 ? err_sys(e, "change the mode") : 0;
}

int
fs_chown_fd(int fd, uid_t uid, gid_t gid, struct err *e)
{
	return fchown(fd, uid, gid) == -1 ? err_sys(e, "change the owner") : 0;
}

int
fs_chown_link(int at, const char *rel, uid_t uid, gid_t gid, struct err *e)
{
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	rc = fchownat(place.dir, place.last, uid, gid, AT_SYMLINK_NOFOLLOW);
	fs_place_end(&place);
	return rc == -1 ? err_sys(e, "%s: change the owner", rel) : 0;
}

int
fs_set_time(int at, const char *rel, int64_t seconds, struct err *e)
{
	const struct timespec both[2] = { { .tv_sec = seconds },
		{ .tv_sec = seconds } };
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	rc = utimensat(place.dir, place.last, both, AT_SYMLINK_NOFOLLOW);
	fs_place_end(&place);
	return rc == -1 ? err_sys(e, "%s: change the time", rel) : 0;
}

int
fs_set_time_fd(int fd, int64_t seconds, struct err *e)
{
	const struct timespec both[2] = { { .tv_sec = seconds },
		{ .tv_sec = seconds } };

	return futimens(fd, both) == -1 ? err_sys(e, "change the time") : 0;
}

int
fs_set_xattr_fd(int fd, const char *name, const void *value, size_t n,
    struct err *e)
{
	if (fsetxattr(fd, name, value, n, 0) == -1)
		return err_sys(e, "set the attribute %s", name);
	return 0;
}

int
fs_sync(int fd, struct err *e)
{
	while (fsync(fd) == -1)
		if (errno != EINTR)
			return err_sys(e, "sync");
	return 0;
}

int
fs_sync_dir(int at, const char *rel, struct err *e)
{
	int fd, rc;

	if ((fd = fs_open_dir_at(at, rel, e)) == -1)
		return -1;
	rc = fs_sync(fd, e);
	(void)close(fd);
	/* A filesystem that keeps its names safe by itself says EINVAL. */
	if (rc == -1 && e->sys == EINVAL)
		return 0;
	return rc == -1 ? err_wrap(e, "%s", rel) : 0;
}

int
fs_sync_all(int fd, struct err *e)
{
	return syncfs(fd) == -1 ? err_sys(e, "sync the filesystem") : 0;
}
