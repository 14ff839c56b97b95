#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "hosting/place.h"

#include "hosting/dest.h"

#define TEMPORARY ".publish.tmp"	/* at the top: one place to look for scraps */

/* The folder is made when its parent is there; a dry run leaves dir at -1 then. */
int
dest_dir_open(struct dest *d, bool dry_run, struct err *e)
{
	char *above, *name;
	int parent;

	if (place_apart(d->repo_path, d->where, e) == -1)
		return -1;
	if (!dry_run)
		return place_make(d->where, 0755, &d->dir, e);
	if ((d->dir = fs_open_dir(d->where, e)) != -1)
		return 0;
	if (e->code != ERR_ABSENT || place_split(d->where, &above, &name, e) == -1)
		return -1;
	if ((parent = fs_open_dir(above, e)) != -1) {
		err_clear(e);
		(void)close(parent);
	}
	free(above);
	free(name);
	return parent == -1 ? -1 : 0;
}

static int
dir_lock(struct dest *d, struct err *e)
{
	d->exclusive = true;
	if ((d->lock = fs_lock(d->dir, ".publish.lock", "another publish", e)) == -1)
		return -1;
	/* A publish that was killed may have left its half timestamp. */
	if (fs_unlink(d->dir, TEMPORARY, e) == -1 ||
	    fs_mkdirs(d->dir, "metadata", 0755, e) == -1)
		return -1;
	return fs_remove_temps(d->dir, "metadata", e);
}

static int
dir_list(struct dest *d, struct items *l, struct err *e)
{
	return d->dir == -1 ? 0 : items_gather(l, d->dir, e);
}

static int
dir_read(struct dest *d, const char *path, struct buf *out, struct err *e)
{
	if (d->dir == -1)
		return err_set(e, ERR_ABSENT, "%s: not there", path);
	return fs_read_file(d->dir, path, out, e);
}

/* 0 equal, ERR_POLICY when not. */
static int
compare(struct dest *d, const struct item *item, struct err *e)
{
	struct sha256 ours, theirs;
	int a = -1, b = -1, rc = -1;

	if ((a = fs_open_file(d->repo, item->path, NULL, e)) == -1 ||
	    (b = fs_open_file(d->dir, item->path, NULL, e)) == -1 ||
	    sha256_of_fd(a, &ours, NULL, e) == -1 ||
	    sha256_of_fd(b, &theirs, NULL, e) == -1)
		goto out;
	rc = sha256_equal(&ours, &theirs) ? 0 : err_set(e, ERR_POLICY,
	    "%s: the destination holds other bytes under this name; "
	    "it belongs to another repository?", item->path);
out:
	if (a != -1)
		(void)close(a);
	if (b != -1)
		(void)close(b);
	return rc;
}

static int
dir_check(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (compare(d, items[i], e) == -1)
			return -1;
	return 0;
}

/* A name by link(2): it is created, or it was there. */
static int
link_as(struct dest *d, int folder, const char *name, const struct item *item,
    struct err *e)
{
	if (fs_link(d->dir, TEMPORARY, folder, name, e) == 0)
		return fs_unlink(d->dir, TEMPORARY, e);
	if (e->sys == EEXIST) {
		err_clear(e);
		if (compare(d, item, e) == -1)
			return -1;
		return fs_unlink(d->dir, TEMPORARY, e);
	}
	/* No hard links there (FAT, some network filesystems): the lock must do. */
	if (e->sys != EPERM && e->sys != EOPNOTSUPP && e->sys != ENOSYS)
		return -1;
	err_clear(e);
	return fs_rename_new(d->dir, TEMPORARY, folder, name, e);
}

static int
copy_to(struct dest *d, int in, int folder, const struct item *item, struct err *e)
{
	const char *name = strrchr(item->path, '/') + 1;
	int out, rc = -1;

	if (fs_unlink(d->dir, TEMPORARY, e) == -1 ||
	    (out = fs_create(d->dir, TEMPORARY, 0644, e)) == -1)
		return -1;
	if (fs_copy_fd(in, out, e) == 0 && fs_sync(out, e) == 0 &&
	    link_as(d, folder, name, item, e) == 0)
		rc = fs_sync_dir(folder, ".", e);
	(void)close(out);
	if (rc == -1) {
		struct err ignored;

		(void)fs_unlink(d->dir, TEMPORARY, &ignored);
	}
	return rc;
}

static char *
folder_of(const char *path, struct err *e)
{
	char *folder = strdup(path);

	if (folder == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	*strrchr(folder, '/') = '\0';
	return folder;
}

static int
copy_item(struct dest *d, const struct item *item, struct err *e)
{
	char *folder = NULL;
	int in = -1, dir = -1, rc = -1;

	if (cancel_check(e) == -1)
		return -1;
	if ((in = fs_open_file(d->repo, item->path, NULL, e)) == -1 ||
	    (folder = folder_of(item->path, e)) == NULL ||
	    fs_mkdirs(d->dir, folder, 0755, e) == -1 ||
	    (dir = fs_open_dir_at(d->dir, folder, e)) == -1)
		goto out;
	if (copy_to(d, in, dir, item, e) == -1) {
		(void)err_wrap(e, "%s", item->path);
		goto out;
	}
	progress_add(item->bytes);
	rc = 0;
out:
	if (dir != -1)
		(void)close(dir);
	if (in != -1)
		(void)close(in);
	free(folder);
	return rc;
}

static int
dir_put(struct dest *d, struct item *const *items, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (copy_item(d, items[i], e) == -1)
			return -1;
	return 0;
}

static int
dir_replace(struct dest *d, const struct buf *timestamp, struct err *e)
{
	/* The folders' own names too, whichever run made them. */
	if (fs_mkdirs(d->dir, "targets", 0755, e) == -1 ||
	    fs_sync_dir(d->dir, "targets", e) == -1 ||
	    fs_sync_dir(d->dir, ".", e) == -1)
		return -1;
	return fs_write_file(d->dir, DEST_TIMESTAMP, timestamp->data, timestamp->len,
	    0644, e);
}

static int
dir_remove(struct dest *d, char *const *paths, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (cancel_check(e) == -1 || fs_unlink(d->dir, paths[i], e) == -1)
			return -1;
	return 0;
}

static void
dir_close(struct dest *d)
{
	if (d->lock != -1)
		(void)close(d->lock);
	if (d->dir != -1)
		(void)close(d->dir);
}

const struct dest_kind dest_dir = { dir_lock, dir_list, dir_read, dir_put, dir_check,
	dir_replace, dir_remove, dir_close };
