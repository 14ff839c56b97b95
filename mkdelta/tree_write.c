#include <sys/stat.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/hash.h"

#include "mkdelta/tree_write.h"

/* While it is built a folder lets its owner write, whatever it will be. */
enum { BUILD_MODE = 0700 };

static bool
is_root(void)
{
	return geteuid() == 0;
}

static int
check_content(struct listing *l, size_t i, int fd, struct err *e)
{
	const struct entry *x = &l->entries[i];
	struct sha256 got;
	uint64_t bytes = 0;

	if (sha256_of_fd(fd, &got, &bytes, e) == -1)
		return err_wrap(e, "%s", x->path);
	if (bytes != x->size)
		return err_set(e, ERR_TRUST, "%s: has %llu bytes, the listing says %llu",
		    x->path, (unsigned long long)bytes, (unsigned long long)x->size);
	if (x->has_sha256 && !sha256_equal(&got, &x->sha256))
		return err_set(e, ERR_TRUST, "%s: its hash is not the listing's",
		    x->path);
	if (!x->has_sha256)
		listing_set_hash(l, i, &got);
	return 0;
}

/* Owner first (it clears set-id bits), attributes, mode, time last. */
static int
dress(int fd, const struct entry *x, int64_t time, struct err *e)
{
	if (x->has_owner && is_root() && fs_chown_fd(fd, x->uid, x->gid, e) == -1)
		return -1;
	for (const struct entry_xattr *a = x->xattrs; a != NULL; a = a->next)
		if ((is_root() || strncmp(a->name, "user.", 5) == 0) &&
		    fs_set_xattr_fd(fd, a->name, a->value, a->size, e) == -1)
			return -1;
	if (fs_chmod_fd(fd, (mode_t)x->mode, e) == -1)
		return -1;
	return time == -1 ? 0 : fs_set_time_fd(fd, time, e);
}

static int
write_file(int dir, struct listing *l, size_t i, const struct tree_source *source,
    int64_t time, struct err *e)
{
	const struct entry *x = &l->entries[i];
	size_t first = listing_group_first(l, i);
	int fd, rc;

	if (first != i)
		return fs_link(dir, l->entries[first].path, dir, x->path, e);
	if ((fd = fs_create(dir, x->path, 0600, e)) == -1)
		return -1;
	rc = source->content(source->arg, l, i, fd, e);
	if (rc == 0)
		rc = check_content(l, i, fd, e);
	if (rc == 0 && (rc = dress(fd, x, time, e)) == -1)
		(void)err_wrap(e, "%s", x->path);
	(void)close(fd);
	return rc;
}

static int
write_link(int dir, const struct entry *x, int64_t time, struct err *e)
{
	if (fs_symlink(dir, x->link, x->path, e) == -1)
		return -1;
	if (x->has_owner && is_root() &&
	    fs_chown_link(dir, x->path, x->uid, x->gid, e) == -1)
		return -1;
	return time == -1 ? 0 : fs_set_time(dir, x->path, time, e);
}

static int
write_entry(int dir, struct listing *l, size_t i, const struct tree_source *source,
    int64_t time, struct err *e)
{
	const struct entry *x = &l->entries[i];

	if (cancel_check(e) == -1)
		return -1;
	switch (x->type) {
	case ENTRY_DIR:
		return i == 0 ? 0 : fs_mkdir(dir, x->path, BUILD_MODE, e);
	case ENTRY_FILE:
		return write_file(dir, l, i, source, time, e);
	case ENTRY_LINK:
		return write_link(dir, x, time, e);
	}
	return err_set(e, ERR_FORMAT, "%s: unknown type", x->path);
}

/* Folders get their modes when nothing is made in them any more, deepest first. */
static int
dress_dirs(int dir, const struct listing *l, int64_t time, struct err *e)
{
	for (size_t i = l->n; i-- > 0;) {
		const struct entry *x = &l->entries[i];
		int fd, rc;

		if (x->type != ENTRY_DIR)
			continue;
		if ((fd = fs_open_dir_at(dir, x->path, e)) == -1)
			return -1;
		rc = dress(fd, x, time, e);
		(void)close(fd);
		if (rc == -1)
			return err_wrap(e, "%s", x->path);
	}
	return 0;
}

int
tree_write(int at, const char *rel, struct listing *l, const struct tree_source *source,
    int64_t time, struct err *e)
{
	struct err ignored = ERR_INIT;
	int dir = -1, rc = -1;

	if (fs_mkdir(at, rel, BUILD_MODE, e) == -1)
		return -1;
	if ((dir = fs_open_dir_at(at, rel, e)) == -1)
		goto out;
	for (size_t i = 0; i < l->n; i++)
		if (write_entry(dir, l, i, source, time, e) == -1)
			goto out;
	rc = dress_dirs(dir, l, time, e);
out:
	if (dir != -1)
		(void)close(dir);
	if (rc == -1)
		(void)fs_remove_tree(at, rel, &ignored);
	return rc;
}

int
tree_copy_content(void *arg, const struct listing *l, size_t i, int fd, struct err *e)
{
	const int *from = arg;
	int in = fs_open_file(*from, l->entries[i].path, NULL, e), rc;

	if (in == -1)
		return -1;
	rc = fs_copy_fd(in, fd, e);
	(void)close(in);
	return rc == -1 ? err_wrap(e, "%s", l->entries[i].path) : 0;
}
