#include <sys/stat.h>
#include <sys/statvfs.h>

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

/*
 * Symlink mode: one rename puts a ready link over `current`.
 *
 * Exchange mode, from 41 to 42, each line one durable change:
 *
 *	live 41, releases/42 is 42
 *	live 42, releases/42 is 41	exchange: from here on 42 runs
 *	live 42, releases/41 is 41	the old tree gets its own name
 *
 * A crash in the middle line is settled by whoever comes next.
 */

static const char *
link_name(uint64_t release, char out[static LIVE_NAME_MAX])
{
	(void)snprintf(out, LIVE_NAME_MAX, ".link-%llu", (unsigned long long)release);
	return out;
}

/* Is `name` a link to this release? */
static bool
link_is(const struct device *dev, const char *name, uint64_t release)
{
	struct buf text = BUF_INIT(4096);
	struct err ignored = ERR_INIT;
	bool is = fs_read_link(dev->base, name, &text, &ignored) == 0 &&
	    live_parse_target(dev, buf_text(&text)) == release;

	buf_free(&text);
	return is;
}

int
live_prepare(const struct device *dev, uint64_t to, struct err *e)
{
	char name[LIVE_NAME_MAX], target[LIVE_NAME_MAX];

	if (dev->parent != -1 || to == 0)
		return 0;
	if (!link_is(dev, link_name(to, name), to) &&
	    (fs_unlink(dev->base, name, e) == -1 ||
	    fs_symlink(dev->base, live_target(to, target), name, e) == -1))
		return err_wrap(e, "prepare the link to release %llu",
		    (unsigned long long)to);
	return fs_sync_dir(dev->base, ".", e);
}

static int
visit_link(void *arg, const struct fs_visit *v, struct err *e)
{
	const struct device *dev = arg;

	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	if (S_ISLNK(v->st->st_mode) && strncmp(v->name, ".link-", 6) == 0 &&
	    fs_unlink(dev->base, v->name, e) == -1)
		return FS_WALK_STOP;
	return FS_WALK_SKIP;
}

int
live_unprepare(const struct device *dev, struct err *e)
{
	struct device mine = *dev;

	if (live_untry(dev, e) == -1)
		return -1;
	return dev->parent != -1 ? 0 : fs_walk(dev->base, visit_link, &mine, e);
}

/* What runs must be what the caller thinks: 1 already `to`, 0 go on, -1. */
static int
look(const struct device *dev, uint64_t from, uint64_t to, struct err *e)
{
	struct live live;

	switch (live_read(dev, &live, e)) {
	case LIVE_STUCK:
		return -1;
	case LIVE_NONE:
		if (from == 0)
			return 0;
		return err_set(e, ERR_POLICY, "%s: nothing runs, expected release %llu",
		    dev->root_path, (unsigned long long)from);
	case LIVE_RELEASE:
		break;
	}
	if (live.release == to)
		return 1;
	if (live.release != from)
		return err_set(e, ERR_POLICY,
		    "%s: release %llu runs, expected %llu or %llu", dev->root_path,
		    (unsigned long long)live.release, (unsigned long long)from,
		    (unsigned long long)to);
	return 0;
}

static int
tree_is_there(const struct device *dev, uint64_t release, struct err *e)
{
	char number[LIVE_NAME_MAX];
	int tree = fs_open_dir_at(dev->releases, live_number(release, number), e);

	if (tree == -1)
		return err_wrap(e, "releases");
	(void)close(tree);
	return 0;
}

static int
switch_link(const struct device *dev, uint64_t to, struct err *e)
{
	char name[LIVE_NAME_MAX], target[LIVE_NAME_MAX];

	if (!link_is(dev, link_name(to, name), to))
		return fs_replace_link(dev->base, live_target(to, target), LIVE_CURRENT,
		    e);
	if (fs_rename(dev->base, name, dev->base, LIVE_CURRENT, e) == -1)
		return -1;
	return fs_sync_dir(dev->base, ".", e);
}

static int
sync_both(const struct device *dev, struct err *e)
{
	if (fs_sync_dir(dev->parent, ".", e) == -1)
		return -1;
	return fs_sync_dir(dev->releases, ".", e);
}

/* The last line of the table above, when it is still to be written: releases/N
 * of the live release N holds another release's tree, or an empty folder. */
static int
settle(const struct device *dev, struct err *e)
{
	char name[LIVE_NAME_MAX], own[LIVE_NAME_MAX];
	struct err ignored = ERR_INIT;
	struct live live;
	uint64_t other;

	if (live_read(dev, &live, &ignored) != LIVE_RELEASE)
		return 0;
	(void)live_number(live.release, name);
	if ((other = live_record_of(dev, live.release)) != 0 && other != live.release) {
		if (fs_rename_new(dev->releases, name, dev->releases,
		    live_number(other, own), e) == -1)
			return err_wrap(e, "give release %s back its name", own);
	} else if (live_is_empty(dev->releases, name, &ignored) == 1) {
		if (fs_rmdir(dev->releases, name, e) == -1)
			return -1;
	} else {
		return 0;
	}
	return fs_sync_dir(dev->releases, ".", e);
}

static int
explain_exchange(const struct device *dev, struct err *e)
{
	if (e->sys == EBUSY || e->sys == EXDEV)
		(void)err_hint(e, "is %s a mount point, or on another filesystem than "
		    "its parent folder", dev->root_path);
	else if (e->sys == EINVAL || e->sys == ENOSYS)
		(void)err_hint(e, "the filesystem of %s cannot exchange two folders",
		    dev->root_path);
	return -1;
}

static int
switch_tree(const struct device *dev, uint64_t to, struct err *e)
{
	char number[LIVE_NAME_MAX];
	struct stat st;
	int there = fs_stat_at(dev->parent, dev->live_name, &st, e), rc;

	if (there == -1)
		return -1;
	(void)live_number(to, number);
	rc = there == 1 ?
	    fs_exchange(dev->releases, number, dev->parent, dev->live_name, e) :
	    fs_rename_new(dev->releases, number, dev->parent, dev->live_name, e);
	if (rc == -1)
		return explain_exchange(dev, e);
	return sync_both(dev, e);
}

int
live_switch(const struct device *dev, uint64_t from, uint64_t to, struct err *e)
{
	int already;

	if (dev->parent != -1 && settle(dev, e) == -1)
		return -1;
	if ((already = look(dev, from, to, e)) == -1)
		return -1;
	if (already)	/* perhaps by a run that did not get to the sync */
		return dev->parent != -1 ? sync_both(dev, e) :
		    fs_sync_dir(dev->base, ".", e);
	if (tree_is_there(dev, to, e) == -1)
		return -1;
	if (dev->parent == -1)
		return switch_link(dev, to, e);
	if (live_record_of(dev, to) != to)
		return err_set(e, ERR_POLICY,
		    "releases/%llu holds another release's tree", (unsigned long long)to);
	return switch_tree(dev, to, e) == -1 ? -1 : settle(dev, e);
}

int
live_remove(const struct device *dev, uint64_t release, struct err *e)
{
	char number[LIVE_NAME_MAX];
	struct live live;

	if (dev->parent != -1 && settle(dev, e) == -1)
		return -1;
	switch (live_read(dev, &live, e)) {
	case LIVE_STUCK:
		return -1;
	case LIVE_NONE:
		return dev->parent != -1 ? sync_both(dev, e) :
		    fs_sync_dir(dev->base, ".", e);
	case LIVE_RELEASE:
		break;
	}
	if (live.release != release)
		return err_set(e, ERR_POLICY, "%s: release %llu runs, expected %llu",
		    dev->root_path, (unsigned long long)live.release,
		    (unsigned long long)release);
	if (dev->parent == -1)
		return fs_unlink(dev->base, LIVE_CURRENT, e) == -1 ? -1 :
		    fs_sync_dir(dev->base, ".", e);
	if (fs_rename_new(dev->parent, dev->live_name, dev->releases,
	    live_number(release, number), e) == -1)
		return -1;
	return sync_both(dev, e);
}
