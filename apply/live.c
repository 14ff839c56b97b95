#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/names.h"

#include "apply/live_tree.h"

#include "apply/device.h"

const char *
live_number(uint64_t release, char out[static LIVE_NAME_MAX])
{
	(void)snprintf(out, LIVE_NAME_MAX, "%llu", (unsigned long long)release);
	return out;
}

const char *
live_target(uint64_t release, char out[static LIVE_NAME_MAX])
{
	(void)snprintf(out, LIVE_NAME_MAX, "releases/%llu", (unsigned long long)release);
	return out;
}

uint64_t
live_parse_target(const struct device *dev, const char *text)
{
	static const char folder[] = "releases/";
	char again[LIVE_NAME_MAX];
	uint64_t release;
	size_t n = dev->root_path == NULL ? 0 : strlen(dev->root_path);

	/* A person may have made the link by its absolute path. */
	if (n > 1 && strncmp(text, dev->root_path, n) == 0 && text[n] == '/')
		text += n + 1;
	if (strncmp(text, folder, sizeof folder - 1) != 0 ||
	    u64_parse(text + sizeof folder - 1, RELEASE_MAX, &release) == -1)
		return 0;
	return strcmp(live_target(release, again), text) == 0 ? release : 0;
}

int
live_is_empty(int at, const char *name, struct err *e)
{
	struct dirent *entry;
	int fd, empty = 1;
	DIR *dir;

	if ((fd = fs_open_dir_at(at, name, e)) == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL) {
		(void)err_sys(e, "read folder %s", name);
		(void)close(fd);
		return -1;
	}
	errno = 0;
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0;
	if (empty && errno != 0)
		empty = err_sys(e, "read folder %s", name);
	(void)closedir(dir);
	return empty;
}

/* What the tree says of itself; false when it says nothing readable. */
static bool
read_record(int tree, struct live *live, struct err *why)
{
	struct record rec;

	if (tree_record_read(tree, &rec, NULL, why) == -1)
		return false;
	live->release = rec.release;
	live->listing = rec.listing;
	memcpy(live->version, rec.version, sizeof live->version);
	live->has_record = true;
	record_clear(&rec);
	return true;
}

/* No descriptor, no memory, a disk that fails: the next time it may be read. */
static bool
is_passing(const struct err *why)
{
	return why->sys == EIO || why->sys == EMFILE || why->sys == ENFILE ||
	    why->sys == ENOMEM || why->sys == EINTR;
}

static enum live_state
stuck(struct err *why)
{
	if (is_passing(why))
		return LIVE_STUCK;
	(void)err_hint(why, "nothing was touched: put it right by hand, then resume");
	why->code = ERR_POLICY;
	return LIVE_STUCK;
}

/* The release that a link names is running, if it stands there at all. */
static enum live_state
read_target(const struct device *dev, uint64_t release, struct live *live,
    struct err *why)
{
	char target[LIVE_NAME_MAX];
	struct err unread = ERR_INIT;
	int tree;

	if ((tree = fs_open_dir_at(dev->base, live_target(release, target), why)) == -1) {
		if (why->code == ERR_ABSENT)
			(void)err_set(why, ERR_POLICY,
			    "%s/current points to %s, which is not there",
			    dev->root_path, target);
		return stuck(why);
	}
	if (!read_record(tree, live, &unread) || live->release != release)
		live->has_record = false;	/* the link is the truth, not the tree */
	live->release = release;
	(void)close(tree);
	return LIVE_RELEASE;
}

static enum live_state
read_link(const struct device *dev, struct live *live, struct err *why)
{
	struct buf text = BUF_INIT(4096);
	enum live_state state;
	struct stat st;
	uint64_t release;
	int there = fs_stat_at(dev->base, LIVE_CURRENT, &st, why);

	if (there == 0)
		return LIVE_NONE;
	if (there == -1)
		return stuck(why);
	if (!S_ISLNK(st.st_mode)) {
		(void)err_set(why, ERR_POLICY,
		    "%s/current is a %s, not a link to a release", dev->root_path,
		    S_ISDIR(st.st_mode) ? "folder" : "file");
		return stuck(why);
	}
	if (fs_read_link(dev->base, LIVE_CURRENT, &text, why) == -1) {
		state = stuck(why);
	} else if ((release = live_parse_target(dev, buf_text(&text))) == 0) {
		(void)err_set(why, ERR_POLICY,
		    "%s/current points to %s, not into releases/", dev->root_path,
		    buf_text(&text));
		state = stuck(why);
	} else {
		state = read_target(dev, release, live, why);
	}
	buf_free(&text);
	return state;
}

static enum live_state
read_tree(const struct device *dev, struct live *live, struct err *why)
{
	struct err record = ERR_INIT;
	enum live_state state = LIVE_RELEASE;
	struct stat st;
	int tree, empty, there = fs_stat_at(dev->parent, dev->live_name, &st, why);

	if (there == 0)
		return LIVE_NONE;
	if (there == -1)
		return stuck(why);
	if (!S_ISDIR(st.st_mode)) {
		(void)err_set(why, ERR_POLICY, "%s is a %s, not a folder", dev->root_path,
		    S_ISLNK(st.st_mode) ? "link" : "file");
		return stuck(why);
	}
	if ((empty = live_is_empty(dev->parent, dev->live_name, why)) != 0)
		return empty == 1 ? LIVE_NONE : stuck(why);
	if ((tree = fs_open_dir_at(dev->parent, dev->live_name, why)) == -1)
		return stuck(why);
	if (!read_record(tree, live, &record)) {
		if (is_passing(&record))
			*why = record;
		else
			(void)err_set(why, ERR_POLICY,
			    "%s holds files, but no readable record of a release (%s)",
			    dev->root_path, record.text);
		state = stuck(why);
	}
	(void)close(tree);
	return state;
}

enum live_state
live_read(const struct device *dev, struct live *live, struct err *why)
{
	memset(live, 0, sizeof *live);
	err_clear(why);
	return dev->parent == -1 ? read_link(dev, live, why) : read_tree(dev, live, why);
}

uint64_t
live_record_of(const struct device *dev, uint64_t name)
{
	struct err ignored = ERR_INIT;
	char number[LIVE_NAME_MAX];
	uint64_t release = 0;
	struct record rec;
	int tree = fs_open_dir_at(dev->releases, live_number(name, number), &ignored);

	if (tree == -1)
		return 0;
	if (tree_record_read(tree, &rec, NULL, &ignored) == 0) {
		release = rec.release;
		record_clear(&rec);
	}
	(void)close(tree);
	return release;
}

int
live_open_tree(const struct device *dev, uint64_t release, struct err *e)
{
	struct err ignored = ERR_INIT;
	char number[LIVE_NAME_MAX];
	struct live live;
	int tree;

	if (dev->parent != -1 && live_read(dev, &live, &ignored) == LIVE_RELEASE) {
		if (live.release == release)
			return fs_open_dir_at(dev->parent, dev->live_name, e);
		/* Between exchange and rename the old tree has the new one's name. */
		if (live_record_of(dev, live.release) == release)
			release = live.release;
	}
	tree = fs_open_dir_at(dev->releases, live_number(release, number), e);
	return tree != -1 ? tree : err_wrap(e, "releases");
}
