#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "apply/live_tree.h"

#include "apply/device.h"

#define TRY_A ".try-a"
#define TRY_B ".try-b"
enum { BESIDE_MAX = 256 };

static int
refuse(const struct device *dev, struct err *e, const char *fact)
{
	struct err reason = *e;

	if (e->sys == ENOSPC || e->sys == EDQUOT || e->sys == ENOMEM || e->sys == EIO)
		return -1;	/* nothing that says something about the place */
	return err_set(e, ERR_POLICY, "%s: %s (%s)", dev->root_path, fact,
	    reason.text);
}

static int
clear_link(const struct device *dev, struct err *e)
{
	if (fs_unlink(dev->base, TRY_A, e) == -1 ||
	    fs_unlink(dev->base, TRY_B, e) == -1 ||
	    fs_remove_tree(dev->releases, TRY_A, e) == -1)
		return -1;
	return fs_remove_tree(dev->releases, TRY_B, e);
}

/* A link over a link as for `current`, a folder to another name as for a
 * finished tree. */
static int
try_link(const struct device *dev, struct err *e)
{
	struct err ignored = ERR_INIT;
	int rc = -1;

	if (clear_link(dev, e) == -1)
		return -1;
	if (fs_symlink(dev->base, "releases/0", TRY_A, e) == -1 ||
	    fs_symlink(dev->base, "releases/0", TRY_B, e) == -1) {
		(void)refuse(dev, e, "its filesystem cannot hold symbolic links; "
		    "use another one (not vfat)");
		goto out;
	}
	if (fs_rename(dev->base, TRY_A, dev->base, TRY_B, e) == -1) {
		(void)refuse(dev, e, "a link cannot be replaced there");
		goto out;
	}
	if (fs_mkdir(dev->releases, TRY_A, 0700, e) == -1 ||
	    fs_rename_new(dev->releases, TRY_A, dev->releases, TRY_B, e) == -1) {
		(void)refuse(dev, e, "a tree cannot be renamed in releases/");
		goto out;
	}
	rc = 0;
out:
	(void)clear_link(dev, &ignored);
	return rc;
}

/* A mount point is busy for rename and for exchange; a trial beside it would
 * not show that. */
static int
check_mount(const struct device *dev, struct err *e)
{
	struct stat st, base;
	struct statx sx;
	int there = fs_stat_at(dev->parent, dev->live_name, &st, e);

	if (there != 1)
		return there;
	if (fstat(dev->base, &base) == -1)
		return err_sys(e, "%s", dev->root_path);
	memset(&sx, 0, sizeof sx);
	if (st.st_dev != base.st_dev ||
	    (statx(dev->parent, dev->live_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
	    STATX_TYPE, &sx) == 0 &&
	    (sx.stx_attributes & sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0))
		return err_set(e, ERR_POLICY,
		    "%s is a mount point and cannot be exchanged; "
		    "mount its parent folder, or use swap = symlink",
		    dev->root_path);
	return 0;
}

static int
beside_name(const struct device *dev, char out[static BESIDE_MAX], struct err *e)
{
	int n = snprintf(out, BESIDE_MAX, ".%s.try", dev->live_name);

	if (n >= BESIDE_MAX)
		return err_set(e, ERR_POLICY, "%s: the name is too long", dev->root_path);
	return 0;
}

static int
clear_tree(const struct device *dev, const char *beside, struct err *e)
{
	if (fs_remove_tree(dev->releases, TRY_A, e) == -1)
		return -1;
	return fs_remove_tree(dev->parent, beside, e);
}

/* Did the two folders change places? */
static int
try_exchange(const struct device *dev, const char *beside, struct err *e)
{
	struct stat before, after;

	if (fs_mkdir(dev->releases, TRY_A, 0700, e) == -1 ||
	    fs_mkdir(dev->parent, beside, 0700, e) == -1)
		return refuse(dev, e, "a folder cannot be made beside it");
	if (fs_stat_at(dev->releases, TRY_A, &before, e) == -1)
		return -1;
	if (fs_exchange(dev->releases, TRY_A, dev->parent, beside, e) == -1)
		return refuse(dev, e, "two folders cannot be exchanged there; "
		    "use swap = symlink");
	if (fs_stat_at(dev->parent, beside, &after, e) == -1)
		return -1;
	if (before.st_ino != after.st_ino)
		return err_set(e, ERR_POLICY, "%s: its filesystem says that it exchanged "
		    "two folders but did not; use swap = symlink", dev->root_path);
	return 0;
}

static int
try_tree(const struct device *dev, struct err *e)
{
	struct err ignored = ERR_INIT;
	char beside[BESIDE_MAX];
	int rc;

	if (check_mount(dev, e) == -1 || beside_name(dev, beside, e) == -1)
		return -1;
	if (clear_tree(dev, beside, e) == -1)
		return -1;
	rc = try_exchange(dev, beside, e);
	(void)clear_tree(dev, beside, &ignored);
	return rc;
}

int
live_try(const struct device *dev, struct err *e)
{
	return dev->parent == -1 ? try_link(dev, e) : try_tree(dev, e);
}

int
live_untry(const struct device *dev, struct err *e)
{
	char beside[BESIDE_MAX];

	if (dev->parent == -1)
		return clear_link(dev, e);
	return beside_name(dev, beside, e) == -1 ? -1 : clear_tree(dev, beside, e);
}
