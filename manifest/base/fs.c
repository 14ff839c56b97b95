#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs_resolve.h"

#include "manifest/base/fs.h"

enum { READ_BYTES = 64 * 1024 };

int
fs_open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 ? err_sys(e, "%s", path) : fd;
}

static int
check_rel(const char *rel, struct err *e)
{
	if (strcmp(rel, ".") != 0 && !fs_rel_is_safe(rel))
		return err_set(e, ERR_FORMAT, "%s: not a path below a folder", rel);
	return 0;
}

int
fs_open_dir_at(int at, const char *rel, struct err *e)
{
	int fd;

	if (check_rel(rel, e) == -1)
		return -1;
	if ((fd = fs_resolve(at, rel, O_RDONLY | O_DIRECTORY)) == -1)
		return err_sys(e, "%s", rel);
	return fd;
}

int
fs_open_file(int at, const char *rel, struct stat *st, struct err *e)
{
	struct stat mine;
	int fd;

	if (st == NULL)
		st = &mine;
	if (check_rel(rel, e) == -1)
		return -1;
	fd = fs_resolve(at, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		(void)err_sys(e, "%s", rel);
		/* A symlink, a socket, a device without a driver. */
		if (e->sys == ELOOP || e->sys == ENXIO || e->sys == ENODEV)
			e->code = ERR_POLICY;
		return -1;
	}
	if (fstat(fd, st) == -1) {
		(void)err_sys(e, "%s", rel);
		(void)close(fd);
		return -1;
	}
	if (!S_ISREG(st->st_mode)) {
		(void)close(fd);
		return err_set(e, ERR_POLICY, "%s: not a regular file", rel);
	}
	return fd;
}

int
fs_open_beneath(int at, const char *rel, int flags, mode_t mode, struct err *e)
{
	struct fs_place place;
	int fd;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	/* What may create goes through openat, where tests can cut the power. */
	if ((flags & (O_CREAT | O_TRUNC)) != 0)
		fd = openat(place.dir, place.last,
		    flags | O_NOFOLLOW | O_CLOEXEC, mode);
	else
		fd = fs_resolve(at, rel, (uint64_t)(unsigned)flags);
	fs_place_end(&place);
	return fd == -1 ? err_sys(e, "%s", rel) : fd;
}

int
fs_stat_at(int at, const char *rel, struct stat *st, struct err *e)
{
	struct fs_place place;
	int rc;

	if (fs_place_find(&place, at, rel, e) == -1)
		return e->sys == ENOENT || e->sys == ENOTDIR ? 0 : -1;
	rc = fstatat(place.dir, place.last, st, AT_SYMLINK_NOFOLLOW);
	fs_place_end(&place);
	if (rc == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "%s", rel);
}

int
fs_read_link(int at, const char *rel, struct buf *out, struct err *e)
{
	char target[PATH_MAX + 1];
	struct fs_place place;
	ssize_t n;

	buf_reset(out);
	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	n = readlinkat(place.dir, place.last, target, sizeof target);
	fs_place_end(&place);
	if (n == -1)
		return err_sys(e, "%s", rel);
	if ((size_t)n == sizeof target)
		return err_set(e, ERR_FORMAT, "%s: link target too long", rel);
	if (buf_add(out, target, (size_t)n, e) == -1)
		return err_wrap(e, "%s", rel);
	return 0;
}

/* Is there anything behind the last byte that fits? */
static int
expect_end(int fd, const struct buf *out, struct err *e)
{
	uint8_t byte;
	ssize_t n;

	while ((n = read(fd, &byte, 1)) == -1 && errno == EINTR)
		if (cancel_check(e) == -1)
			return -1;
	if (n == -1)
		return err_sys(e, "read");
	if (n == 1)
		return err_set(e, ERR_FORMAT, "over the limit of %zu bytes", out->max);
	return 0;
}

int
fs_read_fd(int fd, struct buf *out, struct err *e)
{
	for (;;) {
		size_t room = out->max - out->len;
		ssize_t n;

		if (room == 0)
			return expect_end(fd, out, e);
		if (room > READ_BYTES)
			room = READ_BYTES;
		if (buf_reserve(out, room, e) == -1)
			return -1;
		n = read(fd, out->data + out->len, room);
		if (n == 0)
			return 0;
		if (n > 0) {
			out->len += (size_t)n;
			out->data[out->len] = '\0';
		} else if (errno != EINTR) {
			return err_sys(e, "read");
		} else if (cancel_check(e) == -1) {
			return -1;
		}
	}
}

int
fs_read_file(int at, const char *rel, struct buf *out, struct err *e)
{
	int fd, rc;

	if ((fd = fs_open_file(at, rel, NULL, e)) == -1)
		return -1;
	rc = fs_read_fd(fd, out, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", rel) : 0;
}

int
fs_read_path(const char *path, struct buf *out, struct err *e)
{
	int fd, rc;

	if (strcmp(path, "-") == 0) {
		rc = fs_read_fd(STDIN_FILENO, out, e);
		return rc == -1 ? err_wrap(e, "standard input") : 0;
	}
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return err_sys(e, "%s", path);
	rc = fs_read_fd(fd, out, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", path) : 0;
}

int
fs_pread(int fd, void *data, size_t n, uint64_t offset, struct err *e)
{
	uint8_t *p = data;

	if (offset > INT64_MAX - n)
		return err_set(e, ERR_FORMAT, "offset out of range");
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_sys(e, "read");
		if (got == 0)
			return err_set(e, ERR_FORMAT, "the file ends too early");
		p += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int
fs_room(int fd, uint64_t *bytes, uint64_t *inodes, struct err *e)
{
	struct statvfs v;
	int root = geteuid() == 0;
	uint64_t blocks, names;

	if (fstatvfs(fd, &v) == -1)
		return err_sys(e, "free space");
	blocks = root ? v.f_bfree : v.f_bavail;
	names = root ? v.f_ffree : v.f_favail;
	*bytes = blocks * v.f_frsize;
	/* Some filesystems make inodes as they go and count none. */
	*inodes = v.f_files == 0 ? UINT64_MAX : names;
	return 0;
}

char *
fs_real_path(const char *path, struct err *e)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		(void)err_sys(e, "%s", path);
	return real;
}
