#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "manifest/base/fs_resolve.h"

enum { REL_MAX = 4096 };

/* Set once when the kernel (or a seccomp filter) has no openat2.  Two threads
 * may both find out; they write the same value. */
static _Atomic bool walk_only;

void
fs_resolve_by_walk(bool on)
{
	walk_only = on;
}

bool
fs_rel_is_safe(const char *rel)
{
	const char *p = rel;

	if (*p == '\0' || strnlen(rel, REL_MAX + 1) > REL_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
}

/* A symlink opened as a folder fails with ENOTDIR; say ELOOP as openat2 does. */
static int
name_the_loop(int dir, const char *name)
{
	struct stat st;
	int sys = errno;

	if (sys == ENOTDIR &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		sys = ELOOP;
	errno = sys;
	return -1;
}

static int
open_part(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd == -1 ? name_the_loop(dir, name) : fd;
}

static int
walk(int at, const char *rel, int flags)
{
	char name[NAME_MAX + 1];
	int dir = at, fd = -1;

	for (const char *p = rel;;) {
		size_t n = strcspn(p, "/");
		int sys;

		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			fd = -1;
		} else {
			memcpy(name, p, n);
			name[n] = '\0';
			fd = open_part(dir, name,
			    p[n] == '\0' ? flags : O_PATH | O_DIRECTORY);
		}
		sys = errno;
		if (dir != at)
			(void)close(dir);
		errno = sys;
		if (fd == -1 || p[n] == '\0')
			return fd;
		dir = fd;
		p += n + 1;
	}
}

int
fs_resolve(int at, const char *rel, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	if (strcmp(rel, ".") == 0)
		return openat(at, ".", (int)flags | O_CLOEXEC);
	/* EAGAIN: a rename went on meanwhile and the kernel cannot be sure. */
	for (int tries = 0; !walk_only && tries < 16; tries++) {
		long fd = syscall(SYS_openat2, at, rel, &how, sizeof how);

		if (fd != -1)
			return (int)fd;
		if (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG)
			break;
		if (errno != EAGAIN && errno != EINTR)
			return -1;
	}
	if (errno == ENOSYS)
		walk_only = true;
	return walk(at, rel, (int)flags);
}

int
fs_place_find(struct fs_place *place, int at, const char *rel, struct err *e)
{
	char parent[REL_MAX + 1];
	const char *slash;

	place->dir = at;
	place->last = rel;
	place->own = false;
	if (strcmp(rel, ".") == 0)
		return 0;
	if (!fs_rel_is_safe(rel))
		return err_set(e, ERR_FORMAT, "%s: not a path below a folder", rel);
	if ((slash = strrchr(rel, '/')) == NULL)
		return 0;
	memcpy(parent, rel, (size_t)(slash - rel));
	parent[slash - rel] = '\0';
	if ((place->dir = fs_resolve(at, parent, O_PATH | O_DIRECTORY)) == -1)
		return err_sys(e, "%s", rel);
	place->own = true;
	place->last = slash + 1;
	return 0;
}

void
fs_place_end(struct fs_place *place)
{
	int sys = errno;

	if (place->own)
		(void)close(place->dir);
	place->own = false;
	errno = sys;
}
