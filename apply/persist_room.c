#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_tree.h"

#include "apply/persist.h"

struct room {
	uint64_t bytes, inodes;
};

static int
count(struct room *room, const struct stat *st, struct err *e)
{
	if (u64_add(room->bytes, (uint64_t)st->st_blocks * 512, &room->bytes) == -1 ||
	    u64_add(room->inodes, 1, &room->inodes) == -1)
		return err_set(e, ERR_ROOM, "more than any disk holds");
	return 0;
}

static int
visit(void *arg, const struct fs_visit *v, struct err *e)
{
	return count(arg, v->st, e) == -1 ? FS_WALK_STOP : FS_WALK_ON;
}

/* 1 when something that is no link stands there, which is then counted. */
static int
count_at(int at, const char *path, struct room *room, struct err *e)
{
	struct stat st;
	int there = fs_stat_at(at, path, &st, e), dir, rc;

	if (there != 1)
		return there;
	if (S_ISLNK(st.st_mode))
		return 0;
	if (!S_ISDIR(st.st_mode))
		return count(room, &st, e) == -1 ? -1 : 1;
	if ((dir = fs_open_dir_at(at, path, e)) == -1)
		return -1;
	rc = fs_walk(dir, visit, room, e);
	(void)close(dir);
	return rc == -1 ? -1 : 1;
}

int
persist_copy_room(const struct device *dev, int old_tree, uint64_t *bytes,
    uint64_t *inodes, struct err *e)
{
	const struct conf_list *paths = &dev->conf->persist_copy;
	struct room room = { 0, 0 };
	struct buf shared = BUF_INIT(8192);
	int rc = 0;

	for (int i = 0; old_tree != -1 && rc != -1 && i < paths->n; i++) {
		rc = count_at(old_tree, paths->items[i], &room, e);
		if (rc != 0)
			continue;
		buf_reset(&shared);
		if ((rc = buf_addf(&shared, e, "shared/%s", paths->items[i])) == 0)
			rc = count_at(dev->base, buf_text(&shared), &room, e);
	}
	buf_free(&shared);
	*bytes = room.bytes;
	*inodes = room.inodes;
	return rc == -1 ? -1 : 0;
}
