/*
 * device.c - the folders of one application, made, opened and checked.
 */
#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/guard.h"

#include "apply/device.h"

enum { NAME_FILE_MAX = 128 };
#define NAME_FILE ".name"	/* in releases/: whose they are */

static void
device_empty(struct device *d, const struct conf *c)
{
	memset(d, 0, sizeof *d);
	d->conf = c;
	d->base = d->releases = d->shared = d->parent = -1;
	d->state = d->run = d->lock = d->state_lock = d->base_lock = -1;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

void
device_close(struct device *d)
{
	if (d->conf == NULL)
		return;
	close_fd(&d->base_lock);
	close_fd(&d->state_lock);
	close_fd(&d->lock);
	close_fd(&d->shared);
	close_fd(&d->releases);
	close_fd(&d->base);
	close_fd(&d->parent);
	close_fd(&d->state);
	close_fd(&d->run);
	free(d->live_name);
	free(d->root_path);
	d->live_name = d->root_path = NULL;
	d->conf = NULL;
}

/* The length of the longest part of path that is there: "/" at least. */
static size_t
existing_part(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof part)
		return 1;
	memcpy(part, path, n + 1);
	while (n > 1 && access(part, F_OK) == -1) {
		while (n > 1 && part[n - 1] != '/')
			n--;
		part[--n] = '\0';
		n = n == 0 ? 1 : n;
	}
	return n;
}

/* An absolute path, opened; missing folders are made, durably, the last one with
 * mode.  Symlinks that lead there (/var/run) are followed. */
static int
open_path(const char *path, mode_t mode, bool make, const char *key, struct err *e)
{
	size_t there = existing_part(path);
	char *above;
	int at, fd = -1;

	if (path[there] == '\0' || !make) {
		fd = fs_open_dir(path, e);
		return fd != -1 ? fd : err_wrap(e, "%s", key);
	}
	if ((above = strndup(path, there)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	at = fs_open_dir(above, e);
	path += there + (path[there] == '/');
	if (at != -1 && fs_mkdirs(at, path, mode, e) == 0 && fs_sync_all(at, e) == 0)
		fd = fs_open_dir_at(at, path, e);
	if (at != -1)
		(void)close(at);
	(void)(fd != -1 ? 0 : err_wrap(e, "%s: in %s", key, above));
	free(above);
	return fd;
}

static int
refuse(const char *path, const char *fact, const char *hint, struct err *e)
{
	(void)err_set(e, ERR_POLICY, "app.root: %s %s", path, fact);
	return err_hint(e, "%s", hint);
}

static int
check_filesystem(int fd, const char *path, struct err *e)
{
	static const struct {
		uint64_t magic;
		const char *name;
	} without_links[] = {
		{ 0x4d44, "vfat" }, { 0x2011bab0, "exfat" }, { 0x5346544e, "ntfs" },
		{ 0x7366746e, "ntfs" },
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) == -1)
		return err_sys(e, "app.root: %s", path);
	for (size_t i = 0; i < sizeof without_links / sizeof without_links[0]; i++)
		if ((uint64_t)fs.f_type == without_links[i].magic) {
			(void)err_set(e, ERR_POLICY,
			    "app.root: %s is on %s, which has no "
			    "symbolic links and modes",
			    path, without_links[i].name);
			return err_hint(e, "use a filesystem such as ext4");
		}
	return 0;
}

/* What stands at root: nothing yet, or a folder that may be worked in. */
static int
check_root(const struct conf *c, struct err *e)
{
	struct stat st;

	if (lstat(c->root, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "app.root: %s", c->root);
	if (S_ISLNK(st.st_mode))
		return refuse(c->root, "is a symbolic link", "name the folder itself", e);
	if (!S_ISDIR(st.st_mode))
		return refuse(c->root, "is not a folder", "move it away", e);
	return 0;
}

/* The live tree is renamed as a whole: not where something is mounted. */
static int
check_mount(int parent, const char *name, const char *path, struct err *e)
{
	struct statx sx;

	if (statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) ==
	    -1)
		return errno == ENOENT ? 0 : err_sys(e, "app.root: %s", path);
	if ((sx.stx_attributes & sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
		return refuse(path, "is a mount point, which cannot be exchanged",
		    "use a folder below it, or swap = symlink", e);
	return 0;
}

/* Exchange mode: DIR, the live tree's name in it, and DIR/.NAME.delta. */
static int
open_beside(struct device *d, bool make, struct err *e)
{
	const char *root = d->conf->root, *slash = strrchr(root, '/');
	char *dir = NULL, *base = NULL;
	int rc = -1;

	if ((d->live_name = strdup(slash + 1)) == NULL ||
	    (dir = strndup(root, slash == root ? 1 : (size_t)(slash - root))) == NULL ||
	    asprintf(&base, ".%s.delta", slash + 1) == -1) {
		base = NULL;
		(void)err_set(e, ERR_NOMEM, "out of memory");
	} else if ((d->parent = open_path(dir, 0755, make, "app.root", e)) != -1 &&
	    check_mount(d->parent, d->live_name, root, e) == 0 &&
	    (!make || fs_mkdirs(d->parent, base, 0755, e) == 0)) {
		d->base = fs_open_dir_at(d->parent, base, e);
		rc = d->base == -1 ? err_wrap(e, "app.root: beside %s", root) : 0;
	}
	free(dir);
	free(base);
	return rc;
}

static int
open_base(struct device *d, bool make, struct err *e)
{
	const struct conf *c = d->conf;

	if (check_root(c, e) == -1)
		return -1;
	if (c->swap == SWAP_EXCHANGE) {
		if (open_beside(d, make, e) == -1)
			return -1;
	} else if ((d->base = open_path(c->root, 0755, make, "app.root", e)) == -1) {
		return -1;
	}
	if (check_filesystem(d->base, c->root, e) == -1 ||
	    guard_path(c->root, "app.root", e) == -1) {
		if (e->code != ERR_ABSENT)
			return -1;
		err_clear(e);	/* exchange mode, before the first install */
	}
	if (make && fs_mkdirs(d->base, "releases", 0755, e) == -1)
		return err_wrap(e, "app.root: %s", c->root);
	if ((d->releases = fs_open_dir_at(d->base, "releases", e)) == -1)
		return err_wrap(e, "app.root: %s", c->root);
	return 0;
}

/* STATE holds what this device trusts: nobody else's, readable by nobody else. */
static int
check_state(const struct device *d, struct err *e)
{
	struct stat st;

	if (fstat(d->state, &st) == -1)
		return err_sys(e, "app.state: %s", d->conf->state);
	if (st.st_uid != geteuid()) {
		(void)err_set(e, ERR_POLICY,
		    "app.state: %s belongs to user %u, and this is "
		    "user %u",
		    d->conf->state, (unsigned)st.st_uid, (unsigned)geteuid());
		return err_hint(e, "run delta-apply as its owner");
	}
	if ((st.st_mode & 077) != 0) {
		(void)err_set(e, ERR_POLICY,
		    "app.state: %s is open to others (mode %04o)", d->conf->state,
		    (unsigned)st.st_mode & 07777);
		return err_hint(e, "chmod 700 it");
	}
	return guard_path(d->conf->state, "app.state", e);
}

/* A configuration that took over another's root would prune its releases. */
static int
check_name(const struct device *d, bool make, struct err *e)
{
	struct buf had = BUF_INIT(NAME_FILE_MAX);
	const char *name = d->conf->name;
	int rc = 0;

	if (fs_read_file(d->releases, NAME_FILE, &had, e) == -1) {
		rc = e->code == ERR_ABSENT ? 0
					   : err_wrap(e, "app.root: %s", d->conf->root);
		if (rc == 0 && make)
			rc = fs_write_file(d->releases, NAME_FILE, name, strlen(name),
			    0644, e);
	} else if (strcmp(buf_text(&had), name) != 0) {
		rc = err_set(e, ERR_USAGE,
		    "app.root: %s is that of application '%s', not of "
		    "'%s'",
		    d->conf->root, buf_text(&had), name);
		(void)err_hint(e,
		    "each application needs its own root; after renaming one, "
		    "remove releases/" NAME_FILE);
	}
	buf_free(&had);
	return rc;
}

static int
check_guarded_files(const struct conf *c, struct err *e)
{
	/* A root that is not there is session's to report: later runs need it not. */
	if (access(c->trust_root, F_OK) == 0 &&
	    guard_path(c->trust_root, "trust.root", e) == -1)
		return -1;
	for (int i = 0; i < HOOK_COUNT; i++) {
		const char *line = c->hooks[i];
		char *path;
		int rc = 0;

		if (line == NULL || line[0] != '/')
			continue;
		if ((path = strndup(line, strcspn(line, " \t"))) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		if (access(path, F_OK) == 0)
			rc = guard_path(path, hook_name((enum hook)i), e);
		free(path);
		if (rc == -1)
			return err_wrap(e, "hooks");
	}
	return 0;
}

static void
read_boot_id(struct device *d)
{
	struct buf text = BUF_INIT(sizeof d->boot_id);
	struct err ignored = ERR_INIT;

	/* Without /proc every run counts as the same boot. */
	if (fs_read_path("/proc/sys/kernel/random/boot_id", &text, &ignored) == 0)
		(void)snprintf(d->boot_id, sizeof d->boot_id, "%.*s",
		    (int)strcspn(buf_text(&text), "\n"), buf_text(&text));
	buf_free(&text);
}

static int
open_all(struct device *d, bool make, struct err *e)
{
	const struct conf *c = d->conf;

	if ((d->root_path = strdup(c->root)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (check_guarded_files(c, e) == -1 || open_base(d, make, e) == -1 ||
	    check_name(d, make, e) == -1)
		return -1;
	if ((d->state = open_path(c->state, 0700, make, "app.state", e)) == -1 ||
	    check_state(d, e) == -1)
		return -1;
	/* RUN alone may be made by a look: it is gone after each boot. */
	if ((d->run = open_path(c->run, 0755, true, "app.run", e)) == -1)
		return -1;
	read_boot_id(d);
	return 0;
}

int
device_open(const struct conf *c, bool make, struct device *d, struct err *e)
{
	device_empty(d, c);
	if (open_all(d, make, e) == 0)
		return 0;
	device_close(d);
	return -1;
}
