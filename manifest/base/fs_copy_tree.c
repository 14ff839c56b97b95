#include <sys/stat.h>
#include <sys/xattr.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_resolve.h"

#include "manifest/base/fs_tree.h"

enum { XATTR_NAMES_MAX = 64 * 1024, XATTR_VALUE_MAX = 64 * 1024 };

/* An inode with several names that was copied under its first one. */
struct inode {
	dev_t dev;
	ino_t ino;
	char *path;
};

/* A folder that gets its mode and time when all is in it. */
struct folder {
	char *path;
	struct stat st;
};

struct copying {
	int to;			/* the new root */
	void *inodes;		/* of tsearch(3) */
	struct folder *folders;
	size_t n, cap;
};

static int
by_inode(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void
inode_free(void *p)
{
	struct inode *i = p;

	free(i->path);
	free(i);
}

/* May this attribute be missing in the copy?  Yes, where permission or the
 * filesystem is what refused it. */
static int
is_optional(const struct err *e)
{
	return e->sys == EPERM || e->sys == ENOTSUP || e->sys == EACCES ||
	    e->sys == EINVAL;
}

static int
copy_xattr(int from, int to, const char *name, uint8_t *value, struct err *e)
{
	ssize_t n = fgetxattr(from, name, value, XATTR_VALUE_MAX);

	if (n == -1 && (errno == ENODATA || errno == ENOTSUP || errno == EPERM))
		return 0;
	if (n == -1)
		return err_sys(e, "read the attribute %s", name);
	if (fs_set_xattr_fd(to, name, value, (size_t)n, e) == -1 && !is_optional(e))
		return -1;
	return 0;
}

static int
copy_xattrs(int from, int to, struct err *e)
{
	char *names = malloc(XATTR_NAMES_MAX);
	uint8_t *value = malloc(XATTR_VALUE_MAX);
	ssize_t n = 0;
	int rc = 0;

	if (names == NULL || value == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else if ((n = flistxattr(from, names, XATTR_NAMES_MAX)) == -1)
		rc = errno == ENOTSUP ? 0 : err_sys(e, "list the attributes");
	for (ssize_t at = 0; rc == 0 && at < n;
	    at += (ssize_t)strlen(names + at) + 1)
		rc = copy_xattr(from, to, names + at, value, e);
	free(names);
	free(value);
	return rc;
}

/* Owner, mode, attributes, in the order in which none undoes another. */
static int
copy_marks(int from, int to, const struct stat *st, struct err *e)
{
	mode_t mode = st->st_mode & 07777;
	struct stat now;

	if (fstat(to, &now) == -1)
		return err_sys(e, "look");
	if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) &&
	    fs_chown_fd(to, st->st_uid, st->st_gid, e) == -1) {
		if (!is_optional(e))
			return -1;
		mode &= 01777;	/* no set-id bit for another owner than meant */
	}
	if (fs_chmod_fd(to, mode, e) == -1 || copy_xattrs(from, to, e) == -1)
		return -1;
	return 0;
}

static int
copy_file(int from_dir, const char *name, int to_dir, const char *path,
    struct err *e)
{
	struct stat st;
	int from, to = -1, rc = -1;

	if ((from = fs_open_file(from_dir, name, &st, e)) == -1)
		return -1;
	if ((to = fs_create(to_dir, path, 0600, e)) == -1 ||
	    fs_copy_fd(from, to, e) == -1 || copy_marks(from, to, &st, e) == -1 ||
	    fs_set_time_fd(to, st.st_mtime, e) == -1)
		goto out;
	rc = fs_sync(to, e);
out:
	(void)close(from);
	if (to != -1)
		(void)close(to);
	return rc;
}

static int
copy_link(int from_dir, const char *name, const struct stat *st, int to_dir,
    const char *path, struct err *e)
{
	struct buf target = BUF_INIT(PATH_MAX);
	int rc = fs_read_link(from_dir, name, &target, e);

	if (rc == 0)
		rc = fs_symlink(to_dir, buf_text(&target), path, e);
	if (rc == 0 && (st->st_uid != geteuid() || st->st_gid != getegid()) &&
	    fs_chown_link(to_dir, path, st->st_uid, st->st_gid, e) == -1 &&
	    !is_optional(e))
		rc = -1;
	if (rc == 0)
		rc = fs_set_time(to_dir, path, st->st_mtime, e);
	buf_free(&target);
	return rc;
}

/* 1: this inode was copied before and is linked now.  0: it is new. */
static int
link_known(struct copying *c, const struct fs_visit *v, struct err *e)
{
	struct inode *mine = calloc(1, sizeof *mine), **slot;

	if (mine == NULL || (mine->path = strdup(v->path)) == NULL) {
		free(mine);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	mine->dev = v->st->st_dev;
	mine->ino = v->st->st_ino;
	slot = tsearch(mine, &c->inodes, by_inode);
	if (slot != NULL && *slot == mine)
		return 0;
	inode_free(mine);
	if (slot == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return fs_link(c->to, (*slot)->path, c->to, v->path, e) == -1 ? -1 : 1;
}

static int
copy_folder(struct copying *c, const struct fs_visit *v, struct err *e)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 32 : c->cap * 2;
		struct folder *more = reallocarray(c->folders, cap, sizeof *more);

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		c->folders = more;
		c->cap = cap;
	}
	if ((c->folders[c->n].path = strdup(v->path)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->folders[c->n++].st = *v->st;
	return strcmp(v->path, ".") == 0 ? 0 : fs_mkdir(c->to, v->path, 0700, e);
}

static int
copy_entry(void *arg, const struct fs_visit *v, struct err *e)
{
	struct copying *c = arg;
	int known;

	if (S_ISDIR(v->st->st_mode))
		return copy_folder(c, v, e);
	if (!S_ISREG(v->st->st_mode) && !S_ISLNK(v->st->st_mode))
		return err_set(e, ERR_POLICY,
		    "%s: neither file, folder nor symbolic link", v->path);
	if (v->st->st_nlink > 1) {
		if ((known = link_known(c, v, e)) != 0)
			return known == 1 ? FS_WALK_ON : FS_WALK_STOP;
	}
	if (S_ISLNK(v->st->st_mode))
		return copy_link(v->parent, v->name, v->st, c->to, v->path, e);
	if (copy_file(v->parent, v->name, c->to, v->path, e) == -1)
		return err_wrap(e, "copy %s", v->path);
	return FS_WALK_ON;
}

/* Inner folders first: what is done in a folder changes its time. */
static int
finish_folders(struct copying *c, int from, struct err *e)
{
	for (size_t i = c->n; i-- > 0;) {
		const struct folder *f = &c->folders[i];
		int old = fs_open_dir_at(from, f->path, e), new = -1, rc = -1;

		if (old != -1 && (new = fs_open_dir_at(c->to, f->path, e)) != -1 &&
		    copy_marks(old, new, &f->st, e) == 0 &&
		    fs_set_time_fd(new, f->st.st_mtime, e) == 0)
			rc = fs_sync(new, e);
		if (old != -1)
			(void)close(old);
		if (new != -1)
			(void)close(new);
		if (rc == -1)
			return err_wrap(e, "copy %s", f->path);
	}
	return 0;
}

static int
copy_folders(int from, int to, struct err *e)
{
	struct copying c = { .to = to };
	int rc;

	rc = fs_walk(from, copy_entry, &c, e);
	if (rc == 0)
		rc = finish_folders(&c, from, e);
	tdestroy(c.inodes, inode_free);
	for (size_t i = 0; i < c.n; i++)
		free(c.folders[i].path);
	free(c.folders);
	return rc;
}

static int
copy_dir(int from_at, const char *from, int at, const char *to, struct err *e)
{
	int old, new = -1, rc = -1;

	if ((old = fs_open_dir_at(from_at, from, e)) == -1)
		return -1;
	if (fs_mkdir(at, to, 0700, e) == 0) {
		if ((new = fs_open_dir_at(at, to, e)) != -1)
			rc = copy_folders(old, new, e);
		if (new != -1)
			(void)close(new);
		if (rc == -1) {
			struct err ignored;

			(void)fs_remove_tree(at, to, &ignored);
		}
	}
	(void)close(old);
	return rc;
}

int
fs_copy_tree(int from_at, const char *from, int at, const char *to,
    struct err *e)
{
	struct err ignored;
	struct stat st, goal;
	int there, rc;

	if ((there = fs_stat_at(from_at, from, &st, e)) == 0) {
		errno = ENOENT;
		return err_sys(e, "%s", from);
	}
	if (there == -1 || (there = fs_stat_at(at, to, &goal, e)) == -1)
		return -1;
	if (there == 1) {
		errno = EEXIST;
		return err_sys(e, "%s", to);
	}
	if (S_ISDIR(st.st_mode))
		return copy_dir(from_at, from, at, to, e);
	if (S_ISLNK(st.st_mode))
		return copy_link(from_at, from, &st, at, to, e);
	if ((rc = copy_file(from_at, from, at, to, e)) == -1 && e->sys != EEXIST)
		(void)fs_unlink(at, to, &ignored);
	return rc;
}
