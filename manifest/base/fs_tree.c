#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/buf.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_names_list.h"
#include "manifest/base/fs_resolve.h"

#include "manifest/base/fs_tree.h"

enum { DEPTH_MAX = 256, PATH_BYTES_MAX = 4096 };

struct walk {
	int (*visit)(void *, const struct fs_visit *, struct err *);
	void *arg;
	struct buf path;	/* of the entry under the eye, "" for the root */
	int depth;
};

static int walk_below(struct walk *, int dir, struct err *);

static int
open_below(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* One entry and what is below it; path already ends with name. */
static int
walk_entry(struct walk *w, int parent, const char *name, struct err *e)
{
	struct stat st;
	struct fs_visit v = { buf_text(&w->path), name, parent, &st };
	int next, fd, rc;

	if (cancel_check(e) == -1)
		return -1;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "%s", v.path);
	if ((next = w->visit(w->arg, &v, e)) == FS_WALK_STOP)
		return -1;
	if (next == FS_WALK_SKIP || !S_ISDIR(st.st_mode))
		return 0;
	if (w->depth == DEPTH_MAX)
		return err_set(e, ERR_FORMAT, "%s: over %d folders deep", v.path,
		    DEPTH_MAX);
	if ((fd = open_below(parent, name)) == -1)
		return err_sys(e, "%s", v.path);
	w->depth++;
	rc = walk_below(w, fd, e);
	w->depth--;
	(void)close(fd);
	return rc;
}

static int
walk_below(struct walk *w, int dir, struct err *e)
{
	size_t stem = w->path.len;
	struct fs_names list;
	int rc = 0;

	if (fs_names_read(&list, dir, e) == -1)
		return err_wrap(e, "%s", stem == 0 ? "." : buf_text(&w->path));
	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		if ((stem > 0 && buf_add_byte(&w->path, '/', e) == -1) ||
		    buf_add_text(&w->path, list.names[i], e) == -1)
			rc = err_wrap(e, "%s/%s", buf_text(&w->path), list.names[i]);
		else
			rc = walk_entry(w, dir, list.names[i], e);
		w->path.len = stem;
		if (w->path.data != NULL)
			w->path.data[stem] = '\0';
	}
	fs_names_free(&list);
	return rc;
}

int
fs_walk(int dir, int (*visit)(void *arg, const struct fs_visit *, struct err *),
    void *arg, struct err *e)
{
	struct walk w = { visit, arg, BUF_INIT(PATH_BYTES_MAX), 0 };
	struct stat st;
	struct fs_visit root = { ".", ".", dir, &st };
	int rc;

	if (fstat(dir, &st) == -1)
		return err_sys(e, ".");
	rc = visit(arg, &root, e);
	if (rc == FS_WALK_ON)
		rc = walk_below(&w, dir, e);
	buf_free(&w.path);
	return rc == FS_WALK_STOP ? -1 : 0;
}

static int remove_entry(int parent, const char *name, int depth, struct err *);

/* Owners may take their own write permission away, and get it back here.  An
 * O_PATH descriptor cannot be given to fchmod; its name in /proc can. */
static int
open_to_empty(int parent, const char *name)
{
	char self[40];
	int fd = open_below(parent, name), path, rc;

	if (fd != -1 && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return fd;
	if (fd == -1 && errno != EACCES)
		return -1;
	if (fd != -1)
		(void)close(fd);
	path = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (path == -1)
		return -1;
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", path);
	rc = fchmodat(AT_FDCWD, self, 0700, 0);
	(void)close(path);
	return rc == -1 ? -1 : open_below(parent, name);
}

/* What is mounted below belongs to somebody else, a bind mount too. */
static int
refuse_mount(int fd, const char *name, struct err *e)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) == 0 &&
	    (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		return err_set(e, ERR_POLICY, "%s: something is mounted here; "
		    "unmount it first", name);
	return 0;
}

static int
remove_folder(int parent, const char *name, int depth, struct err *e)
{
	struct fs_names list = { NULL, 0, 0 };
	int fd, rc = -1;

	if (depth == DEPTH_MAX)
		return err_set(e, ERR_FORMAT, "%s: over %d folders deep", name,
		    DEPTH_MAX);
	if ((fd = open_to_empty(parent, name)) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", name);
	if (refuse_mount(fd, name, e) == -1 || fs_names_read(&list, fd, e) == -1)
		goto out;
	for (size_t i = 0; i < list.n; i++)
		if (remove_entry(fd, list.names[i], depth + 1, e) == -1) {
			(void)err_wrap(e, "%s", name);
			goto out;
		}
	rc = 0;
out:
	fs_names_free(&list);
	(void)close(fd);
	if (rc == 0 && unlinkat(parent, name, AT_REMOVEDIR) == -1 && errno != ENOENT)
		rc = err_sys(e, "remove %s", name);
	return rc;
}

static int
remove_entry(int parent, const char *name, int depth, struct err *e)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_sys(e, "remove %s", name);
	return remove_folder(parent, name, depth, e);
}

int
fs_remove_tree(int at, const char *rel, struct err *e)
{
	struct fs_place place;
	int rc;

	if (strcmp(rel, ".") == 0)
		return err_set(e, ERR_FAIL, "a folder cannot remove itself");
	if (fs_place_find(&place, at, rel, e) == -1)
		return e->sys == ENOENT ? 0 : -1;
	rc = remove_entry(place.dir, place.last, 0, e);
	fs_place_end(&place);
	return rc;
}

int
fs_sync_tree(int dir, struct err *e)
{
	return fs_sync_all(dir, e);
}
