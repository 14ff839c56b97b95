#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "apply/hook_env.h"
#include "apply/hooks.h"

#include "apply/hook_copy.h"

enum { NAME_BYTES_MAX = 96 };

/* The tree, open, and what its listing says of the hook.  1, 0, -1. */
static int
find(const struct device *dev, uint64_t release, enum hook hook, int *tree,
    struct sha256 *want, struct err *e)
{
	struct listing *listing = NULL;
	char path[NAME_BYTES_MAX];
	struct record rec;
	int found = 0;
	long at;

	memset(&rec, 0, sizeof rec);
	*tree = live_open_tree(dev, release, e);
	if (*tree == -1)
		return e->code == ERR_ABSENT ? 0 : -1;
	if (tree_record_read(*tree, &rec, &listing, e) == -1) {
		found = e->code == ERR_ABSENT ? 0 : -1;
		goto out;
	}
	(void)snprintf(path, sizeof path, ".delta/hooks/%s", hook_name(hook));
	at = listing_find(listing, path);
	if (at != -1 && listing->entries[at].type == ENTRY_FILE) {
		*want = listing->entries[at].sha256;
		found = 1;
	}
out:
	listing_free(listing);
	record_clear(&rec);
	if (found != 1) {
		(void)close(*tree);
		*tree = -1;
	}
	return found;
}

int
hook_shipped(const struct device *dev, uint64_t release, enum hook hook, struct err *e)
{
	struct sha256 want;
	int tree, found;

	if (release == 0)
		return 0;
	if ((found = find(dev, release, hook, &tree, &want, e)) == 1)
		(void)close(tree);
	return found;
}

static bool
is_good(const struct device *dev, const char *copy, const struct sha256 *want)
{
	struct err why = ERR_INIT;
	struct sha256 got;
	struct stat st;
	bool good;
	int fd = fs_open_file(dev->base, copy, &st, &why);

	if (fd == -1)
		return false;
	good = st.st_uid == geteuid() && (st.st_mode & 07777) == 0755 &&
	    sha256_of_fd(fd, &got, NULL, &why) == 0 && sha256_equal(&got, want);
	(void)close(fd);
	return good;
}

static int
make_copy(const struct device *dev, int tree, const char *from, const char *folder,
    const char *copy, struct err *e)
{
	int in, out = -1, rc = -1;

	if ((in = fs_open_file(tree, from, NULL, e)) == -1)
		return -1;
	if (fs_mkdirs(dev->base, folder, 0755, e) == -1 ||
	    fs_unlink(dev->base, copy, e) == -1 ||
	    (out = fs_create(dev->base, copy, 0600, e)) == -1 ||
	    fs_copy_fd(in, out, e) == -1 || fs_chmod_fd(out, 0755, e) == -1 ||
	    fs_sync(out, e) == -1)
		goto out;
	rc = fs_sync_dir(dev->base, folder, e);
out:
	if (out != -1)
		(void)close(out);
	(void)close(in);
	return rc;
}

int
hook_copy(const struct device *dev, uint64_t release, enum hook hook, struct buf *path,
    struct err *e)
{
	char folder[NAME_BYTES_MAX], copy[NAME_BYTES_MAX + 24], from[NAME_BYTES_MAX];
	struct sha256 want;
	int tree, found, rc = -1;

	(void)snprintf(folder, sizeof folder, HOOK_COPIES "/%" PRIu64, release);
	(void)snprintf(copy, sizeof copy, "%s/%s", folder, hook_name(hook));
	(void)snprintf(from, sizeof from, ".delta/hooks/%s", hook_name(hook));
	if ((found = find(dev, release, hook, &tree, &want, e)) != 1)
		return found == -1 ? -1 : err_set(e, ERR_ABSENT, "release %" PRIu64
		    " has no hook %s", release, hook_name(hook));
	if (!is_good(dev, copy, &want)) {
		if (make_copy(dev, tree, from, folder, copy, e) == -1)
			goto out;
		if (!is_good(dev, copy, &want)) {
			(void)fs_unlink(dev->base, copy, e);
			(void)err_set(e, ERR_TRUST, "release %" PRIu64 ": %s is not what"
			    " its listing says", release, from);
			goto out;
		}
	}
	rc = hook_base_path(dev, path, e) == -1 ? -1 : buf_addf(path, e, "/%s", copy);
out:
	(void)close(tree);
	return rc;
}

int
hook_copies(const struct device *dev, uint64_t release, int tree,
    const struct listing *listing, struct err *e)
{
	char folder[NAME_BYTES_MAX], copy[NAME_BYTES_MAX + 24], from[NAME_BYTES_MAX];

	(void)snprintf(folder, sizeof folder, HOOK_COPIES "/%" PRIu64, release);
	for (int i = 0; i < HOOK_COUNT; i++) {
		(void)snprintf(copy, sizeof copy, "%s/%s", folder, hook_name((enum hook)i));
		(void)snprintf(from, sizeof from, ".delta/hooks/%s", hook_name((enum hook)i));
		if (listing_find(listing, from) != -1 &&
		    make_copy(dev, tree, from, folder, copy, e) == -1)
			return -1;
	}
	return 0;
}

int
hooks_clear(const struct device *dev, struct err *e)
{
	return fs_remove_tree(dev->base, HOOK_COPIES, e);
}
